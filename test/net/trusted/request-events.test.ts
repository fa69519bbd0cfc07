/** Server-sent events of a configured host: how they are read, and every way in which a stream is given up. */

import { type EventsBounds, requestEvents } from '../../../src/net/trusted/request-events.ts';
import { json, type Script, type ScriptedServer, startScriptedServer, text } from '../scripted-server.ts';

const EVENTS = { 'content-type': 'text/event-stream; charset=utf-8' };

let server: ScriptedServer;
beforeEach(async () => {
  server = await startScriptedServer();
});
afterEach(async () => {
  await server.close();
});

/** Writes these pieces, each when the one before has left, and leaves the stream open. */
function pieces(...all: readonly (string | Uint8Array)[]): Script {
  return (response) => {
    response.writeHead(200, EVENTS);
    const [first, ...rest] = all;
    const write = (piece: string | Uint8Array | undefined): void => {
      if (piece !== undefined) response.write(piece, () => setImmediate(() => write(rest.shift())));
    };
    write(first);
  };
}

const BOUNDS: EventsBounds = { silentMs: 10_000, maxBytes: 10_000, maxEventCharacters: 1000 };

function events(bounds: Partial<EventsBounds> = {}, signal = new AbortController().signal) {
  const url = `${server.origin}/v1/stream`;
  return requestEvents({ url, apiKey: 'sk-events', signal, bounds: { ...BOUNDS, ...bounds } });
}

async function read(bounds: Partial<EventsBounds> = {}) {
  const seen: { event?: string | undefined; data: string }[] = [];
  for await (const { event, data } of events(bounds)) seen.push({ event, data });
  return seen;
}

/** Resolves when the client of the stream has gone. */
function untilLeft(opening: Script): Promise<void> {
  return new Promise((resolve) => {
    server.script = (response, request) => {
      response.on('close', resolve);
      opening(response, request);
    };
  });
}

test('asks for events with the key', async () => {
  server.script = text(200, 'event: state\ndata: 1\n\n', EVENTS);
  expect(await read()).toEqual([{ event: 'state', data: '1' }]);
  expect(server.received[0]).toMatchObject({
    method: 'GET',
    path: '/v1/stream',
    body: '',
    headers: { accept: 'text/event-stream', 'accept-encoding': 'identity', authorization: 'Bearer sk-events' },
  });
});

test('puts events together wherever they are cut', async () => {
  const bytes = Buffer.from(': hello\nevent: state\r\ndata: {"a":"ü"}\n\ndata: x\ndata: y\n\n');
  const middleOfLetter = bytes.indexOf('ü') + 1;
  server.script = pieces(bytes.subarray(0, 12), bytes.subarray(12, middleOfLetter), bytes.subarray(middleOfLetter));
  const seen: unknown[] = [];
  for await (const { event, data } of events()) {
    seen.push([event, data]);
    if (seen.length === 2) break;
  }
  expect(seen).toEqual([
    ['state', '{"a":"ü"}'],
    [undefined, 'x\ny'],
  ]);
});

test('closes the connection when its reader has heard enough', async () => {
  const left = untilLeft(pieces('data: 1\n\n'));
  for await (const _ of events()) break;
  await left;
});

test('ends with its signal', async () => {
  const stop = new AbortController();
  const left = untilLeft(pieces('data: 1\n\n'));
  const reading = (async () => {
    for await (const _ of events({}, stop.signal)) stop.abort();
  })();
  await expect(reading).rejects.toMatchObject({ name: 'UpstreamError', phase: 'lost' });
  await left;
});

test.each<[string, Script, Partial<EventsBounds>, object]>([
  ['a missing route', json(404, { error: 'no' }), {}, { phase: 'answered', status: 404 }],
  ['another type', json(200, {}), {}, { phase: 'answered', status: 200 }],
  ['silence before the head', () => undefined, { silentMs: 50 }, { phase: 'lost' }],
  ['silence after it', pieces('data: 1\n\n'), { silentMs: 50 }, { phase: 'lost' }],
  ['a line without end', pieces('data: ', 'x'.repeat(600), 'x'.repeat(600)), {}, { phase: 'answered' }],
  ['an event without end', pieces(...Array(20).fill(`data: ${'x'.repeat(90)}\n`)), {}, { phase: 'answered' }],
  ['a flood', pieces(...Array(20).fill(`data: ${'x'.repeat(900)}\n\n`)), {}, { phase: 'answered' }],
  ['a flood of comments', pieces(...Array(200).fill(`: ${'x'.repeat(90)}\n`)), {}, { phase: 'answered' }],
])('gives up for %s', async (_name, script, bounds, expected) => {
  const left = untilLeft(script);
  // Once more where the silence was over before the server had heard of it.
  do await expect(read(bounds)).rejects.toMatchObject({ name: 'UpstreamError', ...expected });
  while (server.received.length === 0);
  await left;
});

test('ends with a connection that is cut, and drops what is not whole', async () => {
  server.script = (response) => {
    response.writeHead(200, EVENTS);
    response.write('data: 1\n\ndata: 2\n', () => response.socket?.destroy());
  };
  expect(await read()).toEqual([{ event: undefined, data: '1' }]);
});
