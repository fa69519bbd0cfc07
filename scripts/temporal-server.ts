/** Temporal's production server on PostgreSQL: built once by the Go toolchain, its schema set up, its configuration written. */

import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findGoProgram } from '../bench/go-program.ts';
import { ownPort } from './own-port.ts';

const run = promisify(execFile);

/** As the embedded server of this version is made from it; pinned by tools/temporal-server. */
const PINNED = { version: '1.31.2', module: 'temporal-server' } as const;

const STORES = { temporal: 'temporal', temporal_visibility: 'visibility' } as const;

/** All services in one process wait for statements of each other. */
const MOST_CONNECTIONS = 20;

/** Fair turns of callers are off where a server is not told, and a version counts as drained after minutes. */
const DYNAMIC_SETTINGS = {
  'matching.enableFairness': [{ value: true }],
  'matching.wv.VersionDrainageStatusVisibilityGracePeriod': [{ value: '5s' }],
  'matching.wv.VersionDrainageStatusRefreshInterval': [{ value: '5s' }],
};

export interface TemporalCommand {
  readonly command: readonly string[];
  readonly port: number;
}

/** Both programs, built now where they are not in the cache. */
async function findPrograms() {
  const server = await findGoProgram({
    ...PINNED,
    name: 'temporal-server',
    package: 'go.temporal.io/server/cmd/server',
  });
  const sql = await findGoProgram({
    ...PINNED,
    name: 'temporal-sql-tool',
    package: 'go.temporal.io/server/cmd/tools/sql',
  });
  if (server === null || sql === null) throw new Error('Go 1.26 is needed to build Temporal’s server');
  return { server, sql };
}

/** The databases with the schema of this version, as the tool of the server makes them. */
async function setUpDatabases(sql: string, { hostname, port, username }: URL): Promise<void> {
  for (const [database, schema] of Object.entries(STORES)) {
    const tool = async (...args: readonly string[]) => {
      const target = ['--plugin', 'postgres12', '--ep', hostname, '-p', port, '-u', username, '--db', database];
      await run(sql, [...target, ...args]);
    };
    await tool('create-database');
    await tool('setup-schema', '-v', '0.0');
    await tool('update-schema', '--schema-name', `postgresql/v12/${schema}`);
  }
}

async function configurationOf({ host, username }: URL, dynamicConfig: string) {
  const store = (databaseName: string) => ({
    sql: {
      ...{ pluginName: 'postgres12', databaseName, connectAddr: host, connectProtocol: 'tcp', user: username },
      ...{ maxConns: MOST_CONNECTIONS, maxIdleConns: MOST_CONNECTIONS, maxConnLifetime: '1h' },
    },
  });
  const service = async () => ({
    rpc: { grpcPort: await ownPort(), membershipPort: await ownPort(), bindOnLocalHost: true },
  });
  const frontend = await service();
  const services = { frontend, matching: await service(), history: await service(), worker: await service() };
  const port = frontend.rpc.grpcPort;
  const configuration = {
    log: { stdout: true, level: 'warn' },
    persistence: {
      ...{ defaultStore: 'temporal', visibilityStore: 'temporal_visibility', numHistoryShards: 4 },
      datastores: Object.fromEntries(Object.keys(STORES).map((name) => [name, store(name)])),
    },
    global: { membership: { maxJoinDuration: '30s', broadcastAddress: '127.0.0.1' } },
    services,
    clusterMetadata: {
      ...{ enableGlobalNamespace: false, failoverVersionIncrement: 10 },
      ...{ masterClusterName: 'active', currentClusterName: 'active' },
      clusterInformation: {
        active: { enabled: true, initialFailoverVersion: 1, rpcName: 'frontend', rpcAddress: `127.0.0.1:${port}` },
      },
    },
    dcRedirectionPolicy: { policy: 'noop' },
    publicClient: { hostPort: `127.0.0.1:${port}` },
    dynamicConfigClient: { filepath: dynamicConfig, pollInterval: '10s' },
  };
  return { configuration, port };
}

/** Prepares a server on the PostgreSQL server at this URL, its files in the folder; the command that starts it. */
export async function prepareTemporalServer(postgresUrl: string, folder: string): Promise<TemporalCommand> {
  const { server, sql } = await findPrograms();
  const postgres = new URL(postgresUrl);
  await setUpDatabases(sql, postgres);
  const dynamicConfig = join(folder, 'temporal-dynamic.yaml');
  const { configuration, port } = await configurationOf(postgres, dynamicConfig);
  const file = join(folder, 'temporal.yaml');
  // JSON is YAML.
  await writeFile(dynamicConfig, JSON.stringify(DYNAMIC_SETTINGS));
  await writeFile(file, JSON.stringify(configuration));
  return { command: [server, '--config-file', file, '--allow-no-auth', 'start'], port };
}
