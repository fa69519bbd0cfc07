/** The rules that every provider keeps, whatever its upstream's words: above all, what each answer to a create means. */

import type { StartCall } from '../../src/domain/provider.ts';
import { UpstreamError } from '../../src/domain/upstream-error.ts';
import { closeUpstreamConnections } from '../../src/net/trusted/request-json.ts';
import { makeRequest } from '../builders.ts';
import {
  cut,
  json,
  type Script,
  type ScriptedServer,
  silence,
  startScriptedServer,
  text,
} from '../net/scripted-server.ts';
import { FAKE_UPSTREAMS } from './contract-upstreams.ts';
import { makeCall } from './make-call.ts';

let server: ScriptedServer;
beforeAll(async () => {
  server = await startScriptedServer();
});
beforeEach(() => {
  server.received.length = 0;
});
afterAll(async () => {
  await closeUpstreamConnections();
  await server.close();
});

describe.each(FAKE_UPSTREAMS)('$provider.name', (upstream) => {
  const { provider } = upstream;

  describe('a create', () => {
    const outcomeOf = (script: Script, overrides: Partial<StartCall> = {}) => {
      server.script = script;
      return provider.start(makeRequest(), makeCall(server, overrides));
    };

    test.each([200, 201, 202])('is started by %i with an id', async (status) => {
      expect(await outcomeOf(json(status, upstream.created))).toMatchObject({ kind: 'started', taskId: 'task-1' });
      expect(server.received).toHaveLength(1);
      expect(server.received[0]).toMatchObject({ method: 'POST', path: upstream.createPath });
      expect(server.received[0]?.headers.authorization).toBe('Bearer sk-upstream-test');
    });

    test.each([
      [400, 'request'],
      [401, 'unauthenticated'],
      [402, 'no credit'],
      [403, 'model not allowed'],
      [404, 'request'],
      [409, 'request'],
      [413, 'request'],
      [422, 'request'],
      [429, 'rate limited'],
    ])('is refused by %i as %s', async (status, reason) => {
      const said = { error: { code: 'because', message: 'no' } };
      const outcome = await outcomeOf(json(status, said, { 'retry-after': '7' }));
      const words = { status, code: 'because', message: 'no' };
      expect(outcome).toEqual({ kind: 'refused', reason, upstream: words, retryAfterMs: 7000 });
    });

    test.each<[string, Script]>([
      ['500', json(500, { error: 'oops' })],
      ['501 in HTML', text(501, '<html>not implemented</html>')],
      ['503', json(503, {}, { 'retry-after': '1' })],
      ['a redirect', text(307, '', { location: '/elsewhere' })],
      ['200 without an id', json(200, {})],
      ['200 with garbage', text(200, '<html>OK</html>')],
      ['200 cut in its body', cut(200)],
    ])('is lost though answered by %s', async (_name, script) => {
      expect(await outcomeOf(script)).toMatchObject({ kind: 'lost', answered: true });
      expect(server.received).toHaveLength(1);
    });

    test.each<[string, Script]>([
      ['408', json(408, {})],
      ['502 in HTML', text(502, '<html>bad gateway</html>')],
      ['504', json(504, { error: 'timeout' })],
      ['520', text(520, '')],
      ['524 cut in its body', cut(524)],
      ['599', text(599, '')],
    ])('is lost without an answer by %s, which a proxy may give', async (_name, script) => {
      const outcome = await outcomeOf(script);
      expect(outcome).toMatchObject({ kind: 'lost', answered: false, upstream: { status: expect.any(Number) } });
    });

    test.each<[string, Script, number]>([
      ['a reset', cut(), 10_000],
      ['silence', silence, 500],
    ])('is lost without an answer by %s', async (_name, script, timeoutMs) => {
      expect(await outcomeOf(script, { timeoutMs })).toMatchObject({ kind: 'lost', answered: false });
      expect(server.received).toHaveLength(1);
    });

    test('is not sent where nobody listens', async () => {
      const closed = await startScriptedServer();
      await closed.close();
      expect(await outcomeOf(silence, { baseUrl: closed.origin })).toMatchObject({ kind: 'not sent' });
    });

    test('is refused with a mode that lacks its image', async () => {
      server.script = json(400, { error: { message: 'an image is missing' } });
      const outcome = await provider.start(makeRequest({ mode: 'image' }), makeCall(server));
      expect(outcome).toMatchObject({ kind: 'refused', reason: 'request' });
    });

    test('uses a connection of its own', async () => {
      await outcomeOf(json(200, upstream.created));
      expect(server.received[0]?.headers.connection).toBe('close');
    });
  });

  describe('a look', () => {
    const look = (script: Script, id = 'task-1') => {
      server.script = script;
      return provider.check(id, makeCall(server));
    };

    test('asks for the task with its id escaped', async () => {
      await look(json(404, {}), 'a/b?$&');
      expect(server.received[0]).toMatchObject({ method: 'GET', path: upstream.taskPath('a%2Fb%3F%24%26') });
    });

    test.each(upstream.runningWords)('takes %s for pending', async (word) => {
      const status = await look(json(200, upstream.task(word), { 'retry-after': '9' }));
      expect(status).toMatchObject({ kind: 'pending', word, known: true, retryAfterMs: 9000 });
    });

    test('takes an unknown word for pending', async () => {
      expect(await look(json(200, upstream.task('dreaming')))).toMatchObject({ kind: 'pending', known: false });
      expect(await look(json(200, upstream.task('constructor')))).toMatchObject({ kind: 'pending', known: false });
    });

    test('finds the result of a completed task', async () => {
      const status = await look(json(200, upstream.task(upstream.completedWord)));
      expect(status).toMatchObject({ kind: 'succeeded', result: { url: upstream.resultUrl(server.origin) } });
    });

    test('keeps the words of a failed task', async () => {
      const status = await look(json(200, upstream.task(upstream.failedWord)));
      expect(status).toMatchObject({ kind: 'failed', upstream: { code: 'because', message: 'no' } });
    });

    test.each([404, 410])('takes %i for missing', async (status) => {
      expect(await look(json(status, { error: 'not found' }))).toEqual({ kind: 'missing' });
    });

    test.each<[string, Script]>([
      ['401', json(401, { error: 'no' })],
      ['429', json(429, {}, { 'retry-after': '3' })],
      ['500', json(500, {})],
      ['garbage', text(200, 'OK')],
      ['a body without an id', json(200, {})],
      ['a reset', cut()],
    ])('fails without a verdict on %s', async (_name, script) => {
      await expect(look(script)).rejects.toBeInstanceOf(UpstreamError);
    });

    test('does not take another task for its own', async () => {
      await expect(look(json(200, upstream.created), 'task-2')).rejects.toBeInstanceOf(UpstreamError);
    });
  });

  describe('the list', () => {
    const list = (script: Script) => {
      server.script = script;
      return provider.list?.(makeCall(server));
    };

    test('shows the tasks by the upstream clock', async () => {
      const date = 'Wed, 21 Oct 2026 07:28:00 GMT';
      const shown = await list(json(200, upstream.list([upstream.task('queued')]), { date }));
      expect(shown).toMatchObject({ tasks: [{ taskId: 'task-1' }], upstreamNowMs: Date.parse(date) });
      expect(server.received[0]).toMatchObject({ method: 'GET', path: upstream.listPath });
    });

    test('can be empty', async () => {
      expect(await list(json(200, upstream.list([])))).toMatchObject({ tasks: [] });
    });

    test.each<[string, Script]>([
      ['an error', json(500, {})],
      ['no list', json(200, {})],
      ['null', json(200, null)],
      ['a task without an id', json(200, upstream.list([upstream.created, {}]))],
    ])('fails rather than lacking a task with %s', async (_name, script) => {
      await expect(list(script)).rejects.toBeInstanceOf(UpstreamError);
    });

    test('has a window only where it tells of times', async () => {
      const shown = await list(json(200, upstream.list([upstream.created])));
      const hasTimes = shown?.tasks.every(({ createdAtMs }) => createdAtMs !== undefined);
      expect(provider.facts.listWindow !== null).toBe(hasTimes);
    });
  });

  describe('a cancel', () => {
    test('exists exactly where the facts say so', () => {
      expect(provider.cancel !== undefined).toBe(provider.facts.cancels);
    });
  });

  describe('a probe', () => {
    const probe = (script: Script) => {
      server.script = script;
      return provider.probe?.(makeCall(server));
    };

    test('passes with a good key', async () => {
      await expect(probe(json(200, upstream.list([])))).resolves.toBeUndefined();
      expect(server.received[0]).toMatchObject({ method: 'GET', path: upstream.probePath });
    });

    test('says with which status a key is refused', async () => {
      await expect(probe(json(401, { error: 'no' }))).rejects.toMatchObject({ status: 401 });
    });
  });
});
