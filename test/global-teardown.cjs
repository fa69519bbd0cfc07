// After the last test: what the set-up made for this run alone goes.
const { rmSync } = require('node:fs');
const { dirname } = require('node:path');

module.exports = () => {
  rmSync(dirname(process.env.CLIPYARD_TEST_WORKFLOW_BUNDLE), { recursive: true });
  if (process.env.CLIPYARD_TEST_POSTGRES) rmSync(process.env.CLIPYARD_TEST_POSTGRES, { recursive: true });
};
