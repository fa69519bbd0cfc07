// PGlite for all test files of a worker process, loaded and compiled once; its clock is that of the file which runs.
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { dirname } = require('node:path');
const { compileFunction, constants } = require('node:vm');

const path = require.resolve('@electric-sql/pglite');

/** The globals of the test file. */
let running = globalThis;
const now = () => running.Date.now();
const clock = new Proxy(Date, { get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)) });

const names = ['exports', 'require', 'module', '__filename', '__dirname', 'Date'];
const load = compileFunction(readFileSync(path, 'utf8'), names, {
  filename: path,
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
const loaded = { exports: {} };
load(loaded.exports, createRequire(path), loaded, path, dirname(path), clock);

/** PGlite, from now on by the clock of these globals. */
exports.pgliteBy = (globals) => {
  running = globals;
  return loaded.exports;
};
