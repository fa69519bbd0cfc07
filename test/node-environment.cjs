// Jest's environment for Node, in whose worker processes nothing is left to be taken down at the end.
const { TestEnvironment } = require('jest-environment-node');

// A worker that no handle keeps alive would free its memory piece by piece: on a busy machine that takes longer than the
// half second after which Jest ends it by force, as it would one that leaks. Of a leak nothing is hidden: a process that
// something keeps alive never comes here.
if (process.connected) process.once('beforeExit', () => process.exit());

module.exports = TestEnvironment;
