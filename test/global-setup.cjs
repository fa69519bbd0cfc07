// Before the first test: the Temporal server, which may have to be built, the workflows' bundle and an empty catalog.
const { mkdtempSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join, resolve } = require('node:path');
const { PGlite } = require('@electric-sql/pglite');
const { bundleWorkflowCode, DefaultLogger } = require('@temporalio/worker');
const { drizzle } = require('drizzle-orm/pglite');
const { migrate } = require('drizzle-orm/pglite/migrator');

/** A catalog with its tables, packed: loading it takes a quarter of the time of making one. */
async function packCatalog() {
  const client = await PGlite.create('memory://');
  await migrate(drizzle(client), { migrationsFolder: resolve(__dirname, '../src/catalog/migrations') });
  const packed = await client.dumpDataDir('none');
  await client.close();
  return Buffer.from(await packed.arrayBuffer());
}

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
  process.env.CLIPYARD_TEST_CATALOG = join(folder, 'catalog.tar');
  writeFileSync(process.env.CLIPYARD_TEST_CATALOG, await packCatalog());
};
