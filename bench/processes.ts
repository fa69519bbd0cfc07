/** Gateway, worker, Temporal, PostgreSQL and sandbox, each a process of its own, for benchmarks that load all of them. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { PROCESS_SETTINGS } from '../src/config/environment.ts';
import { freePort } from '../src/temporal/dev-server/process.ts';
import { ask, type BatchClient } from './batch-client.ts';
import type { BenchContext } from './benchmark.ts';
import { findPostgresBinaries, type PostgresServer, startPostgres } from './postgres-server.ts';
import { ROOT_KEY, type StartedCommand, startCommand, startSandboxProcess } from './subject.ts';

const LOOK_MS = 250;

export interface UpstreamOrder {
  /** How fast the sandbox works. */
  readonly speed: number;
  readonly slots: number;
}

export interface SubjectProcesses {
  readonly worker: StartedCommand;
  readonly gateway: StartedCommand;
  /** Prints its address. */
  readonly temporal: StartedCommand;
  readonly postgres: PostgresServer;
  /** As root. */
  readonly asking: BatchClient;
  /** The sandbox's. */
  readonly baseUrl: string;
}

function writeConfig({ dataDir }: BenchContext, baseUrl: string, maxConcurrentTasks: number): string {
  const file = join(dataDir, 'clipyard.yaml');
  const timing = { firstPollMs: 500, minPollMs: 500, maxPollMs: 5000 };
  const account = { id: 'sandbox', provider: 'airforce', baseUrl, apiKeyEnv: 'UPSTREAM_KEY' };
  writeFileSync(file, JSON.stringify({ accounts: [{ ...account, maxConcurrentTasks, timing }] }));
  return file;
}

/** Models are read from the upstream by a worker. */
async function untilModels({ stop, ...asking }: BatchClient): Promise<void> {
  const offers = z.object({ data: z.array(z.unknown()) });
  while ((await ask({ stop, ...asking }, offers, '/airforce/v1/models')).data.length === 0) {
    await sleep(LOOK_MS, undefined, { signal: stop });
  }
}

/** Starts them; resolves when there are models on offer. */
export async function startProcesses(
  context: BenchContext,
  { speed, slots }: UpstreamOrder,
  more: NodeJS.ProcessEnv = {},
): Promise<SubjectProcesses> {
  const binaries = findPostgresBinaries();
  if (binaries === null) throw new Error('this benchmark needs PostgreSQL');
  const postgres = await startPostgres(binaries);
  context.closers.add('PostgreSQL', () => postgres.stop());
  const baseUrl = await startSandboxProcess(context, speed);
  const own = { CLIPYARD_DATA_DIR: context.dataDir, CLIPYARD_ROOT_KEY: ROOT_KEY };
  const temporal = await startCommand(context, { args: ['temporal'], settings: own, prints: 'temporal' });
  const port = await freePort(0);
  const settings = {
    ...own,
    [PROCESS_SETTINGS.databaseUrl.name]: postgres.url,
    [PROCESS_SETTINGS.temporalAddress.name]: temporal.printed,
    [PROCESS_SETTINGS.configFile.name]: writeConfig(context, baseUrl, slots),
    CLIPYARD_PORT: String(port),
    UPSTREAM_KEY: 'sk-air-benchmark',
    ...more,
  };
  const worker = await startCommand(context, { args: ['work'], settings, prints: 'workers' });
  const gateway = await startCommand(context, { args: ['serve'], settings, prints: 'gateway' });
  const asking: BatchClient = { url: `http://127.0.0.1:${port}`, key: ROOT_KEY, stop: context.stop };
  await untilModels(asking);
  return { worker, gateway, temporal, postgres, asking, baseUrl };
}
