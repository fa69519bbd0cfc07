/** `clipyard batch …` against a running gateway, as its users run it. */

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningClipyard, startClipyardForClients } from '../clients/running-clipyard.ts';
import { type CommandResult, commandsIn, PROGRAM } from './run-cli.ts';

let clipyard: RunningClipyard;
let folder = '';
let run: ReturnType<typeof commandsIn>;
let settings: Readonly<Record<string, string>>;

beforeAll(async () => {
  clipyard = await startClipyardForClients();
  folder = mkdtempSync(join(tmpdir(), 'clipyard-batches-'));
  settings = { CLIPYARD_URL: clipyard.url, CLIPYARD_API_KEY: clipyard.input.key };
  run = commandsIn(folder, settings);
}, 300_000);
afterAll(async () => {
  await clipyard?.close();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => clipyard.faults([]));

const CLIP = { model: 'sandbox-mini', duration_seconds: 2 };
const jsonl = (lines: readonly object[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join('');

/** A manifest in the folder; its name. */
function manifest(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return name;
}

function succeeded({ exitCode, stdout, stderr }: CommandResult): string {
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return stdout;
}

async function json(...args: readonly string[]) {
  const { exitCode, stdout, stderr } = await run(...args, '--json');
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  return JSON.parse(stdout);
}

async function batchIds(): Promise<readonly string[]> {
  return (await json('batch', 'list')).items.map(({ id }: { readonly id: string }) => id);
}

/** The command with this as its standard input. */
async function feed(text: string, ...args: readonly string[]): Promise<CommandResult> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { cwd: folder, env: { ...process.env, ...settings } });
  const read = async (stream: NodeJS.ReadableStream) => {
    let said = '';
    for await (const chunk of stream) said += chunk;
    return said;
  };
  child.stdin.end(text);
  const [stdout, stderr, [exitCode]] = await Promise.all([
    read(child.stdout),
    read(child.stderr),
    once(child, 'close'),
  ]);
  return { exitCode, stdout, stderr };
}

/** Passes requests on to the gateway, and stops in the midst of each clip beyond the first few. */
async function startBrake(to: string) {
  let passing = 0;
  let held = 0;
  const ranges: string[] = [];
  const server = createServer(async ({ url = '', headers }, response) => {
    const { authorization = '', range } = headers;
    const answer = await fetch(to + url, { headers: { authorization, ...(range && { range }) } });
    const bytes = Buffer.from(await answer.arrayBuffer());
    const contentRange = answer.headers.get('content-range');
    response.writeHead(answer.status, {
      'content-type': answer.headers.get('content-type') ?? '',
      'content-length': bytes.length,
      ...(contentRange && { 'content-range': contentRange }),
    });
    if (contentRange) ranges.push(contentRange);
    if (!url.endsWith('/content') || passing > 0) {
      if (url.endsWith('/content')) passing -= 1;
      return response.end(bytes);
    }
    response.write(bytes.subarray(0, bytes.length / 2), () => {
      held += 1;
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ranges,
    passes(clips: number): void {
      passing = clips;
      held = 0;
    },
    /** Resolves when each download at once has stopped, with its beginning on disk. */
    async allHeld(): Promise<void> {
      const begun = () => readdirSync(join(folder, 'results')).filter((name) => name.endsWith('.mp4.part'));
      while (held < 4 || !begun().every((name) => statSync(join(folder, 'results', name)).size > 0)) await sleep(10);
    },
    async close(): Promise<void> {
      server.closeAllConnections();
      server.close();
    },
  };
}

describe('clipyard batch submit', () => {
  test('a manifest becomes a batch that is priced, followed to its end, shown and listed', async () => {
    const file = manifest('three.jsonl', jsonl(['one', 'two', 'three'].map((prompt) => ({ ...CLIP, prompt }))));
    const submitted = await json('batch', 'submit', file, '--name', 'foxes', '--window', '48h');
    const { id } = submitted;
    expect(submitted).toMatchObject({ total: 3, estimateMicroUsd: 60_000, invalid: [] });
    const watched = succeeded(await run('batch', 'watch', id))
      .trimEnd()
      .split('\n');
    expect(watched.at(-2)).toBe('completed: 3 completed, $0.06');
    expect(watched.at(-1)).toBe(`${id} completed: 3 of 3 completed, charged $0.06`);
    const shown = await json('batch', 'status', id);
    expect(shown).toEqual(await clipyard.ask(`/clipyard/v1/batches/${id}`));
    expect(shown).toMatchObject({ id, name: 'foxes', state: 'completed', window: '48h', costMicroUsd: 60_000 });
    expect(succeeded(await run('batch', 'status', id))).toMatch(/^lines +3 completed$/m);
    expect(succeeded(await run('batch', 'list'))).toMatch(
      new RegExp(
        `^id +name +state +completed +failed +cost +created\n${id} +foxes +completed +3 of 3 +0 +\\$0.06 `,
        'm',
      ),
    );
    // By now it is known how long clips take here.
    expect(succeeded(await run('batch', 'submit', file))).toMatch(
      /^id +batch_\S+\nclips +3\nestimate +\$0.06\nexpected end +\S+ \S+Z, in \d+ s\n/,
    );
  });

  test('a dry run prices a manifest, and nothing is made', async () => {
    const before = await batchIds();
    const file = manifest('clips.csv', 'custom_id,model,prompt,duration_seconds\na,sandbox-mini,"red, fox",2\n');
    expect(await json('batch', 'submit', file, '--dry-run')).toMatchObject({
      id: null,
      total: 1,
      estimateMicroUsd: 20_000,
      invalid: [],
    });
    const bad = await run('batch', 'submit', manifest('bad.csv', 'custom_id,colour\na,red\n'), '--dry-run');
    expect(bad).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('line 1: unknown columns: colour') });
    const list = await run('batch', 'submit', manifest('list.jsonl', '[{"model":"sandbox-mini"},\n{}]\n'), '--dry-run');
    expect(list.stdout).toContain(
      'line 1: the line is not valid JSON: each line is an object by itself, not one of a list',
    );
    const one = 'model,prompt,duration_seconds\nsandbox-mini,fox,2\nsandbox-mini,fox,"2,0"\n';
    expect(await run('batch', 'submit', manifest('one.csv', one), '--dry-run')).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining('line 3: duration_seconds: must be a number, not 2,0'),
      stderr: 'clipyard: 1 line cannot become a clip\n',
    });
    const none = await run('batch', 'submit', manifest('none.csv', 'model,prompt\n'), '--dry-run');
    expect(none).toMatchObject({ exitCode: 1, stderr: 'clipyard: the manifest has no line\n' });
    expect(await batchIds()).toEqual(before);
  });

  test('bad lines are shown one by one, and make nothing unless they are to be skipped', async () => {
    const before = await batchIds();
    const good = { ...CLIP, custom_id: 'good', prompt: 'a fox' };
    const file = manifest('bad.jsonl', `${JSON.stringify(good)}\n{\n\n${JSON.stringify(good)}\n`);
    const refused = await run('batch', 'submit', file);
    expect(refused).toEqual({
      exitCode: 1,
      stdout: expect.stringMatching(
        /^line 2: the line is not valid JSON: .* position 1\b.* \(invalid_json\)\nline 4: custom_id good stands in line 1 already \(duplicate_custom_id\)\n$/,
      ),
      stderr: 'clipyard: 2 lines cannot become clips; nothing was made\n',
    });
    const asJson = await run('batch', 'submit', file, '--json');
    expect([asJson.exitCode, JSON.parse(asJson.stdout)]).toMatchObject([
      1,
      { code: 'invalid_lines', invalid: [{ line: 2 }, { line: 4, code: 'duplicate_custom_id' }] },
    ]);
    const many = await run('batch', 'submit', manifest('many.jsonl', '{\n'.repeat(1200)));
    expect(many.stderr).toBe('clipyard: 1000 or more lines cannot become clips; nothing was made\n');
    expect(await batchIds()).toEqual(before);

    const skipped = await run('batch', 'submit', file, '--on-invalid-line', 'skip', '--watch', '--json');
    expect(JSON.parse(skipped.stdout)).toMatchObject({
      state: 'completed',
      total: 1,
      counts: { completed: 1, failed: 2 },
    });
    expect([skipped.exitCode, skipped.stderr]).toEqual([
      1,
      expect.stringMatching(
        /^line 4 failed: duplicate_custom_id: [^\n]+\n(?:.*\n)*clipyard: 2 of 3 lines of \S+ did not complete$/m,
      ),
    ]);
  });

  test('a manifest comes from standard input in either format', async () => {
    const lines = await feed(
      jsonl([{ ...CLIP, prompt: 'from a pipe' }]),
      'batch',
      'submit',
      '-',
      '--dry-run',
      '--json',
    );
    const csv = await feed('model,prompt\nsandbox-mini,from a pipe\n', 'batch', 'submit', '-', '--dry-run', '--json');
    expect([lines, csv].map(({ stdout }) => JSON.parse(stdout))).toMatchObject([{ total: 1 }, { total: 1 }]);
  });

  test('images of this machine are uploaded once each, whatever the words of the line', async () => {
    copyFileSync(String(clipyard.input['image']), join(folder, 'start.png'));
    const key = await clipyard.join({ creditMicroUsd: 1e9 });
    const theirs = commandsIn(folder, { ...settings, CLIPYARD_API_KEY: key });
    const line = { ...CLIP, mode: 'image' };
    const ofOpenai = { model: 'sandbox-mini', prompt: 'c', seconds: '4', input_reference: { image_url: 'start.png' } };
    const file = manifest(
      'images.jsonl',
      jsonl([
        { ...line, prompt: 'a', input_images: [{ url: 'start.png' }] },
        { ...line, prompt: 'b', input_images: [{ url: './start.png' }] },
        { custom_id: 'c', method: 'POST', url: '/v1/videos', body: ofOpenai },
      ]),
    );
    const first = succeeded(
      await theirs('batch', 'submit', file, '--watch', '--json').then((done) => ({ ...done, stderr: '' })),
    );
    expect(JSON.parse(first)).toMatchObject({ state: 'completed', counts: { completed: 3 } });
    const csv = manifest(
      'images.csv',
      '\nmodel,prompt,duration_seconds,image\n\nsandbox-mini,"two\nlines",2,start.png\n',
    );
    const { id } = JSON.parse(succeeded(await theirs('batch', 'submit', csv, '--json')));
    await theirs('batch', 'watch', id);

    const ask = async (path: string) =>
      (await (await fetch(clipyard.url + path, { headers: { authorization: `Bearer ${key}` } })).json()) as {
        data: { filename: string }[];
        items: { line: number; state: string; prompt: string }[];
      };
    const { data } = await ask('/openai/v1/files?purpose=vision');
    expect(data.map(({ filename }) => filename)).toEqual(['start.png', 'start.png']);
    const { items } = await ask(`/clipyard/v1/batches/${id}/items`);
    expect(items).toMatchObject([{ line: 4, state: 'completed', prompt: 'two\nlines' }]);
    const videos = await ask('/clipyard/v1/videos');
    expect(videos.items).toHaveLength(4);
    const stored = { kind: 'stored', mediaType: 'image/png' };
    for (const video of videos.items) expect(video).toMatchObject({ request: { mode: 'image', images: [stored] } });
  });

  test('an image that is not there is said, and its line is a bad one', async () => {
    const file = manifest('nowhere.csv', 'model,prompt,image\nsandbox-mini,a fox,nowhere.png\n');
    const { exitCode, stdout } = await run('batch', 'submit', file);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/nowhere\.png: ENOENT.*\nline 2: input_images\.0\.url: must be an http or https URL/);
  });

  test('the same idempotency key is the same batch', async () => {
    const file = manifest('once.jsonl', jsonl([{ ...CLIP, prompt: 'only once' }]));
    const submit = ['batch', 'submit', file, '--idempotency-key', 'once'];
    expect((await json(...submit)).id).toBe((await json(...submit)).id);
  });
});

describe('clipyard batch watch, cancel and retry', () => {
  test('Ctrl-C leaves a batch running and says how to come back to it', async () => {
    await clipyard.faults([{ kind: 'slow', factor: 1000, rate: 1 }]);
    const file = manifest('slow.jsonl', jsonl([{ ...CLIP, prompt: 'too slow' }]));
    const { id } = await json('batch', 'submit', file);
    const watching = spawn(process.execPath, [PROGRAM, 'batch', 'watch', id], {
      cwd: folder,
      env: { ...process.env, ...settings },
    });
    let words = '';
    watching.stderr.on('data', (chunk) => {
      words += chunk;
    });
    await once(watching.stdout, 'data');
    watching.kill('SIGINT');
    expect([await once(watching, 'close'), words]).toEqual([
      [130, null],
      `clipyard: ${id} goes on; to come back to it: clipyard batch watch ${id}\n`,
    ]);
    expect(await json('batch', 'status', id)).toMatchObject({ state: 'in_progress' });
    expect(await json('batch', 'cancel', id)).toMatchObject({ id, state: 'cancelling' });
  });

  test('the lines that failed are made again as a batch of their own', async () => {
    await clipyard.faults([{ kind: 'failed_task', message: 'too red', count: 1 }]);
    const file = manifest(
      'fails.jsonl',
      jsonl(['one', 'two'].map((prompt) => ({ ...CLIP, prompt, custom_id: prompt }))),
    );
    const { exitCode, stdout, stderr } = await run('batch', 'submit', file, '--watch');
    expect([exitCode, stdout]).toEqual([1, expect.stringMatching(/^line \d \((?:one|two)\) failed: .*too red/m)]);
    const [, id = ''] = /clipyard batch retry (\S+)$/m.exec(stderr) ?? [];
    const again = await json('batch', 'retry', id);
    expect(again).toMatchObject({ retryOf: id, total: 1 });
    expect(succeeded(await run('batch', 'watch', again.id))).toMatch(/1 of 1 completed, charged \$0\.02\n$/);
  });

  test('an id that is none of theirs is said to be none', async () => {
    expect(await run('batch', 'status', 'batch_nowhere')).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'clipyard: there is no batch batch_nowhere (not_found, HTTP 404)\n',
    });
  });
});

describe('clipyard batch results', () => {
  const LINES = 16;
  /** Whole clips that come before the others stop in their midst. */
  const WHOLE = 3;
  let brake: Awaited<ReturnType<typeof startBrake>>;
  let key = '';
  let id = '';
  const dir = () => join(folder, 'results');
  const results = () =>
    commandsIn(folder, { CLIPYARD_URL: brake.url, CLIPYARD_API_KEY: key })(
      'batch',
      'results',
      id,
      '--dir',
      'results',
      '--json',
    );
  const namesOf = (end: string) => readdirSync(dir()).filter((name) => name.endsWith(end));
  const sha256 = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(dir(), name)))
      .digest('hex');

  async function ask<Answer>(path: string): Promise<Answer> {
    return (await (await fetch(clipyard.url + path, { headers: { authorization: `Bearer ${key}` } })).json()) as Answer;
  }

  beforeAll(async () => {
    brake = await startBrake(clipyard.url);
    key = await clipyard.join({ creditMicroUsd: 1e9 });
    const lines = Array.from({ length: LINES }, (_, index) => ({
      ...CLIP,
      custom_id: `shot ${index}`,
      prompt: `fox, ${index}`,
    }));
    const theirs = commandsIn(folder, { ...settings, CLIPYARD_API_KEY: key });
    const { stdout } = await theirs('batch', 'submit', manifest('shots.jsonl', jsonl(lines)), '--watch', '--json');
    id = JSON.parse(stdout).id;
  }, 300_000);
  afterAll(() => brake?.close());

  test('killed three times it goes on each time, and ends with each clip that was paid', async () => {
    for (let round = 0; round < 3; round++) {
      brake.passes(WHOLE);
      const env = { ...process.env, CLIPYARD_URL: brake.url, CLIPYARD_API_KEY: key };
      const child = spawn(process.execPath, [PROGRAM, 'batch', 'results', id, '--dir', 'results'], {
        cwd: folder,
        env,
      });
      await brake.allHeld();
      child.kill('SIGKILL');
      await once(child, 'close');
      expect(namesOf('.mp4')).toHaveLength((round + 1) * WHOLE);
    }
    expect(brake.ranges.length).toBeGreaterThan(0);
    expect(namesOf('manifest.csv')).toEqual([]);
    brake.passes(Number.POSITIVE_INFINITY);
    const { exitCode, stdout } = await results();
    expect([exitCode, JSON.parse(stdout)]).toEqual([
      0,
      {
        id,
        state: 'completed',
        dir: 'results',
        completed: LINES,
        fetched: LINES - 3 * WHOLE,
        verified: 3 * WHOLE,
        failed: [],
      },
    ]);

    const ledger = await ask<{ items: { kind: string; videoId: string }[] }>('/clipyard/v1/ledger?limit=200');
    const paid = ledger.items.filter(({ kind }) => kind === 'settle').map(({ videoId }) => videoId);
    const archived = await Promise.all(
      paid.map(async (video) => {
        const { archive } = await ask<{ archive: { sha256: string } }>(`/clipyard/v1/videos/${video}`);
        return [`${video}.mp4`, archive.sha256];
      }),
    );
    expect(namesOf('.mp4').map((name) => [name, sha256(name)])).toEqual(archived.toSorted());
    expect(namesOf('.part')).toEqual([]);
    // Beside the clips, what became of each line, as the gateway has it.
    for (const format of ['jsonl', 'csv']) {
      const headers = { authorization: `Bearer ${key}` };
      const theirs = await fetch(`${clipyard.url}/clipyard/v1/batches/${id}/manifest?format=${format}`, { headers });
      expect(readFileSync(join(dir(), `manifest.${format}`), 'utf8')).toBe(await theirs.text());
    }
  }, 240_000);

  test('once more it fetches only what is missing or damaged', async () => {
    const [damaged = '', missing = ''] = namesOf('.mp4');
    const hashes = [damaged, missing].map(sha256);
    writeFileSync(join(dir(), damaged), 'damaged');
    rmSync(join(dir(), missing));
    writeFileSync(join(dir(), `${missing}.part`), 'what a loss of power left');
    expect(JSON.parse((await results()).stdout)).toMatchObject({ fetched: 2, verified: LINES - 2, failed: [] });
    expect([damaged, missing].map(sha256)).toEqual(hashes);
  });

  test('two at once into one folder both end with all clips and whole manifests', async () => {
    for (const name of namesOf('')) rmSync(join(dir(), name));
    const both = await Promise.all([results(), results()]);
    expect(both).toEqual(Array(2).fill(expect.objectContaining({ exitCode: 0, stderr: '' })));
    expect(namesOf('.mp4')).toHaveLength(LINES);
    expect(namesOf('.part')).toEqual([]);
    const rows = readFileSync(join(dir(), 'manifest.jsonl'), 'utf8').trim().split('\n');
    expect(rows.map((row) => JSON.parse(row).line)).toEqual(Array.from({ length: LINES }, (_, index) => index + 1));
  });

  test.each(['/proc/clipyard', 'one.jsonl/clips'])(
    'a folder that cannot be made is said to be none: %s',
    async (named) => {
      manifest('one.jsonl', '');
      const run = commandsIn(folder, { ...settings, CLIPYARD_API_KEY: key });
      const { exitCode, stderr } = await run('batch', 'results', id, '--dir', named);
      expect([exitCode, stderr]).toEqual([
        1,
        expect.stringMatching(/^clipyard: --dir names .*, where nothing can be written/),
      ]);
    },
  );

  test('a clip that is no longer there is named, and the others are there', async () => {
    const [gone = ''] = namesOf('.mp4').map((name) => name.replace('.mp4', ''));
    await commandsIn(folder, { ...settings, CLIPYARD_API_KEY: key })('video', 'delete', gone);
    rmSync(join(dir(), `${gone}.mp4`));
    const { exitCode, stdout, stderr } = await results();
    expect([exitCode, JSON.parse(stdout)]).toMatchObject([1, { verified: LINES - 1, failed: [{ id: gone }] }]);
    expect(stderr).toMatch(/clipyard: 1 of 16 clips could not be had\n$/);
  });
});
