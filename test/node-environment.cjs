// Jest's environment for Node, in whose worker processes nothing is left to be taken down at the end.
const { TestEnvironment } = require('jest-environment-node');

// A worker that no handle keeps alive would free its memory piece by piece: on a busy machine that takes longer than the
// half second after which Jest ends it by force, as it would one that leaks. Of a leak nothing is hidden: a process that
// something keeps alive never comes here.
if (process.connected) process.once('beforeExit', () => process.exit());

const PGLITE = Symbol.for('PGlite of the worker process');

module.exports = class extends TestEnvironment {
  #options;
  #timeZone = process.env.TZ;

  constructor(config, context) {
    super(config, context);
    this.#options = config.projectConfig.testEnvironmentOptions;
  }

  async setup() {
    await super.setup();
    // A file may ask for the zone that it runs in: Node follows its own environment alone, and not a test's copy of it.
    if (this.#options.timeZone) process.env.TZ = this.#options.timeZone;
    const get = () => require('./catalog/worker-pglite.cjs').pgliteBy(this.global);
    Object.defineProperty(this.global, PGLITE, { configurable: true, get });
  }

  async teardown() {
    // Jest empties what it finds in the globals of a file that has ended.
    delete this.global[PGLITE];
    if (this.#timeZone === undefined) delete process.env.TZ;
    else process.env.TZ = this.#timeZone;
    await super.teardown();
  }
};
