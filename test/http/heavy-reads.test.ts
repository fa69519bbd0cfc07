/** Lists and sums of one caller wait for each other: two at once, the next ones in order, and not for long. */

import { fastify } from 'fastify';
import type { Caller } from '../../src/domain/caller.ts';
import { sendError } from '../../src/http/errors.ts';
import { HeavyReads, limitHeavyReads } from '../../src/http/heavy-reads.ts';

/** Lets everything happen that can happen by now. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Reads that begin one after the other, in the order in which they are asked for. */
function follow(reads: HeavyReads) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    begun,
    ask: (name: string, caller = 'one') =>
      reads.begin(caller).then((end) => {
        begun.push(name);
        ends.set(name, end);
      }),
    end: async (name: string) => {
      ends.get(name)?.();
      await settle();
    },
  };
}

describe('heavy reads', () => {
  test('of one caller are two at once, and the next ones follow in order', async () => {
    const { begun, ask, end } = follow(new HeavyReads());
    void ask('a');
    void ask('b');
    void ask('c');
    void ask('d');
    await settle();
    expect(begun).toEqual(['a', 'b']);
    await end('b');
    expect(begun).toEqual(['a', 'b', 'c']);
    // Told twice it frees no second place.
    await end('b');
    expect(begun).toEqual(['a', 'b', 'c']);
    await end('a');
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
  });

  test('of one caller keep no other from reading', async () => {
    const { begun, ask, end } = follow(new HeavyReads());
    for (const name of ['a', 'b', 'c']) void ask(name);
    void ask('of another', 'two');
    await settle();
    expect(begun).toEqual(['a', 'b', 'of another']);
    await end('a');
    expect(begun).toEqual(['a', 'b', 'of another', 'c']);
  });

  test('that none makes room for in time are refused, and leave their place to others', async () => {
    const { begun, ask, end } = follow(new HeavyReads(20));
    await Promise.all([ask('a'), ask('b')]);
    await expect(ask('c')).rejects.toMatchObject({ kind: 'rate_limited', retryAfterSeconds: 1 });
    await end('a');
    await ask('d');
    expect(begun).toEqual(['a', 'b', 'd']);
  });
});

describe('the routes of lists and sums', () => {
  /** Answers at these routes when told to; who asks is the key. */
  function open() {
    const app = fastify();
    const answers: (() => void)[] = [];
    const asked: string[] = [];
    app.decorateRequest('caller', null);
    app.addHook('onRequest', async (request) => {
      request.caller = { id: String(request.headers.authorization) } as Caller;
    });
    app.setErrorHandler((error, request, reply) => sendError(error, { request, reply, dialect: null }));
    limitHeavyReads(app, new HeavyReads(20));
    for (const url of ['/clipyard/v1/costs', '/clipyard/v1/balance', '/v1/videos', '/v1/videos/:id']) {
      const isHeavy = url === '/clipyard/v1/costs' || url === '/v1/videos';
      app.get(url, { config: { isHeavy } }, async (request) => {
        asked.push(request.url);
        await new Promise<void>((resolve) => answers.push(resolve));
        if (request.url.includes('fails')) throw new Error('no');
        return {};
      });
    }
    const get = (url: string, caller = 'one') => app.inject({ url, headers: { authorization: caller } });
    return { app, asked, answers, get };
  }

  test('wait for each other, while other routes go on', async () => {
    const { app, asked, answers, get } = open();
    const first = [get('/clipyard/v1/costs?fails'), get('/v1/videos')];
    while (asked.length < 2) await settle();
    const refused = await get('/clipyard/v1/costs');
    expect(refused.statusCode).toBe(429);
    expect(refused.headers['retry-after']).toBe('1');
    expect(refused.json()).toMatchObject({ code: 'rate_limited' });
    const others = [get('/clipyard/v1/balance'), get('/v1/videos/video_1'), get('/v1/videos', 'two')];
    while (asked.length < 5) await settle();
    // One that fails makes room as well.
    answers[0]?.();
    expect((await first[0])?.statusCode).toBe(500);
    const next = get('/v1/videos?next');
    while (asked.length < 6) await settle();
    for (const answer of answers) answer();
    expect((await next).statusCode).toBe(200);
    for (const other of [first[1], ...others]) expect((await other)?.statusCode).toBe(200);
    await app.close();
  });
});
