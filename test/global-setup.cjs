// Before the first test: the Temporal server, which may have to be built, the workflows' bundle and empty catalogs.
const { mkdtempSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join, resolve } = require('node:path');
const { PGlite } = require('@electric-sql/pglite');
const { bundleWorkflowCode, DefaultLogger } = require('@temporalio/worker');
const { drizzle } = require('drizzle-orm/pglite');
const { migrate } = require('drizzle-orm/pglite/migrator');

/**
 * A catalog with its tables, packed: loading it takes a quarter of the time of making one, and less without the databases
 * that others are made from.
 */
async function packCatalog() {
  const client = await PGlite.create('memory://');
  await migrate(drizzle(client), { migrationsFolder: resolve(__dirname, '../src/catalog/migrations') });
  await client.query("update pg_database set datistemplate = false where datname like 'template%'");
  for (const name of ['template0', 'template1']) await client.query(`drop database ${name}`);
  const packed = await client.dumpDataDir('none');
  await client.close();
  return Buffer.from(await packed.arrayBuffer());
}

/**
 * A PostgreSQL that was shut down with the catalog's tables in it, of which a copy starts in a fraction of the time of a new
 * one; null where this machine has none.
 */
async function preparePostgres() {
  const { findPostgresBinaries, startPostgres } = require('../bench/postgres-server.ts');
  const { openDatabase } = require('../src/catalog/driver/database.ts');
  const binaries = findPostgresBinaries();
  if (binaries === null) return null;
  const server = await startPostgres(binaries);
  const database = await openDatabase({ databaseUrl: server.url, dataDir: '' });
  await database.close();
  await server.shutDown();
  return server.folder;
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

  const workflows = { workflowsPath: resolve(__dirname, '../workflows/index.ts'), logger: new DefaultLogger('WARN') };
  const [{ code }, catalog, postgres] = await Promise.all([
    bundleWorkflowCode(workflows),
    packCatalog(),
    preparePostgres(),
  ]);
  const folder = mkdtempSync(join(tmpdir(), 'clipyard-workflows-'));
  process.env.CLIPYARD_TEST_WORKFLOW_BUNDLE = join(folder, 'bundle.js');
  writeFileSync(process.env.CLIPYARD_TEST_WORKFLOW_BUNDLE, code);
  process.env.CLIPYARD_TEST_CATALOG = join(folder, 'catalog.tar');
  writeFileSync(process.env.CLIPYARD_TEST_CATALOG, catalog);
  if (postgres !== null) process.env.CLIPYARD_TEST_POSTGRES = postgres;
};
