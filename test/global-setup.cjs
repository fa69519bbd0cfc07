// Before the first test: the Temporal server, which may have to be built, and the workflows' bundle, once for all.
const { mkdtempSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join, resolve } = require('node:path');
const { bundleWorkflowCode, DefaultLogger } = require('@temporalio/worker');

module.exports = async () => {
  const { userCacheDir } = require('../src/config/settings.ts');
  const { openLog } = require('../src/observe/log.ts');
  const { findServer } = require('../src/temporal/dev-server/find.ts');
  const cliPath = process.env.TEMPORAL_CLI_PATH ?? null;
  process.env.TEMPORAL_CLI_PATH = await findServer({
    cliPath,
    cacheDir: userCacheDir(process.env),
    packageRoot: resolve(__dirname, '..'),
    log: openLog('info'),
  });

  const logger = new DefaultLogger('WARN');
  const { code } = await bundleWorkflowCode({ workflowsPath: resolve(__dirname, '../workflows/index.ts'), logger });
  const folder = mkdtempSync(join(tmpdir(), 'clipyard-workflows-'));
  process.env.CLIPYARD_TEST_WORKFLOW_BUNDLE = join(folder, 'bundle.js');
  writeFileSync(process.env.CLIPYARD_TEST_WORKFLOW_BUNDLE, code);
};
