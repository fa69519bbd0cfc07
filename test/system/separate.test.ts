/** Gateway and workers as processes of their own on PostgreSQL, any number of them. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPostgresBinaries, type PostgresServer, startPostgres } from '../../bench/postgres-server.ts';
import { freePort } from '../../src/temporal/dev-server/process.ts';
import { SandboxClient } from '../sandbox/sandbox-client.ts';
import {
  askAs,
  type ClipyardProcess,
  compile,
  createVideos,
  ROOT_KEY,
  readSettled,
  startClipyard,
  untilModels,
  untilPrinted,
  untilReady,
  untilVideos,
} from './clipyard-process.ts';
import { writeUpstreams } from './upstreams.ts';

let dataDir: string;
let postgres: PostgresServer | null = null;
const processes: ClipyardProcess[] = [];

beforeAll(async () => {
  compile();
  dataDir = await mkdtemp(join(tmpdir(), 'clipyard-separate-'));
}, 300_000);

afterAll(async () => {
  for (const one of processes) await one.killTree();
  await postgres?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

function start(args: readonly string[], settings: Readonly<Record<string, string>>): ClipyardProcess {
  const one = startClipyard(args, settings);
  processes.push(one);
  return one;
}

async function scrape(port: number | undefined): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
}

test('two gateways and two workers share the work, and one worker may be killed', async () => {
  const binaries = findPostgresBinaries();
  if (binaries === null) throw new Error('PostgreSQL is not installed on this machine');
  postgres = await startPostgres(binaries);
  const gatewayPorts = await Promise.all([freePort(0), freePort(0)]);
  const sandbox = start(['sandbox', '--port', '0'], {});
  const sandboxUrl = await untilPrinted(sandbox, /^sandbox +(\S+)$/m);
  const temporal = start(['temporal'], { CLIPYARD_DATA_DIR: join(dataDir, 'temporal') });
  const temporalAddress = await untilPrinted(temporal, /^temporal +(\S+)$/m);
  const timing = { firstPollMs: 500, minPollMs: 500 };
  const account = { id: 'one', provider: 'airforce', baseUrl: sandboxUrl, timing };
  const settings = {
    ...(await writeUpstreams(dataDir, { accounts: [account] })),
    CLIPYARD_DATA_DIR: dataDir,
    DATABASE_URL: postgres.url,
    TEMPORAL_ADDRESS: temporalAddress,
  };
  const doomed = start(['work'], settings);
  const [workerMetrics, ...gatewayMetrics] = await Promise.all([freePort(0), freePort(0), freePort(0)]);
  start(['work'], { ...settings, CLIPYARD_METRICS_PORT: String(workerMetrics) });
  const asks = [];
  for (const [index, port] of gatewayPorts.entries()) {
    const ports = { CLIPYARD_PORT: String(port), CLIPYARD_METRICS_PORT: String(gatewayMetrics[index]) };
    const gateway = start(['serve'], { ...settings, ...ports });
    await untilReady(`http://127.0.0.1:${port}/readyz`, gateway);
    asks.push(askAs(ROOT_KEY, `http://127.0.0.1:${port}`));
  }
  const [askOne, askTwo] = asks;
  if (!askOne || !askTwo) throw new Error('no gateways');
  await untilModels(askTwo);
  const ids = [...(await createVideos(askOne, 4, 'first')), ...(await createVideos(askTwo, 4, 'second'))];
  await untilVideos(askOne, ids, (all) => all.some(({ state }) => state === 'generating'));
  await doomed.killTree();
  await untilVideos(askTwo, ids, (all) => all.every(({ state }) => state === 'completed'));
  const bill = await new SandboxClient(sandboxUrl).bill();
  expect(bill.tasks).toHaveLength(8);
  expect(Math.max(...Object.values(bill.peakConcurrent))).toBeLessThanOrEqual(4);
  expect(await readSettled(askOne)).toBe(bill.tasks.reduce((sum, { costMicroUsd }) => sum + costMicroUsd, 0));
  const [worker, ...gateways] = await Promise.all([workerMetrics, ...gatewayMetrics].map(scrape));
  // Each counts its own work, and all say the same of the catalog.
  expect(worker).toMatch(/^clipyard_upstream_requests_total\{account="one",kind="poll",outcome="succeeded"\} [1-8]$/m);
  expect(worker).toMatch(/^clipyard_archives_total\{outcome="archived"\} [1-8]$/m);
  for (const gateway of gateways) expect(gateway).toMatch(/^clipyard_http_requests_total\{.*status="200"\} [1-9]/m);
  for (const process of [worker, ...gateways]) {
    expect(process).toMatch(/^clipyard_videos_ended_last_day\{state="completed"\} 8$/m);
  }
}, 300_000);
