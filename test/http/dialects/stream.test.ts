/** Server-sent events over a real connection: what a client reads, in which order, and what is left afterwards. */

import { once } from 'node:events';
import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import { airforce } from '../../../src/dialects/airforce.ts';
import { Refusal } from '../../../src/domain/failure.ts';
import type { AppOptions } from '../../../src/http/app.ts';
import { makeCaller, makeCompletedVideo, makeVideo } from '../../builders.ts';
import { KEY } from '../fake-gateway.ts';
import { AUTHORIZATION, makeApp, type TestApp } from '../test-app.ts';

const STREAM = '/v1/video/tasks/video_1/stream';
const opened: TestApp[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ app }) => app.close()));
});

async function listen(overrides: Partial<AppOptions> = {}): Promise<TestApp & { readonly port: number }> {
  const made = makeApp(overrides);
  opened.push(made);
  const address = await made.app.listen({ host: '127.0.0.1', port: 0 });
  return { ...made, port: Number(new URL(address).port) };
}

interface Event {
  readonly id: number;
  readonly event: string;
  readonly data: string;
}

/** A connected client that reads blocks, the parts between empty lines. */
class Client {
  readonly request: ClientRequest;
  readonly response: IncomingMessage;
  #text = '';

  constructor(request: ClientRequest, response: IncomingMessage) {
    this.request = request;
    this.response = response;
    response.setEncoding('utf8');
  }

  static async connect(port: number, headers: Record<string, string> = {}): Promise<Client> {
    const request = get({
      port,
      host: '127.0.0.1',
      path: STREAM,
      headers: { ...AUTHORIZATION, ...headers },
      agent: false,
    });
    const [response] = await once(request, 'response');
    return new Client(request, response);
  }

  /** The next block; null at the end. */
  async block(): Promise<string | null> {
    for (;;) {
      const end = this.#text.indexOf('\n\n');
      if (end >= 0) {
        const block = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return block;
      }
      const chunk: string | null = this.response.read();
      if (chunk !== null) this.#text += chunk;
      else if (this.response.readableEnded) return null;
      else await Promise.race([once(this.response, 'readable'), once(this.response, 'end')]);
    }
  }

  /** The next event, comments and `retry` skipped; null at the end. */
  async event(): Promise<Event | null> {
    for (;;) {
      const block = await this.block();
      if (block === null) return null;
      const fields = new Map(
        block.split('\n').map((line) => [line.split(': ', 1)[0] ?? '', line.replace(/^\w*: /, '')]),
      );
      const [id, event, data] = [fields.get('id'), fields.get('event'), fields.get('data')];
      if (event !== undefined && data !== undefined) return { id: Number(id), event, data };
    }
  }

  async rest(): Promise<readonly Event[]> {
    const events: Event[] = [];
    for (let event = await this.event(); event !== null; event = await this.event()) events.push(event);
    return events;
  }
}

function shown(event: Event | null) {
  if (event?.event !== 'state') throw new Error(`not a state: ${JSON.stringify(event)}`);
  const { status, progress } = JSON.parse(event.data);
  return [status, progress];
}

/** Resolves once no stream watches any more. */
async function released(made: TestApp): Promise<void> {
  while (made.gateway.watching > 0) await new Promise((resolve) => setImmediate(resolve));
}

test('a stream shows the present, each change, the end (AF-30, AF-35 to AF-38)', async () => {
  const made = await listen();
  made.gateway.put(makeVideo());
  const client = await Client.connect(made.port, { 'x-request-id': 'r-9' });
  expect(client.response.headers).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    'x-request-id': 'r-9',
  });
  expect(await client.block()).toBe('retry: 3000');
  expect(shown(await client.event())).toEqual(['queued', 0]);
  for (const progress of [12, 58]) {
    made.gateway.put(makeVideo({ state: 'generating', progress }));
    expect(shown(await client.event())).toEqual(['processing', progress]);
  }
  made.gateway.put(makeCompletedVideo());
  const rest = await client.rest();
  expect(rest.map(({ id, event }) => [id, event])).toEqual([
    [4, 'state'],
    [5, 'done'],
  ]);
  expect(JSON.parse(rest[0]?.data ?? '')).toMatchObject({
    status: 'completed',
    progress: 100,
    result_url: expect.any(String),
  });
  expect(rest[1]?.data).toBe('[DONE]');
  await released(made);
});

test('the events carry what GET answers (AF-35)', async () => {
  const made = await listen();
  made.gateway.put(makeCompletedVideo());
  const client = await Client.connect(made.port);
  const answer = await made.app.inject({ url: '/v1/video/tasks/video_1', headers: AUTHORIZATION });
  expect((await client.event())?.data).toBe(answer.body);
});

test.each(['failed', 'expired', 'cancelled'] as const)(
  'a stream ends when its video is %s (AF-37, AF-38, X5)',
  async (state) => {
    const made = await listen();
    made.gateway.put(makeVideo({ state: 'generating', progress: 40 }));
    const client = await Client.connect(made.port);
    await client.event();
    made.gateway.put(makeVideo({ state, progress: 40 }));
    const [last, done] = await client.rest();
    expect(shown(last ?? null)).toEqual([state === 'expired' ? 'expired' : 'failed', 40]);
    expect(done?.event).toBe('done');
  },
);

test('a reconnect after the end gets the end again (X24)', async () => {
  const made = await listen();
  made.gateway.put(makeCompletedVideo());
  const client = await Client.connect(made.port, { 'last-event-id': '41' });
  expect((await client.rest()).map(({ id, event }) => [id, event])).toEqual([
    [42, 'state'],
    [43, 'done'],
  ]);
});

test('changes that do not show are not sent', async () => {
  const made = await listen();
  made.gateway.put(makeVideo());
  const client = await Client.connect(made.port);
  await client.event();
  made.gateway.put(makeVideo({ polls: 7 }));
  made.gateway.put(makeVideo({ state: 'submitting' }));
  expect(shown(await client.event())).toEqual(['processing', 0]);
  made.gateway.put(makeVideo({ state: 'generating', polledAt: new Date() }));
  made.gateway.put(makeVideo({ state: 'generating', progress: 5 }));
  expect(await client.event()).toMatchObject({ id: 3 });
});

test('a change during the first read is not missed', async () => {
  const made = await listen();
  made.gateway.put(makeVideo());
  const read = made.gateway.read.bind(made.gateway);
  jest.spyOn(made.gateway, 'read').mockImplementationOnce(async (caller, id) => {
    const before = await read(caller, id);
    made.gateway.put(makeCompletedVideo());
    return before;
  });
  const client = await Client.connect(made.port);
  expect((await client.rest()).map(({ event }) => event)).toEqual(['state', 'state', 'done']);
});

test('silence is filled with heartbeats', async () => {
  const made = await listen({ streams: { heartbeatMs: 5 } });
  made.gateway.put(makeVideo());
  const client = await Client.connect(made.port);
  await client.event();
  expect([await client.block(), await client.block()]).toEqual([': ping', ': ping']);
});

test('a failed read is repeated at the next heartbeat', async () => {
  const made = await listen({ streams: { heartbeatMs: 5 } });
  made.gateway.put(makeVideo());
  const client = await Client.connect(made.port);
  await client.event();
  made.gateway.failure = new Error('catalog away');
  made.gateway.put(makeCompletedVideo());
  expect((await client.rest()).map(({ event }) => event)).toEqual(['state', 'done']);
});

test('a video removed meanwhile ends its stream', async () => {
  const made = await listen();
  made.gateway.put(makeVideo());
  const client = await Client.connect(made.port);
  await client.event();
  made.gateway.failure = new Refusal('not_found', 'removed');
  made.gateway.put(makeVideo({ progress: 1 }));
  expect(await client.rest()).toEqual([]);
});

test('an unknown video is a plain 404', async () => {
  const made = await listen();
  const client = await Client.connect(made.port);
  expect(client.response.statusCode).toBe(404);
  expect(await client.response.toArray()).toEqual([expect.stringContaining('not_found')]);
  expect(made.gateway.watching).toBe(0);
});

test('a client that leaves is forgotten', async () => {
  const made = await listen();
  made.gateway.put(makeVideo());
  const client = await Client.connect(made.port);
  await client.event();
  expect(made.gateway.watching).toBe(1);
  client.request.destroy();
  await released(made);
});

test('a client that does not read is dropped', async () => {
  const size = 8 * 1024 * 1024;
  const routes = airforce.routes.map((route) =>
    route.kind === 'stream' ? { ...route, renderChange: () => ({ event: 'state', data: 'x'.repeat(size) }) } : route,
  );
  const made = await listen({ dialects: { airforce: { ...airforce, routes } }, streams: { heartbeatMs: 50 } });
  made.gateway.put(makeVideo());
  const client = await Client.connect(made.port);
  client.response.on('error', () => undefined);
  await released(made);
  expect(made.gateway.watching).toBe(0);
});

test.each([
  ['of one caller', { ofCaller: 1, inAll: 9 }, 429, 'rate_limited'],
  ['of all', { ofCaller: 9, inAll: 1 }, 503, 'unavailable'],
])('as many streams %s are open as may be, until one ends', async (_, most, status, code) => {
  const made = await listen({ streams: { most } });
  made.gateway.put(makeVideo());
  const first = await Client.connect(made.port);
  await first.event();
  const refused = await Client.connect(made.port);
  expect(refused.response.statusCode).toBe(status);
  expect(await refused.response.toArray()).toEqual([expect.stringContaining(code)]);
  first.request.destroy();
  await released(made);
  expect((await Client.connect(made.port)).response.statusCode).toBe(200);
});

test('a caller who is disabled has no stream left at the next heartbeat, and others theirs', async () => {
  const made = await listen({ streams: { heartbeatMs: 5 } });
  made.gateway.put(makeVideo());
  const own = await Client.connect(made.port);
  made.gateway.callers.set('ck_other', makeCaller({ id: 'caller_2' }));
  made.gateway.put(makeVideo({ callerId: 'caller_2' }));
  const other = await Client.connect(made.port, { authorization: 'Bearer ck_other' });
  await other.event();
  made.gateway.callers.delete(KEY);
  expect((await own.rest()).map(({ event }) => event)).not.toContain('done');
  expect(await other.block()).toBe(': ping');
});

test('a closing server ends its streams and stops', async () => {
  const made = await listen();
  made.gateway.put(makeVideo());
  const client = await Client.connect(made.port);
  await client.event();
  await made.app.close();
  expect(await client.rest()).toEqual([]);
  expect(made.gateway.watching).toBe(0);
});
