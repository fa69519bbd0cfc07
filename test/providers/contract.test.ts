/** The rules that every provider keeps, in its upstream's own words: above all, what each answer to a create means. */

import { array, assert, asyncProperty, constantFrom, dictionary, oneof, string } from 'fast-check';
import type { StartCall } from '../../src/domain/provider.ts';
import { UpstreamError } from '../../src/domain/upstream-error.ts';
import { makeRequest } from '../builders.ts';
import {
  cut,
  json,
  type Script,
  type ScriptedServer,
  silence,
  startScriptedServer,
  text,
  useScriptedServer,
} from '../net/scripted-server.ts';
import { randomRuns } from '../random-runs.ts';
import { CREATING_UPSTREAMS, POLLED_UPSTREAMS, type PolledUpstream } from './contract-upstreams.ts';
import { makeCall } from './make-call.ts';

let server: ScriptedServer;
useScriptedServer((started) => {
  server = started;
});

/** Fields that are not what they are documented as; what is documented beside them counts all the same. */
const ODD_FIELDS: readonly object[] = [
  { error: false },
  { error: 0 },
  { error: [] },
  { progress: 'half' },
  { cost_cents: 'much' },
  { cost_cents: -1 },
  { model: 7 },
  { prompt: {} },
  { seconds: [] },
  { duration_seconds: 'long' },
  { expires_at: 'never' },
  { completed_at: {} },
  { thumbnail_url: 5 },
  { usage: 'none' },
];

/** A list with anything in its place, and every text in it, which could be another caller's. */
function anyListBody({ list }: PolledUpstream) {
  const word = string({ minLength: 12, maxLength: 40 });
  const entry = dictionary(constantFrom('id', 'task_id', 'job_id', 'prompt', 'model', 'created_at', 'status'), word);
  return array(oneof(entry, word)).map((entries) => {
    const texts = entries.flatMap((one) => (typeof one === 'string' ? one : Object.values(one)));
    return { body: list(entries as object[]), texts };
  });
}

/** Keeps what it is given as its length alone. */
async function storeClip(pieces: AsyncIterable<Uint8Array>) {
  let sizeBytes = 0;
  for await (const piece of pieces) sizeBytes += piece.byteLength;
  return { sizeBytes, sha256: 'f'.repeat(64) };
}

describe.each(CREATING_UPSTREAMS)('a create at $name', (upstream) => {
  const {
    provider,
    request,
    statedStatuses = [],
    keyHeader: [keyHeader, key] = ['authorization', 'Bearer sk-upstream-test'],
  } = upstream;
  const isUnstated = ([status]: readonly [number, ...unknown[]]) => !statedStatuses.includes(status);
  const outcomeOf = (script: Script, overrides: Partial<StartCall> = {}) => {
    server.script = script;
    return provider.start(makeRequest(request), makeCall(server, { storeClip, ...overrides }));
  };

  test.each([200, 201, 202])('comes to what %i with all of it tells', async (status) => {
    expect(await outcomeOf(json(status, upstream.created))).toMatchObject(upstream.made);
    expect(server.received).toHaveLength(1);
    expect(server.received[0]).toMatchObject({ method: 'POST', path: upstream.createPath });
    expect(server.received[0]?.headers[keyHeader]).toMatch(new RegExp(`^${key}`));
  });

  test.each(
    (
      [
        [400, 'request'],
        [401, 'unauthenticated'],
        [402, 'undecided'],
        [403, 'undecided'],
        [404, 'no route'],
        [409, 'request'],
        [413, 'request'],
        [422, 'request'],
        [429, 'rate limited'],
      ] as const
    ).filter(isUnstated),
  )('is refused by %i as %s', async (status, reason) => {
    const said = { error: { code: 'because', message: 'no' } };
    const outcome = await outcomeOf(json(status, said, { 'retry-after': '7' }));
    const words = { status, code: 'because', message: 'no' };
    expect(outcome).toEqual({ kind: 'refused', reason, upstream: words, retryAfterMs: 7000 });
  });

  test.each([
    ['an error object', { error: { code: 'insufficient_user_quota', message: 'no quota' } }, 'no credit'],
    ['an error as text', { error: 'the prompt is too long' }, 'request'],
    ['a success that is denied', { success: false, message: 'invalid api key' }, 'unauthenticated'],
    ['a code', { code: 429, message: 'later' }, 'rate limited'],
  ])('is refused by a 200 with %s', async (_name, body, reason) => {
    expect(await outcomeOf(json(200, body))).toMatchObject({ kind: 'refused', reason, upstream: { status: 200 } });
  });

  test.each(
    (
      [
        [500, 'plainly', json(500, { error: 'oops' })],
        [501, 'in HTML', text(501, '<html>not implemented</html>')],
        [503, 'with a hint', json(503, {}, { 'retry-after': '1' })],
        [200, 'with garbage', text(200, '<html>OK</html>')],
      ] as const
    ).filter(isUnstated),
  )('is lost though answered by %i %s', async (_status, _name, script) => {
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
    expect(await outcomeOf(script)).toMatchObject({ kind: 'lost', answered: false });
  });

  test('is refused by a redirect, with its target but not its query', async () => {
    const outcome = await outcomeOf(text(307, '', { location: `https://api.example/new${upstream.createPath}?key=1` }));
    const message = `the upstream redirects creates to https://api.example/new${upstream.createPath}: the account's base URL should be https://api.example/new`;
    expect(outcome).toEqual({ kind: 'refused', reason: 'request', upstream: { status: 307, message } });
    expect(server.received).toHaveLength(1);
  });

  test.each<[string, Script, number]>([
    ['a reset', cut(), 10_000],
    ['silence', silence, 500],
  ])('is lost without an answer by %s', async (_name, script, timeoutMs) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const outcome = await outcomeOf(script, { timeoutMs, signal });
    expect(outcome).toMatchObject({ kind: 'lost', answered: false });
    // Callers are shown what is kept of it.
    expect(JSON.stringify(outcome)).not.toContain(server.origin);
    expect(server.received).toHaveLength(1);
  });

  test('is not sent where no server listens', async () => {
    const closed = await startScriptedServer();
    await closed.close();
    expect(await outcomeOf(silence, { baseUrl: closed.origin })).toMatchObject({ kind: 'not sent' });
  });

  test('is refused with a mode that lacks its image', async () => {
    server.script = json(400, { error: { message: 'an image is missing' } });
    const outcome = await provider.start(makeRequest({ ...request, mode: 'image' }), makeCall(server));
    expect(outcome).toMatchObject({ kind: 'refused', reason: 'request' });
  });

  test('uses a connection of its own', async () => {
    await outcomeOf(json(200, upstream.created));
    expect(server.received[0]?.headers.connection).toBe('close');
  });

  test('keeps no word that cannot be stored, and no key', async () => {
    const message = `\0${'x'.repeat(1998)}\u{1F600} sk-upstream-test`;
    for (const status of [200, 400, 403, 500]) {
      const outcome = await outcomeOf(json(status, { error: { code: `a\0\uD800`, message } }));
      expect(outcome).toMatchObject({ upstream: { code: 'a\uFFFD', message: 'x'.repeat(1998) } });
      const quoted = await outcomeOf(json(status, { error: { message: 'the key sk-upstream-test is wrong' } }));
      expect(quoted).toMatchObject({ upstream: { message: 'the key [key] is wrong' } });
    }
  });
});

describe.each(POLLED_UPSTREAMS)('a create at $name that names its task', (upstream) => {
  const outcomeOf = (body: unknown) => {
    server.script = json(200, body);
    return upstream.provider.start(makeRequest(), makeCall(server));
  };

  test.each<[string, unknown]>([
    ['id', { id: 't1' }],
    ['task_id', { task_id: 't1' }],
    ['request_id', { request_id: 't1', status: 'pending' }],
    ['video_id', { video_id: 't1' }],
    ['generation_id', { generation_id: 't1' }],
    ['taskId', { code: 0, data: { taskId: 't1' } }],
    ['jobId', { jobId: 't1', status: 'queued' }],
    ['job', { job: { id: 't1' } }],
    ['data', { code: 'success', message: '', data: { task_id: 't1' } }],
    ['result', { success: true, result: { id: 't1' } }],
    ['video', { video: { id: 't1', status: 'queued' } }],
    ['the first of a list', { data: [{ id: 't1' }] }],
    ['a list', [{ task_id: 't1' }]],
  ])('by %s has started', async (_name, body) => {
    expect(await outcomeOf(body)).toEqual({ kind: 'started', taskId: 't1', costMicroUsd: null });
  });

  test('by a number has started', async () => {
    expect(await outcomeOf({ [upstream.idKey]: 17, error: null })).toMatchObject({ kind: 'started', taskId: '17' });
    const long = { [upstream.idKey]: 1_152_921_504_606_847_000 };
    expect(await outcomeOf(long)).toMatchObject({ kind: 'started', taskId: '1152921504606847000' });
  });

  test('by several has started under the documented one', async () => {
    const body = { video_id: 'v', generation_id: 'g', request_id: 'r', [upstream.idKey]: 't1' };
    expect(await outcomeOf(body)).toMatchObject({ kind: 'started', taskId: 't1' });
  });

  test.each<[string, unknown]>([
    ['nothing', {}],
    ['an empty id', { id: '' }],
    ['an id too long for one', { id: 'x'.repeat(513) }],
    ['an id that cannot be stored', { id: 'a\0b' }],
    ['half a character', { id: 'a\uD83D' }],
    ['a step in a path', { id: '..' }],
    ['a number that is not whole', { id: 1.5 }],
    ['a list of tasks', { object: 'list', data: [{ id: 'of another create' }] }],
    ['words alone', { message: 'queued', code: 0, error: null, success: true }],
  ])('by %s is lost though answered', async (_name, body) => {
    expect(await outcomeOf(body)).toMatchObject({ kind: 'lost', answered: true });
  });
});

describe.each(POLLED_UPSTREAMS)('$name', (upstream) => {
  const { provider } = upstream;

  describe('a poll', () => {
    const poll = (script: Script, id = 'task-1') => {
      server.script = script;
      return provider.poll(id, makeCall(server));
    };

    test('asks for the task with its id escaped', async () => {
      await poll(json(404, {}), 'a/b?$&');
      expect(server.received[0]).toMatchObject({ method: 'GET', path: upstream.taskPath('a%2Fb%3F%24%26') });
    });

    test.each(upstream.runningWords)('takes %s for pending', async (word) => {
      const status = await poll(json(200, upstream.task(word), { 'retry-after': '9' }));
      expect(status).toMatchObject({ kind: 'pending', word, known: true, retryAfterMs: 9000 });
    });

    test('takes an unknown word for pending', async () => {
      expect(await poll(json(200, upstream.task('dreaming')))).toMatchObject({ kind: 'pending', known: false });
      expect(await poll(json(200, upstream.task('constructor')))).toMatchObject({ kind: 'pending', known: false });
    });

    test('finds the result of a completed task', async () => {
      const status = await poll(json(200, upstream.task(upstream.completedWord)));
      expect(status).toMatchObject({ kind: 'succeeded', result: { url: upstream.resultUrl(server.origin) } });
    });

    test('keeps the words of a failed task', async () => {
      const status = await poll(json(200, upstream.task(upstream.failedWord)));
      expect(status).toMatchObject({ kind: 'failed', upstream: { code: 'because', message: 'no' } });
    });

    test.each([404, 410])('takes %i for missing', async (status) => {
      expect(await poll(json(status, { error: 'not found' }))).toEqual({ kind: 'missing' });
    });

    test.each<[string, Script]>([
      ['401', json(401, { error: 'no' })],
      ['429', json(429, {}, { 'retry-after': '3' })],
      ['500', json(500, {})],
      ['garbage', text(200, 'OK')],
      ['a body without an id', json(200, {})],
      ['a reset', cut()],
    ])('fails without a verdict on %s', async (_name, script) => {
      await expect(poll(script)).rejects.toBeInstanceOf(UpstreamError);
    });

    test('takes the answer for the task that was asked for, although its id is another', async () => {
      const body = { ...upstream.task(upstream.completedWord), [upstream.idKey]: 'an id of the relay' };
      expect(await poll(json(200, body))).toMatchObject({ kind: 'succeeded' });
    });

    test.each(['succeeded', 'SUCCESS', 'done', 'finished', 'ready', ' Completed '])(
      'takes %s for success',
      async (word) => {
        expect(await poll(json(200, upstream.task(word)))).toMatchObject({ kind: 'succeeded' });
      },
    );

    test.each([
      ['cancelled', 'cancelled'],
      ['CANCELED', 'cancelled'],
      ['rejected', 'rejected'],
      ['error', 'error'],
      ['expired', 'expired'],
      ['Timed-Out', 'timed_out'],
    ])('takes %s for a failure and keeps the word', async (word, code) => {
      expect(await poll(json(200, upstream.task(word)))).toMatchObject({ kind: 'failed', upstream: { code } });
    });

    test.each([400, 404, 422, 500, 503])('reads a task that has ended out of a %i', async (status) => {
      const failed = await poll(json(status, upstream.task(upstream.failedWord)));
      expect(failed).toMatchObject({ kind: 'failed', upstream: { message: 'no' } });
      expect(await poll(json(status, upstream.task(upstream.completedWord)))).toMatchObject({ kind: 'succeeded' });
    });

    test.each([
      ['an error with a word of its own', { status: 'error', state: 'error', message: 'try again' }],
      ['a task that runs', { id: 't1', status: 'queued', state: 'queued' }],
    ])('fails without a verdict on a 500 with %s', async (_name, body) => {
      await expect(poll(json(500, body))).rejects.toBeInstanceOf(UpstreamError);
    });

    test.each(ODD_FIELDS)('is not misled by the field %j', async (field) => {
      const completed = await poll(json(200, { ...upstream.task(upstream.completedWord), ...field }));
      expect(completed).toMatchObject({ kind: 'succeeded', result: { url: expect.any(String) } });
      const [running = ''] = upstream.runningWords;
      const pending = await poll(json(200, { ...upstream.task(running), ...field }));
      expect(pending).toMatchObject({ kind: 'pending', known: true });
    });

    test.each([
      [0.4, 40],
      [0.29, 29],
      [1, 1],
      ['45%', 45],
      ['45.9 %', 45],
      ['7', 7],
      [-3, 0],
      ['soon', null],
      [{}, null],
    ])('reads the progress %j as %p', async (progress, expected) => {
      const [running = ''] = upstream.runningWords;
      const status = await poll(json(200, { ...upstream.task(running), progress }));
      expect(status).toMatchObject({ kind: 'pending', progress: expected });
    });

    test.each<[string, (task: object) => unknown]>([
      ['a page of the list', (task) => ({ object: 'list', data: [task], has_more: false })],
      ['several', (task) => [task, task]],
      ['a list of several', (task) => ({ data: [task, task] })],
    ])('finds no task in %s, which may be those of others', async (_name, wrap) => {
      await expect(poll(json(200, wrap(upstream.task(upstream.completedWord))))).rejects.toBeInstanceOf(UpstreamError);
    });

    test.each([
      ['an envelope', (task: object) => ({ code: 'success', status: 'success', data: task })],
      ['a list', (task: object) => [task]],
    ])('finds the task in %s', async (_name, wrap) => {
      const failed = await poll(json(200, wrap(upstream.task(upstream.failedWord))));
      expect(failed).toMatchObject({ kind: 'failed', upstream: { code: 'because', message: 'no' } });
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

    test.each<[string, object, number | undefined]>([
      ['in milliseconds', { created: 1_700_000_000_123, created_at: 1_700_000_000_123 }, 1_700_000_000_123],
      ['with a fraction', { created: 1_700_000_000.5, created_at: 1_700_000_000.5 }, 1_700_000_000_500],
      ['as digits', { created: '1700000000', created_at: '1700000000' }, 1_700_000_000_000],
      ['in ISO 8601', { created: null, created_at: '2023-11-14T22:13:20Z' }, 1_700_000_000_000],
      ['without a zone', { created: null, created_at: '2023-11-14 22:13:20.000000' }, 1_700_000_000_000],
      ['that says nothing', { created: 'now', created_at: {}, expires_at: null }, undefined],
    ])('keeps an entry with a time %s', async (_name, times, createdAtMs) => {
      const shown = await list(json(200, upstream.list([{ ...upstream.task('queued'), ...times }])));
      expect(shown?.tasks).toMatchObject([{ taskId: 'task-1', createdAtMs }]);
    });

    test.each(ODD_FIELDS)('lacks no task for the field %j', async (field) => {
      const shown = await list(json(200, upstream.list([{ ...upstream.task('queued'), ...field }])));
      expect(shown?.tasks).toMatchObject([{ taskId: 'task-1' }]);
    });

    test('says in words of ours which entry does not fit', async () => {
      const odd = { prompt: 'of another caller', [upstream.idKey]: null };
      const message = `the upstream answered 200 instead of`;
      await expect(list(json(200, upstream.list([upstream.created, odd])))).rejects.toMatchObject({
        message: expect.stringMatching(new RegExp(`^${message} the list of .*: entry 2 of the list has no readable`)),
      });
    });

    test('is none where it says an error', async () => {
      const shown = list(json(200, { ...upstream.list([]), error: { message: 'the database is away' } }));
      await expect(shown).rejects.toThrow('it says an error');
    });

    test('quotes nothing of any success', async () => {
      await assert(
        asyncProperty(anyListBody(upstream), async ({ body, texts }) => {
          const problem = await Promise.resolve(list(json(200, body))).then(
            () => '',
            (error: Error) => error.message,
          );
          expect(texts.filter((said) => problem.includes(said))).toEqual([]);
        }),
        randomRuns(100),
      );
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
