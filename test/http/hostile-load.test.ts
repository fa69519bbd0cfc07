/** Requests that cost more than they are worth: refused before they are read, and bounded while they are. */

import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setImmediate as othersTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify';
import { isJsonObject } from '../../src/domain/json.ts';
import { BodyBudget } from '../../src/http/body-budget.ts';
import { shapeOf } from '../../src/http/body-shape.ts';
import { idempotencyOf } from '../../src/http/dialects/idempotency.ts';
import { parseAround } from '../../src/http/parse-around.ts';
import { receive } from '../../src/http/receive-body.ts';
import { randomRuns } from '../random-runs.ts';
import { KEY } from './fake-gateway.ts';
import { makeApp } from './test-app.ts';

const MIB = 1024 * 1024;
const opened: FastifyInstance[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const app of opened.splice(0)) await app.close();
});

/** Sends the head of a request whose body is announced and not sent; its answer's head. */
async function sendHead(port: number, lines: readonly string[]): Promise<{ readonly socket: Socket; head(): string }> {
  const socket = connect({ host: '127.0.0.1', port });
  sockets.push(socket);
  let text = '';
  socket.on('data', (piece) => {
    text += piece.toString('latin1');
  });
  socket.write(`${[...lines, 'host: clipyard.example', '', ''].join('\r\n')}`);
  await once(socket, 'data');
  return { socket, head: () => text };
}

async function listen(overrides: Parameters<typeof makeApp>[0] = {}) {
  const made = makeApp(overrides);
  opened.push(made.app);
  const port = Number(new URL(await made.app.listen({ host: '127.0.0.1', port: 0 })).port);
  return { ...made, port };
}

const CREATE = 'POST /v1/videos HTTP/1.1';
const JSON_TYPE = 'content-type: application/json';
const LONG = `content-length: ${16 * MIB}`;
const AUTHORIZED = `authorization: Bearer ${KEY}`;

describe('a body that nothing asks for', () => {
  test.each([
    ['at a path that does not exist', 'POST /nope HTTP/1.1', 404],
    ['under a method that is not taken', 'POST /v1/videos/abc HTTP/1.1', 405],
    ['with a key that is not known', CREATE, 401],
  ])('%s is not waited for', async (_where, first, status) => {
    const { port } = await listen();
    const { head } = await sendHead(port, [first, JSON_TYPE, LONG]);
    expect(head()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });
});

describe('a client that asks whether to send its body', () => {
  const WAITS = 'expect: 100-continue';

  test('is told to where its key is known', async () => {
    const { port } = await listen();
    const { head } = await sendHead(port, [CREATE, JSON_TYPE, 'content-length: 2', AUTHORIZED, WAITS]);
    expect(head()).toMatch(/^HTTP\/1.1 100 Continue/);
  });

  test.each([
    ['whose key is not known', CREATE, 401],
    ['for a path that does not exist', 'POST /nope HTTP/1.1', 404],
  ])('%s is answered instead, and the connection ends', async (_which, first, status) => {
    const { port } = await listen();
    const { head } = await sendHead(port, [first, JSON_TYPE, LONG, WAITS]);
    expect(head()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head().toLowerCase()).toContain('connection: close');
  });
});

describe('the values of a JSON text', () => {
  const BOUNDS = { deepest: 4, mostValues: 10, longestText: 70 };
  const excessOf = (text: string) => shapeOf(Buffer.from(text), BOUNDS).excess;

  test.each([
    '{"a":[1,2,{"b":null}],"c":"[[[[[[[[[,,,,,,,,,,,,,"}',
    '"\\"[[[[[[[[\\\\"',
    '[[[[1]]]]',
    `[${Array(10).fill('0').join()}]`,
    '',
    '"no end [[[[[[[',
    '"no end \\" [[[[[[[\\',
    `["${'\\"['.repeat(20)}"]`,
    `["${'\u00e9'.repeat(35)}"]`,
    `["${'a'.repeat(100)}","${'\\/'.concat('a'.repeat(62)).repeat(4)}"]`,
  ])('%s may be parsed', (text) => {
    expect(excessOf(text)).toBeNull();
  });

  test.each([
    ['values', `[${Array(11).fill('0').join()}]`],
    ['values', '[{},{},{},{},{},{},{},{},{},{},{}]'],
    ['values', `{${Array.from({ length: 12 }, (_, n) => `"${n}":0`).join()}}`],
    ['text', `["","${'\u00e9'.repeat(40)}"]`],
    ['text', `{"${'\\n'.repeat(40)}":1}`],
    ['text', `"${'\\"'.repeat(40)}`],
    ['depth', '[[[[[1]]]]]'],
    ['depth', '{"a":{"a":{"a":{"a":{"a":1}}}}}'],
  ])('too much of %s is seen in %s', (excess, text) => {
    expect(excessOf(text)).toBe(excess);
  });

  test('are too long in a text as a plain reading finds them', () => {
    const pieces = [
      fc.constantFrom('\\"', '\\\\', '\\u005c', '\u00e9'),
      fc.integer({ min: 1, max: 130 }).map((n) => 'a'.repeat(n)),
      fc.integer({ min: 29, max: 34 }).map((n) => `${'a'.repeat(n)}\\"`.repeat(7)),
      fc.integer({ min: 61, max: 67 }).map((n) => '\\\\'.repeat(n)),
    ];
    const content = fc.array(fc.oneof(...pieces), { maxLength: 40 }).map((some) => some.join(''));
    const isTooLong = (one: string, longestText: number) => {
      const bytes = Buffer.byteLength(one);
      const escapes = one.match(/\\./g)?.length ?? 0;
      return bytes > longestText && (bytes > one.length || escapes > bytes / 32);
    };
    fc.assert(
      fc.property(
        fc.array(content, { maxLength: 5 }),
        fc.constantFrom(0, 63, 64, 65, 500, 1000),
        (all, longestText) => {
          const text = Buffer.from(`[${all.map((one) => `"${one}"`).join()}]`);
          const { excess } = shapeOf(text, { ...BOUNDS, longestText });
          expect(excess).toBe(all.some((one) => isTooLong(one, longestText)) ? 'text' : null);
        },
      ),
      randomRuns(1000),
    );
  });
});

test('a JSON text is parsed around its long texts to what it holds', () => {
  const text = fc.oneof(fc.stringMatching(/^[A-Za-z0-9+/ ]{0,12}$/), fc.constantFrom('"', '\u00e9', '\\', 'a\nb'));
  const { value } = fc.letrec<{ value: fc.JsonValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      text,
      fc.integer(),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.oneof(text, fc.constant('__proto__')), tie('value'), { maxKeys: 4 }),
    ),
  }));
  // Raw characters that no JSON text may hold stand in place of some others.
  const broken = fc.constantFrom(' ', '\t', '\n', '\v', '\f', '\r');
  fc.assert(
    fc.property(value, broken, fc.boolean(), (held, raw, isBroken) => {
      const json = isBroken ? JSON.stringify(held).replaceAll(' ', raw) : JSON.stringify(held);
      const bytes = Buffer.from(json);
      const { verbatim } = shapeOf(bytes, { deepest: 64, mostValues: 100_000, longestText: 4 });
      const parsed = (parse: () => unknown) => {
        try {
          return JSON.stringify(parse());
        } catch {
          return 'no JSON';
        }
      };
      expect(parsed(() => parseAround(bytes, verbatim))).toBe(parsed(() => JSON.parse(json)));
    }),
    randomRuns(2000),
  );
});

/** A connection that announces a body of so many bytes and sends those that are given. */
function announce(port: number, bytes: number, sent = '', first = CREATE): Socket {
  const socket = connect({ host: '127.0.0.1', port });
  sockets.push(socket);
  socket.write(`${[first, 'host: a', JSON_TYPE, `content-length: ${bytes}`, AUTHORIZED, '', sent].join('\r\n')}`);
  return socket;
}

describe('a large body', () => {
  const bounds = { toldBytes: null, mostBytes: MIB, tooLarge: 'too large' };

  /** How often others have their turn meanwhile. */
  async function turnsBeside(work: () => Promise<unknown>): Promise<number> {
    let turns = 0;
    const count = () => {
      turns += 1;
      counting = setImmediate(count);
    };
    let counting = setImmediate(count);
    await work();
    clearImmediate(counting);
    return turns;
  }

  test('lets others have their turn after each of its pieces, and keeps each', async () => {
    const pieces = Array.from({ length: 8 }, (_, n) => Buffer.alloc(128 * 1024 - n, n));
    const turns = await turnsBeside(async () => {
      const bytes = await receive(Readable.from(pieces), bounds);
      expect(bytes.equals(Buffer.concat(pieces))).toBe(true);
    });
    expect(turns).toBeGreaterThanOrEqual(6);
  });

  test('is told from a repeat while others have their turn', async () => {
    const sent = { prompt: 'a fox', image: 'QUJD'.repeat(MIB) };
    const turns = await turnsBeside(async () => {
      expect(await idempotencyOf('k-1', sent)).toEqual({
        key: 'k-1',
        bodyHash: createHash('sha256')
          .update(JSON.stringify({ image: sent.image, prompt: 'a fox' }))
          .digest('hex'),
      });
    });
    expect(turns).toBeGreaterThanOrEqual(8);
    expect(await idempotencyOf(undefined, sent)).toBeNull();
  });

  test('is refused as soon as more has come than may', async () => {
    async function* endless() {
      for (;;) yield Buffer.alloc(64 * 1024);
    }
    await expect(receive(endless(), bounds)).rejects.toThrow('too large');
  });

  test('that is refused without having told its length leaves its connection to the next request', async () => {
    const small: FastifyPluginAsync = async (app) => {
      app.post('/small', { bodyLimit: 1024 }, async () => 'read');
    };
    const { port } = await listen({ plugins: [small] });
    const { head, socket } = await sendHead(port, ['GET /healthz HTTP/1.1']);
    const chunk = `${MIB.toString(16)}\r\n${'a'.repeat(MIB)}\r\n0\r\n\r\n`;
    socket.write(['POST /small HTTP/1.1', 'host: a', JSON_TYPE, 'transfer-encoding: chunked', '', chunk].join('\r\n'));
    socket.write('GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n');
    const statuses = () => [...head().matchAll(/HTTP\/1.1 (\d+)/g)].map(([, status]) => status);
    while (statuses().length < 3) await once(socket, 'data');
    expect(statuses()).toEqual(['200', '413', '401']);
  });

  test('is not kept once it has been answered', async () => {
    const taken: WeakRef<object>[] = [];
    const take: FastifyPluginAsync = async (app) => {
      app.post('/take', async ({ body }) => {
        if (isJsonObject(body)) taken.push(new WeakRef(body));
        return 'taken';
      });
    };
    const { port } = await listen({ plugins: [take] });
    const body = JSON.stringify({ a: 'a'.repeat(5 * MIB) });
    const headers = { 'content-type': 'application/json', connection: 'close' };
    await fetch(`http://127.0.0.1:${port}/take`, { method: 'POST', headers, body });
    expect(taken).toHaveLength(1);
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc');
    for (let turns = 0; turns < 20 && taken[0]?.deref() !== undefined; turns++) {
      await othersTurn();
      collect();
    }
    expect(taken[0]?.deref() === undefined).toBe(true);
  });

  test('that does not come keeps none behind it waiting', async () => {
    const { port } = await listen();
    announce(port, 12 * MIB, '{');
    const body = JSON.stringify({ model: 'wan-2.6', prompt: 'a'.repeat(5 * MIB) });
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${KEY}` };
    const answer = await fetch(`http://127.0.0.1:${port}/v1/videos`, { method: 'POST', headers, body });
    expect(answer.status).toBe(400);
  });

  test('that breaks off is no defect', async () => {
    const { app } = makeApp();
    opened.push(app);
    const begun = once(app.server, 'request');
    const thrown = new Promise((resolve) => {
      app.addHook('onError', async (_request, _reply, error) => resolve(error));
    });
    const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
    const socket = announce(Number(port), MIB, '{');
    await begun;
    socket.destroy();
    expect(await thrown).toMatchObject({ kind: 'invalid_request', message: 'the body breaks off' });
  });
});

describe('bodies that are read at the same time', () => {
  test('are bounded for each caller to half of what the others leave', () => {
    const budget = new BodyBudget(100);
    const release = budget.take('a', 50);
    expect(() => budget.take('a', 1)).toThrow('too many large requests');
    budget.take('b', 25);
    expect(() => budget.take('b', 1)).toThrow('too many large requests');
    release();
    release();
    expect(() => budget.take('c', 38)).toThrow('too many large requests');
    budget.take('c', 37);
    budget.take('b', 6);
    expect(() => budget.take('b', 1)).toThrow('too many large requests');
  });

  test('leave room for one more caller, however few the others are that take all they can', () => {
    const budget = new BodyBudget(256);
    for (const caller of ['a', 'b', 'c', 'a', 'b', 'c']) {
      for (const bytes of [64, 16, 4, 1]) {
        try {
          for (;;) budget.take(caller, bytes);
        } catch {
          // It has all it can have in pieces of this size.
        }
      }
    }
    expect(() => budget.take('d', 16)).not.toThrow();
  });

  test('are none where a type is announced and no body', async () => {
    const { port } = await listen({ heldBodyBytes: 1 });
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${KEY}` };
    expect((await fetch(`http://127.0.0.1:${port}/v1/models`, { headers })).status).toBe(200);
  });

  test('that do not tell their length hold what has come of them', async () => {
    const { port } = await listen({ heldBodyBytes: 2 * MIB });
    const send = async (body: Blob, type: string) => {
      const headers = { 'content-type': type, authorization: `Bearer ${KEY}` };
      const init = { method: 'POST', headers, body: body.stream(), duplex: 'half' } as const;
      return (await fetch(`http://127.0.0.1:${port}/v1/videos`, init)).status;
    };
    const json = (promptBytes: number) =>
      send(new Blob([JSON.stringify({ model: 'wan-2.6', prompt: 'a'.repeat(promptBytes) })]), 'application/json');
    const small = await Promise.all(Array.from({ length: 30 }, () => json(100)));
    expect(new Set(small)).toEqual(new Set([200]));
    // What was held of it is given back.
    for (let n = 0; n < 5; n += 1) expect(await json(2 * MIB)).toBe(503);
    expect(await json(300_000)).toBe(400);
    const form = (fileBytes: number) => {
      const file = `--b\r\ncontent-disposition: form-data; name="f"; filename="f"\r\n\r\n${'a'.repeat(fileBytes)}\r\n--b--\r\n`;
      return send(new Blob([file]), 'multipart/form-data; boundary=b');
    };
    expect(new Set(await Promise.all(Array.from({ length: 10 }, () => form(100))))).toEqual(new Set([400]));
    for (let n = 0; n < 5; n += 1) expect(await form(2 * MIB)).toBe(503);
  });

  test('are held until they have been read, though their clients are gone', async () => {
    const steps = new EventEmitter();
    const isRead = once(steps, 'read');
    const isGone = once(steps, 'gone');
    const slow: FastifyPluginAsync = async (app) => {
      app.removeContentTypeParser('application/json');
      app.addContentTypeParser('application/json', async (request: FastifyRequest, payload: IncomingMessage) => {
        payload.once('close', () => steps.emit('gone'));
        steps.emit('begun');
        return await request.holdBodyWhile(isRead);
      });
      app.post('/slow', async () => 'read');
      app.get('/hold', async (request) => request.holdBody(MIB));
    };
    const { port } = await listen({ heldBodyBytes: 2 * MIB, plugins: [slow] });
    const isBegun = once(steps, 'begun');
    const socket = announce(port, MIB, '', 'POST /slow HTTP/1.1');
    await isBegun;
    socket.destroy();
    await isGone;
    const hold = async () => (await fetch(`http://127.0.0.1:${port}/hold`)).status;
    expect(await hold()).toBe(503);
    steps.emit('read');
    expect(await hold()).toBe(200);
  });

  /** The first answer to a small create that is refused for want of room, or is not. */
  async function refusedForWantOfRoom(port: number, isWanted: boolean) {
    const body = JSON.stringify({ model: 'wan-2.6', prompt: 'a fox' });
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${KEY}` };
    for (let tries = 0; tries < 200; tries++) {
      const answer = await fetch(`http://127.0.0.1:${port}/v1/videos`, { method: 'POST', headers, body });
      const seen = { status: answer.status, retryAfter: answer.headers.get('retry-after') };
      if ((seen.status === 503) === isWanted) return seen;
    }
    throw new Error('the room for bodies stayed as it was');
  }

  const never: FastifyPluginAsync = async (app) => {
    app.get('/never', async (_request, reply) => reply.hijack());
  };

  test.each([
    ['alone on their connections', ''],
    ['behind others on their connections', 'GET /never HTTP/1.1\r\nhost: a\r\n\r\n'],
  ])(
    'beyond the bound are refused with a time to wait, and taken again when others are gone, %s',
    async (_, before) => {
      const { port } = await listen({ heldBodyBytes: 2 * MIB, plugins: [never] });
      const socket = announce(port, MIB, '', `${before}${CREATE}`);
      expect(await refusedForWantOfRoom(port, true)).toEqual({ status: 503, retryAfter: '2' });
      socket.destroy();
      await refusedForWantOfRoom(port, false);
    },
  );

  test('are not held for a client that is gone before its key is known', async () => {
    const { app, gateway, port } = await listen({ heldBodyBytes: 2 * MIB });
    const connected = once(app.server, 'connection');
    const caller = await gateway.authenticate(KEY);
    let lookups = 0;
    const isHeld = new Promise((resolve) => {
      gateway.authenticate = async () => {
        lookups += 1;
        if (lookups > 1) return caller;
        const [connection] = await connected;
        const isClosed = once(connection, 'close');
        socket.destroy();
        await isClosed;
        setImmediate(resolve);
        return caller;
      };
    });
    const socket = announce(port, MIB);
    await isHeld;
    await refusedForWantOfRoom(port, false);
  });
});
