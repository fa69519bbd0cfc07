/** Traces: one for each video over any number of processes, sent to a collector that may be away, and nothing else in them. */

import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import type { TracedVideo } from '../../src/catalog/traces.ts';
import { NO_TRACES, type Traces } from '../../src/domain/trace.ts';
import { UpstreamError } from '../../src/domain/upstream-error.ts';
import { openLog } from '../../src/observe/log.ts';
import { measureProviders } from '../../src/observe/metrics/measured.ts';
import { type OpenTraces, openTraces } from '../../src/observe/traces/open-traces.ts';
import { PROVIDERS_BY_NAME } from '../../src/providers/index.ts';
import { traceActivities } from '../../src/temporal/traced.ts';
import { AUTHORIZATION, makeApp } from '../http/test-app.ts';
import { importsOf, readSourceFiles } from '../source-files.ts';
import { type Collector, startCollector } from './collector.ts';

const CLIENT = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };
const TRACEPARENT = `00-${CLIENT.traceId}-${CLIENT.spanId}-01`;
const SECRET = 'a prompt, a key and a link';

let collector: Collector;
const opened: OpenTraces[] = [];
/** The catalog that the processes share. */
const rows = new Map<string, TracedVideo>();
const warnings: string[] = [];

beforeEach(async () => {
  collector = await startCollector();
});

afterEach(async () => {
  await closeAll();
  await collector.close();
  rows.clear();
  warnings.length = 0;
});

/** The traces of one process. */
function openProcess(endpoint = collector.url): OpenTraces {
  const traces = openTraces({
    endpoint,
    version: '0',
    readVideo: async (id) => rows.get(id) ?? null,
    log: { warn: (_fields, message) => warnings.push(message), info: (_fields, message) => warnings.push(message) },
  });
  opened.push(traces);
  return traces;
}

async function closeAll(): Promise<void> {
  await Promise.all(opened.splice(0).map((traces) => traces.close()));
}

function accept(videoId: string, traceParent: string | null): void {
  const createdAt = new Date('2026-03-01T12:00:00.000Z');
  rows.set(videoId, { traceParent, createdAt, callerId: 'caller_1', dialect: 'openai', account: 'main' });
}

/** All spans, by their names. */
async function sent() {
  await closeAll();
  return Object.fromEntries(collector.spans().map((span) => [span.name, span]));
}

describe('the trace of a video', () => {
  test('goes on from the request through whatever processes work on it', async () => {
    const gateway = openProcess();
    const request = gateway.request(TRACEPARENT);
    await new Promise<void>((resolve) => {
      request.enter(async () => {
        await sleep(1);
        accept('video_1', gateway.traceParent());
        gateway.note({ videoId: 'video_1' });
        resolve();
      });
    });
    request.end({ method: 'POST', route: '/v1/videos', status: 200, callerId: 'caller_1' });
    const worker = openProcess();
    await worker.withinVideo('video_1', { name: 'submitTask', facts: { attempt: 2 } }, () =>
      worker.within(
        { name: 'upstream create', kind: 'client', tell: (status: number) => ({ status }) },
        async () => 201,
      ),
    );
    const last = openProcess();
    await last.endVideo('video_1', { state: 'completed' });
    await last.withinVideo('video_1', { name: 'webhook attempt' }, async () => undefined);
    const { video, submitTask, ...rest } = await sent();
    const create = rest['upstream create'];
    const accepted = rest['POST /v1/videos'];
    expect(new Set(collector.spans().map(({ traceId }) => traceId))).toEqual(new Set([CLIENT.traceId]));
    expect(accepted?.parentSpanId).toBe(CLIENT.spanId);
    expect(accepted?.attributes).toMatchObject({ 'clipyard.video_id': 'video_1', 'http.response.status_code': 200 });
    expect(video?.parentSpanId).toBe(accepted?.spanId);
    expect(video?.startTimeUnixNano).toBe('1772366400000000000');
    expect(video?.attributes).toEqual({
      'clipyard.video_id': 'video_1',
      'clipyard.caller_id': 'caller_1',
      'clipyard.dialect': 'openai',
      'clipyard.account': 'main',
      'clipyard.state': 'completed',
    });
    expect(submitTask?.parentSpanId).toBe(video?.spanId);
    expect(submitTask?.attributes).toMatchObject({ 'clipyard.attempt': 2 });
    expect(create?.parentSpanId).toBe(submitTask?.spanId);
    expect(create?.attributes).toEqual({ 'http.response.status_code': 201 });
    expect(rest['webhook attempt']?.parentSpanId).toBe(video?.spanId);
  });

  test('is known by the id alone where nothing was accepted by a request', async () => {
    for (const name of ['openVideo', 'endVideo']) {
      await openProcess().withinVideo('child_1', { name }, async () => undefined);
    }
    await openProcess().endVideo('child_1', { state: 'failed', failure: 'upstream_refused' });
    const { openVideo, endVideo, video } = await sent();
    expect(openVideo?.traceId).toBe(video?.traceId);
    expect([openVideo?.parentSpanId, endVideo?.parentSpanId]).toEqual([video?.spanId, video?.spanId]);
    expect(video?.parentSpanId).toBeUndefined();
    expect(video?.attributes).toMatchObject({ 'clipyard.failure': 'upstream_refused' });
  });

  test('is not told where the client does not want its trace told', async () => {
    const gateway = openProcess();
    gateway.request(TRACEPARENT.replace(/01$/, '00')).enter(() => accept('video_1', gateway.traceParent()));
    await openProcess().withinVideo('video_1', { name: 'openVideo' }, async () => undefined);
    await openProcess().endVideo('video_1', { state: 'completed' });
    expect(rows.get('video_1')?.traceParent).toMatch(new RegExp(`^00-${CLIENT.traceId}-[0-9a-f]{16}-00$`));
    expect(await sent()).toEqual({});
  });

  test('tells of errors by their names: their words may quote what is secret', async () => {
    const traces = openProcess();
    const fail = (error: Error) => async () => {
      throw error;
    };
    const refused = new UpstreamError('answered', SECRET, { upstream: { status: 429, message: SECRET } });
    await expect(traces.within({ name: 'poll' }, fail(refused))).rejects.toBe(refused);
    const { poll } = await sent();
    expect(poll?.status.code).toBe(2);
    expect(poll?.attributes).toEqual({ 'error.type': 'UpstreamError', 'http.response.status_code': 429 });
    expect(collector.received()).not.toContain(SECRET);
  });

  test('has exchanges with upstreams in it, by account', async () => {
    const traces = openProcess();
    const call = { baseUrl: 'https://api.example', apiKey: 'sk-air', signal: new AbortController().signal };
    const stub = { ...PROVIDERS_BY_NAME.airforce, poll: async () => ({ kind: 'missing' }) as const };
    const { airforce } = measureProviders({ ...PROVIDERS_BY_NAME, airforce: stub }, [{ ...call, id: 'main' }], {
      metrics: null,
      traces,
    });
    await traces.withinVideo('video_1', { name: 'checkTask' }, () => airforce.poll('task', call));
    const { checkTask, ...rest } = await sent();
    expect(rest['upstream poll']?.parentSpanId).toBe(checkTask?.spanId);
    expect(rest['upstream poll']?.attributes).toEqual({ 'clipyard.account': 'main', 'clipyard.outcome': 'missing' });
    expect(collector.received()).not.toMatch(/sk-air|api\.example/);
  });
});

describe('activities of a video', () => {
  /** Runs one with this answer, as a worker does. */
  async function run(traces: Traces, answer: unknown, workflowType = 'generateVideo'): Promise<unknown> {
    const info = { workflowType, activityType: 'anActivity', attempt: 3, taskQueue: 'upstream' };
    const context = { info: { ...info, workflowExecution: { workflowId: 'video_1', runId: 'run' } } };
    const { inbound } = traceActivities(traces)(context as never);
    return await inbound?.execute?.({ args: [], headers: {} }, async () => answer);
  }

  test('are told with where the workflow goes on, and the last one tells the video', async () => {
    const traces = openProcess();
    const end = { state: 'failed', failure: { kind: 'upstream_refused', message: SECRET, upstream: null } };
    await run(traces, { step: 'ended', end });
    const { anActivity, video } = await sent();
    expect(anActivity?.attributes).toMatchObject({ 'clipyard.attempt': 3, 'clipyard.outcome': 'ended' });
    expect(video?.attributes).toMatchObject({ 'clipyard.state': 'failed', 'clipyard.failure': 'upstream_refused' });
    expect(collector.received()).not.toContain(SECRET);
  });

  test('answer what they answer, told or not', async () => {
    const answers = [undefined, null, 'text', {}, { kind: 'pending' }, { next: { step: 'open' } }, { next: null }];
    for (const traces of [NO_TRACES, openProcess()]) {
      for (const answer of answers) await expect(run(traces, answer)).resolves.toBe(answer);
    }
    await run(openProcess(), {}, 'runBatch');
    await closeAll();
    expect(collector.spans()).toHaveLength(answers.length);
  });
});

describe('requests', () => {
  test('that change something are told, and others where the client brings a trace', async () => {
    const { app } = makeApp({ traces: openProcess() });
    const payload = { model: 'wan-2.6', prompt: SECRET };
    const answer = await app.inject({ method: 'POST', url: '/v1/videos', headers: AUTHORIZATION, payload });
    expect(answer.statusCode).toBe(200);
    for (const headers of [AUTHORIZATION, { ...AUTHORIZATION, traceparent: TRACEPARENT }]) {
      await app.inject({ method: 'GET', url: `/v1/videos/${answer.json().id}`, headers });
    }
    await app.inject({ method: 'POST', url: '/v1/nothing', headers: { traceparent: 'none' } });
    await app.close();
    const spans = Object.values(await sent());
    expect(spans.map(({ name }) => name).toSorted()).toEqual(['GET /v1/videos/:id', 'POST', 'POST /v1/videos']);
    const create = spans.find(({ name }) => name === 'POST /v1/videos');
    expect(create?.attributes).toMatchObject({ 'clipyard.caller_id': 'caller_1', 'clipyard.dialect': 'openai' });
    expect(create?.attributes['clipyard.request_id']).toBe(answer.headers['x-request-id']);
    expect(spans.find(({ name }) => name.startsWith('GET'))?.traceId).toBe(CLIENT.traceId);
    expect(collector.received()).not.toContain(SECRET);
  });

  test('have lines in the log with the ids of caller, request and trace', async () => {
    const lines: string[] = [];
    const log = openLog('info', { write: (line) => lines.push(line) });
    const { app } = makeApp({ traces: openProcess(), log });
    const headers = { ...AUTHORIZATION, traceparent: TRACEPARENT, 'x-request-id': 'request-1' };
    await app.inject({ method: 'POST', url: '/v1/videos', headers, payload: { model: 'wan-2.6', prompt: 'a fox' } });
    await app.inject({ method: 'GET', url: '/v1/videos', headers: AUTHORIZATION });
    await app.close();
    const [create, list] = lines.map((line) => JSON.parse(line));
    expect(create).toMatchObject({ reqId: 'request-1', callerId: 'caller_1', traceId: CLIENT.traceId });
    expect(list).not.toHaveProperty('traceId');
  });
});

describe('a collector', () => {
  test('that is away disturbs nothing, and is told of once', async () => {
    const away = await startCollector();
    await away.close();
    const traces = openProcess(away.url);
    for (let round = 0; round < 3; round++) {
      // More than may wait.
      for (let n = 0; n < 3000; n++) await traces.within({ name: 'work' }, async () => undefined);
      await expect(traces.withinVideo('video_1', { name: 'work' }, async () => 'done')).resolves.toBe('done');
    }
    await traces.close();
    expect(warnings).toEqual(['traces cannot be sent; they are dropped']);
  });

  test('and a catalog that is away as well fail nothing', async () => {
    const traces = openTraces({
      endpoint: collector.url,
      version: '0',
      readVideo: () => Promise.reject(new Error('the catalog is away')),
      log: pino({ level: 'silent' }),
    });
    await expect(traces.withinVideo('video_1', { name: 'work' }, async () => 'done')).resolves.toBe('done');
    await traces.close();
    expect(collector.spans()).toHaveLength(1);
  });
});

test('nothing of OpenTelemetry is loaded where no collector is named', () => {
  const imports = readSourceFiles(['src', 'workflows', 'activities']).flatMap(importsOf);
  const ofIt = imports.filter(({ to }) => to.startsWith('@opentelemetry/')).map(({ from }) => from);
  expect(new Set(ofIt)).toEqual(new Set(['src/observe/traces/open-traces.ts']));
  const [opening, ...others] = imports.filter(({ to }) => to === 'src/observe/traces/open-traces.ts');
  expect([opening?.from, ...others]).toEqual(['src/process/traces.ts']);
  expect(readSourceFiles(['src/process']).find(({ path }) => path === opening?.from)?.text).toMatch(
    /return NO_TRACES;[\s\S]*await import\('\.\.\/observe\/traces\/open-traces\.ts'\)/,
  );
  expect(NO_TRACES.traceParent()).toBeNull();
});
