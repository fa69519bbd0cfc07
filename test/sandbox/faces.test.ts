/** What is true of every face: a clip from create to bytes, four tasks a key, its own shape of errors, the same faults. */

import { FACE_USES, makeClip } from './face-table.ts';
import { readClip } from './mp4-reader.ts';
import { closeSandboxes, readJson, type SandboxClient, startFast } from './sandbox-client.ts';

let sandbox: SandboxClient;
beforeEach(async () => {
  sandbox = await startFast({ keys: ['key-a', 'key-b'] });
});
afterEach(closeSandboxes);

describe.each(FACE_USES)('the $name face', (use) => {
  const { name, createPath, body, tasks, refusal } = use;
  const tryCreate = (client = sandbox) => client.under(`/${name}`).post(createPath, body);
  const list = async (client = sandbox) => {
    const answer = await client.under(`/${name}`).fetch(tasks?.listPath ?? '');
    return (await readJson<Record<string, unknown[]>>(answer))[tasks?.listKey ?? ''];
  };

  test('makes a clip in its own words', async () => {
    const { words, clip } = await makeClip(sandbox.under(`/${name}`), use);
    for (const word of words) expect(tasks?.words).toContain(word);
    expect(await readClip(clip)).toMatchObject({ durationSeconds: 1, codec: 'avc' });
    expect((await sandbox.bill()).tasks).toMatchObject([
      { provider: name, key: 'key-a', seconds: 1, state: 'completed', costMicroUsd: use.costMicroUsd, request: body },
    ]);
  });

  test('refuses the fifth running task of a key', async () => {
    await sandbox.post('/_sandbox/faults', { speed: 0.01 });
    const hangUp = new AbortController();
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const four = [1, 2, 3, 4].map(() =>
      sandbox
        .under(`/${name}`)
        .fetch(createPath, { ...init, signal: hangUp.signal })
        .catch(() => null),
    );
    while ((await sandbox.bill()).tasks.length < 4);
    const fifth = await tryCreate();
    expect([fifth.status, await fifth.json()]).toEqual([429, refusal(429)]);
    expect(Number(fifth.headers.get('retry-after'))).toBeGreaterThan(0);
    hangUp.abort();
    await Promise.all(four);
    expect((await sandbox.bill()).peakConcurrent).toEqual({ 'key-a': 4 });
  });

  test('refuses keys that it does not know', async () => {
    const strange = await tryCreate(sandbox.withKey('key-c'));
    expect([strange.status, await strange.json()]).toEqual([401, refusal(401)]);
  });

  test('answers unknown routes in its own shape', async () => {
    const unknown = await sandbox.under(`/${name}`).fetch('/v1/nothing');
    expect([unknown.status, await unknown.json()]).toEqual([404, refusal(404)]);
  });

  test('answers broken JSON in its own shape', async () => {
    const headers = { 'content-type': 'application/json' };
    const broken = await sandbox.under(`/${name}`).fetch(createPath, { method: 'POST', headers, body: '{"prompt":' });
    expect([broken.status, await broken.json()]).toEqual([400, refusal(400)]);
  });

  test.each([400, 402, 403, 429, 500, 503])('answers an ordered %d in its own shape', async (status) => {
    await sandbox.setFaults({ kind: 'http_error', on: 'create', status, retryAfterSeconds: 7, count: 1 });
    const struck = await tryCreate();
    expect([struck.status, await struck.json()]).toEqual([status, refusal(status)]);
    expect(struck.headers.get('retry-after')).toBe('7');
    expect((await sandbox.bill()).tasks).toEqual([]);
  });

  test('loses the answer to a create as ordered', async () => {
    await sandbox.setFaults(
      { kind: 'lost_create_answer', answer: 'reset', count: 1 },
      { kind: 'lost_create_answer', answer: '5xx', count: 1 },
      { kind: 'lost_create_answer', answer: 'garbage', recorded: 'never', count: 1 },
    );
    await expect(tryCreate()).rejects.toThrow('fetch failed');
    const failed = await tryCreate();
    expect([failed.status, await failed.json()]).toEqual([503, refusal(503)]);
    expect(await (await tryCreate()).text()).toContain('<html>');
    expect((await sandbox.bill()).tasks).toHaveLength(2);
  });

  if (tasks === null) return;

  test('shows a key only what it made here', async () => {
    const created = await readJson<Record<string, string>>(await tryCreate());
    const path = tasks.path(tasks.idOf(created));
    const foreign = await sandbox.withKey('key-b').under(`/${name}`).fetch(path);
    expect([foreign.status, await foreign.json()]).toEqual([404, refusal(404)]);
    expect([await list(), await list(sandbox.withKey('key-b'))]).toMatchObject([[expect.anything()], []]);
    const others = FACE_USES.filter((other) => other.name !== name);
    for (const other of others) {
      const elsewhere = await sandbox.under(`/${other.name}`).fetch(other.tasks?.path(tasks.idOf(created)) ?? '/');
      expect(elsewhere.status).toBe(404);
    }
  });

  test('has its task and list struck by errors', async () => {
    const created = await readJson<Record<string, string>>(await tryCreate());
    await sandbox.setFaults(
      { kind: 'http_error', on: 'task', status: 500, count: 1 },
      { kind: 'http_error', on: 'list', status: 503, count: 1 },
    );
    const paths = [tasks.path(tasks.idOf(created)), tasks.listPath];
    const ask = () => Promise.all(paths.map((path) => sandbox.under(`/${name}`).fetch(path)));
    expect((await ask()).map(({ status }) => status)).toEqual([500, 503]);
    expect((await ask()).map(({ status }) => status)).toEqual([200, 200]);
  });

  test('shows words and absences that no document has', async () => {
    await sandbox.setFaults({ kind: 'unknown_status', word: 'baking', count: 1 }, { kind: 'slow', factor: 1000 });
    const strange = tasks.path(tasks.idOf(await readJson(await tryCreate())));
    await sandbox.setFaults({ kind: 'missing_at_first', forMs: 60_000 });
    const missing = tasks.path(tasks.idOf(await readJson(await tryCreate())));
    const client = sandbox.under(`/${name}`);
    expect(tasks.word(await readJson(await client.fetch(strange)))).toBe('baking');
    expect((await client.fetch(missing)).status).toBe(404);
  });
});
