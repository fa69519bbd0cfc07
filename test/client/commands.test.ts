/** The commands against a running gateway: `clipyard up` is started once, and asked as its users do. */

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../src/temporal/dev-server/process.ts';
import { type RunningClipyard, startClipyardForClients } from '../clients/running-clipyard.ts';
import { type CommandResult, commandsIn, PROGRAM } from './run-cli.ts';

let clipyard: RunningClipyard;
let folder = '';
let run: ReturnType<typeof commandsIn>;

const CLIP = ['--model', 'sandbox-mini', '--duration', '2'];

beforeAll(async () => {
  clipyard = await startClipyardForClients();
  folder = mkdtempSync(join(tmpdir(), 'clipyard-commands-'));
  run = commandsIn(folder, { CLIPYARD_URL: clipyard.url, CLIPYARD_API_KEY: clipyard.input.key });
}, 300_000);
afterAll(async () => {
  await clipyard?.close();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => clipyard.faults([]));

const as = (settings: Readonly<Record<string, string>>) =>
  commandsIn(folder, { CLIPYARD_URL: clipyard.url, CLIPYARD_API_KEY: clipyard.input.key, ...settings });

function succeeded({ exitCode, stdout, stderr }: CommandResult): string {
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return stdout;
}

/** The one JSON value of standard output. */
async function json(...args: readonly string[]) {
  const { exitCode, stdout } = await run(...args, '--json');
  expect(exitCode).toBe(0);
  return JSON.parse(stdout);
}

describe('clipyard webhooks', () => {
  test('an endpoint is made, listed, tested, rotated and deleted, and what it was told is sent again', async () => {
    const url = `http://127.0.0.1:${clipyard.input.receiverPort}/hook`;
    const created = succeeded(await run('webhooks', 'create', url, '--events', 'video.completed,video.failed'));
    const [id = '', secret = ''] = created.split('\n');
    expect(secret).toMatch(/^whsec_/);
    expect(await json('webhooks')).toMatchObject({ items: [{ id, url, events: ['video.completed', 'video.failed'] }] });
    expect(succeeded(await run('webhooks', 'list'))).toMatch(new RegExp(`^${id} +${url} +enabled`, 'm'));
    const delivery = succeeded(await run('webhooks', 'test', id, '--type', 'video.failed')).trim();
    const { items } = await json('webhooks', 'deliveries', id, '--limit', '1');
    expect(items).toMatchObject([{ id: delivery, type: 'video.failed', test: true }]);
    expect(succeeded(await run('webhooks', 'deliveries', id))).toContain('video.failed (test)');
    expect(succeeded(await run('webhooks', 'replay', delivery))).toBe(`${delivery} is sent again\n`);
    const range = ['--from', '2026-01-01T00:00:00Z'];
    expect(succeeded(await run('webhooks', 'replay', id, ...range))).toBe('1 are sent again\n');
    const rotated = await json('webhooks', 'rotate', id, '--keep-old-hours', '0');
    expect(rotated).toMatchObject({ id, secret: expect.not.stringContaining(secret) });
    expect(succeeded(await run('webhooks', 'delete', id))).toBe(`${id} deleted\n`);
    expect(succeeded(await run('webhooks'))).toBe('no webhook endpoints\n');
  });

  test('a callback at a private address is refused where a video is asked for', async () => {
    const { exitCode, stderr } = await run(
      'video',
      'create',
      ...CLIP,
      '--prompt',
      'x',
      '--callback',
      'https://10.0.0.1',
    );
    expect(exitCode).toBe(1);
    expect(stderr).toContain('callback_url: names the private address 10.0.0.1');
  });
});

describe('clipyard video', () => {
  test('a video is created, watched to its end, shown, listed and downloaded', async () => {
    const id = succeeded(await run('video', 'create', ...CLIP, '--prompt', 'a red fox')).trim();
    const watched = succeeded(await run('video', 'watch', id))
      .trimEnd()
      .split('\n');
    expect(watched.at(-2)).toBe('completed');
    expect(watched.at(-1)).toBe(`${id} completed, charged $0.02`);
    const snapshot = await json('video', 'get', id);
    expect(snapshot).toEqual(await clipyard.ask(`/clipyard/v1/videos/${id}`));
    expect(snapshot).toMatchObject({ id, state: 'completed', dialect: 'airforce', request: { prompt: 'a red fox' } });
    expect(succeeded(await run('video', 'get', id))).toMatch(/^cost +\$0\.02$/m);

    const { items, nextCursor } = await json('video', 'list', '--state', 'completed', '--limit', '1');
    expect([items[0].id, nextCursor]).toEqual([id, null]);
    expect(succeeded(await run('video', 'list'))).toMatch(
      new RegExp(`^id +state +model +created +cost +prompt\n${id}  completed  sandbox-mini .* a red fox$`, 'm'),
    );

    const { file } = await json('video', 'download', id);
    const bytes = readFileSync(join(folder, file));
    expect(file).toBe(`${id}.mp4`);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(snapshot.archive.sha256);
    expect(bytes.length).toBe(snapshot.archive.sizeBytes);
  });

  test('clips are joined into a film, which is shown and downloaded', async () => {
    const made = ['one', 'two'].map((prompt) =>
      run('video', 'create', ...CLIP, '--prompt', prompt, '--watch', '--json'),
    );
    const ids = (await Promise.all(made)).map(({ stdout }) => JSON.parse(stdout).id as string);
    const [id, ...watched] = succeeded(await run('film', 'create', ...ids, '--watch'))
      .trimEnd()
      .split('\n');
    expect(watched.at(-1)).toMatch(new RegExp(`^${id} completed, 4\\.0 s, \\d+x\\d+$`));
    const film = await json('film', 'get', id ?? '');
    expect(film).toMatchObject({ id, state: 'completed', durationMs: 4000, videos: ids, transition: 'cut' });
    expect(succeeded(await run('film', 'get', id ?? ''))).toMatch(/^clips +2$/m);
    const { file } = await json('film', 'download', id ?? '', '--output', 'film.mp4');
    const bytes = readFileSync(join(folder, file));
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(film.archive.sha256);
    for (const args of [[], [...ids, '--batch', 'batch_1'], ['video_nothing']]) {
      expect((await run('film', 'create', ...args)).exitCode).toBe(1);
    }
  });

  test('a video is made again, and many are counted before anything is done to them', async () => {
    await clipyard.faults([{ kind: 'failed_task', count: 2 }]);
    const made = ['one', 'two'].map((prompt) =>
      run('video', 'create', ...CLIP, '--prompt', prompt, '--watch', '--json'),
    );
    const ids = (await Promise.all(made)).map(({ stdout }) => JSON.parse(stdout).id as string);
    expect(await run('video', 'again')).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('--state') });
    const counted = await run('video', 'again', '--state', 'failed');
    expect(counted).toMatchObject({ exitCode: 1, stdout: '2 videos\n', stderr: expect.stringContaining('--yes') });
    const again = await json('video', 'again', '--state', 'failed', '--model', 'sandbox-mini', '--yes');
    expect(again).toEqual({ matched: 2, done: 2, failed: [] });
    const [first = ''] = ids;
    const changed = await json('video', 'again', first, '--with', '{"prompt":"a blue fox"}');
    expect(changed).toMatchObject({ againOf: first, request: { prompt: 'a blue fox', durationSeconds: 2 } });
    expect(succeeded(await run('video', 'delete', '--state', 'failed', '--yes'))).toBe('2 of 2 videos deleted\n');
    expect(succeeded(await run('video', 'delete', '--state', 'failed'))).toBe('0 of 0 videos deleted\n');
    // The last one: none is left for the tests that follow.
    succeeded(await run('video', 'watch', changed.id));
  });

  test('a download replaces a file only when it is told to, and leaves no part behind', async () => {
    const { id, archive } = await json('video', 'create', ...CLIP, '--prompt', 'a kept file', '--watch');
    writeFileSync(join(folder, 'kept.mp4'), 'mine');
    const refused = await run('video', 'download', id, '--output', 'kept.mp4');
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^clipyard: kept\.mp4 is there already; /);
    expect(readFileSync(join(folder, 'kept.mp4'), 'utf8')).toBe('mine');
    succeeded(await run('video', 'download', id, '--output', 'kept.mp4', '--force'));
    const bytes = readFileSync(join(folder, 'kept.mp4'));
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(archive.sha256);
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  test('a download goes to standard output, or into a folder, where that is said', async () => {
    const { id, archive } = await json('video', 'create', ...CLIP, '--prompt', 'to be piped', '--watch');
    const env = { ...process.env, CLIPYARD_URL: clipyard.url, CLIPYARD_API_KEY: clipyard.input.key };
    const args = [PROGRAM, 'video', 'download', id, '--output', '-'];
    const piped = spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'ignore'] });
    const hash = createHash('sha256');
    for await (const chunk of piped.stdout) hash.update(chunk);
    expect(hash.digest('hex')).toBe(archive.sha256);
    expect(existsSync(join(folder, '-'))).toBe(false);
    const both = await run('video', 'download', id, '--output', '-', '--json');
    expect(both).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringContaining('no place for --json') });
    mkdirSync(join(folder, 'clips'));
    expect((await json('video', 'download', id, '--output', 'clips')).file).toBe(join('clips', `${id}.mp4`));
    expect(existsSync(join(folder, 'clips', `${id}.mp4`))).toBe(true);
  });

  test('all options of a create reach the upstream', async () => {
    const image = ['--image', String(clipyard.input['image'])];
    const more = ['--aspect-ratio', '9:16', '--quality', '720p', '--seed', '7', '--extra', '{"style":"noir"}'];
    const { request } = await json('video', 'create', ...CLIP, '--prompt', 'a house', ...image, ...more, '--watch');
    expect(request).toMatchObject({ mode: 'image', aspectRatio: '9:16', quality: '720p', durationSeconds: 2 });
    expect(request.images).toMatchObject([{ kind: 'stored', mediaType: 'image/png' }]);
    expect((await clipyard.requests()).at(-1)).toMatchObject({ prompt: 'a house', seed: 7, style: 'noir' });
  });

  test('the same idempotency key is the same video', async () => {
    const create = ['video', 'create', ...CLIP, '--prompt', 'only once', '--idempotency-key', 'once'];
    expect((await json(...create)).id).toBe((await json(...create)).id);
  });

  test('a video that fails is an exit code of 1, and its snapshot says why', async () => {
    await clipyard.faults([{ kind: 'failed_task', message: 'too red', rate: 1 }]);
    const { exitCode, stdout, stderr } = await run('video', 'create', ...CLIP, '--prompt', 'red', '--watch', '--json');
    const { id, state, failure } = JSON.parse(stdout);
    expect([exitCode, state, failure.kind]).toEqual([1, 'failed', 'upstream_failed']);
    expect(stderr).toMatch(new RegExp(`^clipyard: ${id} is failed: .*too red.* \\(upstream_failed\\)$`, 'm'));
    expect(await run('video', 'watch', id)).toMatchObject({ exitCode: 1 });
    expect(await run('video', 'download', id)).toMatchObject({ exitCode: 1, stdout: '' });
    expect(existsSync(join(folder, `${id}.mp4`))).toBe(false);
  });

  test('a running video is not deleted, is watched until that is interrupted, is cancelled, and is deleted then', async () => {
    await clipyard.faults([{ kind: 'slow', factor: 1000, rate: 1 }]);
    const { id } = await json('video', 'create', ...CLIP, '--prompt', 'too slow');
    const tooEarly = await run('video', 'delete', id);
    expect(tooEarly).toMatchObject({ exitCode: 1, stdout: '' });
    expect(tooEarly.stderr).toMatch(/^clipyard: .*\(conflict, HTTP 409\)\n$/);
    const watching = spawn(process.execPath, [PROGRAM, 'video', 'watch', id], {
      cwd: folder,
      env: { ...process.env, CLIPYARD_URL: clipyard.url, CLIPYARD_API_KEY: clipyard.input.key },
    });
    let words = '';
    watching.stderr.on('data', (chunk) => {
      words += chunk;
    });
    await once(watching.stdout, 'data');
    watching.kill('SIGINT');
    expect([await once(watching, 'close'), words]).toEqual([
      [130, null],
      `clipyard: ${id} goes on; to come back to it: clipyard video watch ${id}\n`,
    ]);
    expect(await json('video', 'cancel', id)).toMatchObject({ id, state: 'cancelled' });
    expect(await json('video', 'delete', id)).toEqual({ id, object: 'video.deleted', deleted: true });
    expect(
      (await json('video', 'list', '--limit', '200')).items.map((video: { id: string }) => video.id),
    ).not.toContain(id);
  });
});

describe('clipyard callers and clipyard costs', () => {
  test("a new caller's key makes a video, whose cost is told, until the caller is disabled", async () => {
    const { id, key } = await json('callers', 'create', 'studio', '--credit-usd', '0.01', '--models', 'sandbox-mini');
    const theirs = as({ CLIPYARD_API_KEY: key });
    const create = ['video', 'create', ...CLIP, '--prompt', 'of a studio'];
    const poor = await theirs(...create);
    expect(poor).toMatchObject({ exitCode: 1, stdout: '' });
    expect(poor.stderr).toMatch(/^clipyard: .*\(insufficient_credit, HTTP 402\)\n$/);

    expect(await json('callers', 'credit', id, '0.04')).toMatchObject({ id, creditMicroUsd: 50_000 });
    expect((await theirs(...create, '--watch')).exitCode).toBe(0);
    const costs = succeeded(await run('costs', '--by', 'caller', '--caller', id));
    expect(costs).toMatch(
      new RegExp(`^caller +videos  settled  upstream  lost\n${id}  1 +\\$0\\.02 +\\$0\\.02 +\\$0\\.00\n$`),
    );
    const theirCosts = await theirs('costs', '--json');
    expect(JSON.parse(theirCosts.stdout)).toEqual({
      items: [{ videos: 1, settledMicroUsd: 20_000, upstreamMicroUsd: 20_000, lostMicroUsd: 0 }],
    });

    expect(succeeded(await run('callers', 'disable', id))).toMatch(/ studio {2}disabled /);
    const disabled = await theirs(...create);
    expect(disabled).toMatchObject({ exitCode: 1, stdout: '' });
    expect(disabled.stderr).toMatch(/HTTP 401\); set CLIPYARD_API_KEY /);
    expect(await json('callers', 'enable', id)).toMatchObject({ id, disabledAt: null });
    expect((await theirs('video', 'list')).exitCode).toBe(0);
    expect(succeeded(await run('callers', 'list'))).toMatch(/ studio {2}active +\$0\.05 +\$0\.03 +\$0\.00 +\$0\.02 /);
  });

  test("callers' own keys are not enough for callers and accounts", async () => {
    const theirs = as({ CLIPYARD_API_KEY: await clipyard.join({}) });
    for (const command of ['callers', 'accounts']) {
      const { exitCode, stderr } = await theirs(command, 'list');
      expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/^clipyard: .*\(forbidden, HTTP 403\)\n$/)]);
    }
  });
});

describe('clipyard accounts', () => {
  test('an account is paused and resumed', async () => {
    expect(await json('accounts')).toEqual(await clipyard.ask('/clipyard/v1/accounts'));
    expect(await json('accounts', 'pause', 'sandbox')).toMatchObject({ id: 'sandbox', state: 'paused' });
    expect(succeeded(await run('accounts'))).toMatch(/^sandbox {2}airforce {2}paused /m);
    expect(succeeded(await run('accounts', 'resume', 'sandbox'))).toMatch(/^sandbox {2}airforce {2}active /m);
    const unknown = await run('accounts', 'pause', 'nowhere');
    expect(unknown).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'clipyard: there is no account nowhere (not_found, HTTP 404)\n',
    });
  });
});

describe('what stops a command', () => {
  test('a gateway that cannot be reached is named with the setting that leads there', async () => {
    const url = `http://127.0.0.1:${await freePort(0)}`;
    const { exitCode, stdout, stderr } = await as({ CLIPYARD_URL: url })('video', 'list');
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(new RegExp(`^clipyard: the gateway at ${url} cannot be reached: .*set CLIPYARD_URL .*\n$`));
  });

  test('a wrong key is told with the setting that holds it', async () => {
    const { exitCode, stderr } = await as({ CLIPYARD_API_KEY: 'wrong' })('video', 'get', 'video_1');
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/HTTP 401\); set CLIPYARD_API_KEY /)]);
  });

  test('a word that is none of those there are is told before anything is asked', async () => {
    const { exitCode, stderr } = await as({ CLIPYARD_URL: 'http://127.0.0.1:1' })('video', 'list', '--state', 'flying');
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('one of queued, submitting, ')]);
  });

  test('an id that is empty is told as such, and asks nothing of the gateway', async () => {
    const unset = [
      ['video', 'get', ''],
      ['webhooks', 'delete', ' '],
      ['film', 'create', 'video_1', ''],
    ];
    const results = await Promise.all(unset.map((args) => as({ CLIPYARD_URL: 'http://127.0.0.1:1' })(...args)));
    expect(results.map(({ exitCode, stderr }) => [exitCode, stderr.split('\n')[0]])).toEqual([
      [1, "error: argument 'id' is empty"],
      [1, "error: argument 'endpoint' is empty"],
      [1, "error: argument 'ids' is empty"],
    ]);
  });

  test('an id beside what finds many, and a change of many, are refused, and nothing is asked of the gateway', async () => {
    const nowhere = as({ CLIPYARD_URL: 'http://127.0.0.1:1' });
    const [both, changed] = await Promise.all([
      nowhere('video', 'delete', 'video_1', '--state', 'failed'),
      nowhere('video', 'again', '--state', 'failed', '--with', '{"prompt":"x"}', '--yes'),
    ]);
    expect([both.exitCode, both.stderr]).toEqual([1, expect.stringContaining('and not both')]);
    expect([changed.exitCode, changed.stderr]).toEqual([1, expect.stringContaining('--with is for one video')]);
  });

  test('an idempotency key that no header can carry is a usage error', async () => {
    const create = ['video', 'create', ...CLIP, '--prompt', 'x', '--idempotency-key', 'a\nb'];
    const { exitCode, stderr } = await as({ CLIPYARD_URL: 'http://127.0.0.1:1' })(...create);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('printable ASCII characters are wanted')]);
  });

  test('the version says which commit it is of, in a checkout', async () => {
    const { exitCode, stdout } = await as({})('--version');
    expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/^clipyard \d+\.\d+\.\d+(?: \([0-9a-f]{12}\))?\n$/)]);
  });

  test('root is always enabled', async () => {
    for (const turn of ['enable', 'disable']) {
      const { exitCode, stderr } = await run('callers', turn, 'root');
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining('the caller root is always enabled')]);
    }
  });

  test('a usage error shows the help and asks nothing of the gateway', async () => {
    const { exitCode, stdout, stderr } = await as({ CLIPYARD_URL: 'http://127.0.0.1:1' })('video', 'create');
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^error: required option '--model <model>' not specified\n\nUsage: clipyard video create /);
  });
});
