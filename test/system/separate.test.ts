/** Gateway and workers as processes of their own on PostgreSQL, any number of them. */

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPostgresBinaries, type PostgresServer, startPostgres } from '../../bench/postgres-server.ts';
import { freePort } from '../../src/temporal/dev-server/process.ts';
import { metricsAskedFor, readAlertRules, readBoardQuestions } from '../observe/alert-rules.ts';
import { type Collector, startCollector } from '../observe/collector.ts';
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
let collector: Collector;
/** Takes webhooks. */
let receiver: Server;
let sandboxUrl: string;
/** Of two gateways. */
let gatewayUrls: readonly string[];
let gatewayMetrics: readonly number[];
/** Of two workers, one of which a test kills. */
let workerMetrics: number;
let doomed: ClipyardProcess;

beforeAll(async () => {
  compile();
  dataDir = await mkdtemp(join(tmpdir(), 'clipyard-separate-'));
  collector = await startCollector();
  receiver = createServer((request, reply) => void request.resume().on('end', () => reply.writeHead(204).end()));
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  await startAll();
}, 300_000);

afterAll(async () => {
  for (const one of processes) await one.killTree();
  await postgres?.stop();
  await collector.close();
  receiver.close();
  await rm(dataDir, { recursive: true, force: true });
});

function start(args: readonly string[], settings: Readonly<Record<string, string>>): ClipyardProcess {
  const one = startClipyard(args, settings);
  processes.push(one);
  return one;
}

const receiverHost = () => `127.0.0.1:${(receiver.address() as AddressInfo).port}`;

async function startAll(): Promise<void> {
  const binaries = findPostgresBinaries();
  if (binaries === null) throw new Error('PostgreSQL is not installed on this machine');
  postgres = await startPostgres(binaries);
  const sandbox = start(['sandbox', '--port', '0'], {});
  sandboxUrl = await untilPrinted(sandbox, /^sandbox +(\S+)$/m);
  const temporal = start(['temporal'], { CLIPYARD_DATA_DIR: join(dataDir, 'temporal') });
  const temporalAddress = await untilPrinted(temporal, /^temporal +(\S+)$/m);
  const timing = { firstPollMs: 500, minPollMs: 500 };
  const account = { id: 'one', provider: 'airforce', baseUrl: sandboxUrl, timing };
  const settings = {
    ...(await writeUpstreams(dataDir, { accounts: [account] })),
    CLIPYARD_DATA_DIR: dataDir,
    DATABASE_URL: postgres.url,
    TEMPORAL_ADDRESS: temporalAddress,
    CLIPYARD_TRUSTED_HOSTS: receiverHost(),
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20of-the-collector',
    OTEL_BSP_SCHEDULE_DELAY: '200',
  };
  doomed = start(['work'], settings);
  const ports = await Promise.all([freePort(0), freePort(0), freePort(0), freePort(0), freePort(0)]);
  workerMetrics = ports[0];
  gatewayMetrics = ports.slice(1, 3);
  start(['work'], { ...settings, CLIPYARD_METRICS_PORT: String(workerMetrics) });
  gatewayUrls = ports.slice(3).map((port) => `http://127.0.0.1:${port}`);
  for (const [index, url] of gatewayUrls.entries()) {
    const { port } = new URL(url);
    start(['serve'], {
      ...settings,
      CLIPYARD_PORT: port,
      CLIPYARD_METRICS_PORT: String(gatewayMetrics[index]),
    });
    await untilReady(`${url}/readyz`);
  }
}

async function scrape(port: number | undefined): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
}

/** Is there once a call to Temporal has failed. */
const OF_FAILURES = 'temporal_request_failure_total';

/** What alerts and board ask for and the metrics do not have: names, and labels of what has been counted. */
function notServed(metrics: string) {
  const lines = metrics.split('\n');
  const questions = [...readAlertRules().map(({ expr }) => expr), ...readBoardQuestions()];
  return questions.flatMap(metricsAskedFor).filter(({ name, labels }) => {
    const samples = lines.filter((line) => new RegExp(`^${name}(_bucket)?[{ ]`).test(line));
    const isKnown = lines.some((line) => line.startsWith(`# TYPE ${name} `));
    if (name === OF_FAILURES) return false;
    return (
      !isKnown || (samples.length > 0 && !labels.every((label) => samples.some((line) => line.includes(`${label}="`))))
    );
  });
}

test('two gateways and two workers share the work, and one worker may be killed', async () => {
  const [askOne, askTwo] = gatewayUrls.map((url) => askAs(ROOT_KEY, url));
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
  expect(notServed([worker, ...gateways].join('\n'))).toEqual([]);
}, 600_000);

const CLIENT = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };
const PROMPT = 'a prompt that no trace has';

test('one trace leads from the request of a clip over gateway and worker to its webhook', async () => {
  const [url = ''] = gatewayUrls;
  await untilModels(askAs(ROOT_KEY, url));
  await askAs(ROOT_KEY, url)('/clipyard/v1/webhook-endpoints', { url: `http://${receiverHost()}/hook` });
  const answer = await fetch(`${url}/v1/videos`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${ROOT_KEY}`,
      'content-type': 'application/json',
      traceparent: `00-${CLIENT.traceId}-${CLIENT.spanId}-01`,
    },
    body: JSON.stringify({ model: 'sandbox-mini', prompt: PROMPT, seconds: '2' }),
  });
  expect(answer.status).toBe(200);
  const { id } = (await answer.json()) as { readonly id: string };
  const isOfIt = ({ traceId }: { readonly traceId: string }) => traceId === CLIENT.traceId;
  const all = await collector.until((spans) => {
    const names = spans.filter(isOfIt).map(({ name }) => name);
    return ['POST /v1/videos', 'video', 'webhook attempt'].every((name) => names.includes(name));
  });
  const spans = all.filter(isOfIt);
  const parentOf = (name: string) => {
    const { parentSpanId } = spans.find((span) => span.name === name) ?? {};
    return spans.find(({ spanId }) => spanId === parentSpanId)?.name;
  };
  const below = ['start generateVideo', 'openVideo', 'submitTask', 'checkTask', 'archiveVideo', 'endVideo'];
  for (const name of [...below, 'webhook attempt']) expect([name, parentOf(name)]).toEqual([name, 'video']);
  expect(parentOf('upstream create')).toBe('submitTask');
  expect(parentOf('upstream poll')).toBe('checkTask');
  expect(parentOf('video')).toBe('POST /v1/videos');
  expect(spans.filter(({ parentSpanId }) => parentSpanId === CLIENT.spanId)).toHaveLength(1);
  expect(new Set(spans.map(({ pid }) => pid)).size).toBeGreaterThanOrEqual(2);
  const told = Object.fromEntries(spans.map(({ name, attributes }) => [name, attributes]));
  expect(told['video']).toMatchObject({
    ...{ 'clipyard.video_id': id, 'clipyard.caller_id': 'root', 'clipyard.dialect': 'openai' },
    ...{ 'clipyard.account': 'one', 'clipyard.state': 'completed' },
  });
  expect(told['webhook attempt']).toMatchObject({ 'clipyard.attempt': 1, 'http.response.status_code': 204 });
  expect(collector.authorization()).toBe('Bearer of-the-collector');
  expect(collector.received()).not.toMatch(new RegExp(`${PROMPT}|first 0|${ROOT_KEY}|signature|${receiverHost()}`));
}, 300_000);
