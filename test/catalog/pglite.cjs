// PGlite for tests: loaded once for all files of a worker process, which takes a second, and by programs that a test starts.
module.exports = globalThis[Symbol.for('PGlite of the worker process')] ?? require('@electric-sql/pglite');
