/** The shell blocks of the pages that show how Clipyard is used, run as they are printed beside a running `clipyard up`. */

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../src/temporal/dev-server/process.ts';
import { readClip } from './sandbox/mp4-reader.ts';
import { readProjectFile } from './source-files.ts';
import { type ClipyardProcess, compile, startClipyard, untilPrinted, untilReady } from './system/clipyard-process.ts';

const ADDRESS = 'http://127.0.0.1:8787';

/** The blocks of a page but those that start things, as one script: later ones use what earlier ones set. */
function scriptOf(page: string): string {
  const blocks = [...readProjectFile(page).matchAll(/^```bash\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
  return blocks.filter((block) => !block.startsWith('npm ')).join('\n');
}

let folder = '';
let port = 0;
let running: ClipyardProcess;

beforeAll(async () => {
  compile();
  folder = mkdtempSync(join(tmpdir(), 'clipyard-readme-'));
  // Where `npx` looks, as in the checkout; the data directory is its default.
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true });
  symlinkSync(resolve(__dirname, '../bin/clipyard.js'), join(folder, 'node_modules/.bin/clipyard'));
  port = await freePort(0);
  running = startClipyard(['up'], {
    CLIPYARD_DATA_DIR: join(folder, '.clipyard'),
    CLIPYARD_PORT: String(port),
    CLIPYARD_ROOT_KEY: '',
  });
  await untilReady(`http://127.0.0.1:${port}/readyz`);
  // Workers poll: what is created now is made at once.
  await untilPrinted(running, /^temporal {3}(http.*)$/m);
}, 300_000);
afterAll(async () => {
  await running?.killTree();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a page's script where a reader would, at the port of this test. */
async function run(page: string): Promise<string> {
  const script = scriptOf(page).replace(ADDRESS, `http://127.0.0.1:${port}`);
  const { PATH = '', HOME = '' } = process.env;
  const options = { cwd: folder, env: { PATH, HOME, CLIPYARD_PORT: String(port) }, timeout: 150_000 };
  return (await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], options)).stdout;
}

test('README.md: a clip is created, followed, downloaded and shown, by curl and by the command line', async () => {
  const printed = await run('README.md');
  expect(printed).toMatch(/^event: done$/m);
  expect(printed).toContain('"state":"completed"');
  const [byCurl, byCommand] = ['clip.mp4', 'lighthouse.mp4'].map((name) => readFileSync(join(folder, name)));
  expect(byCurl?.equals(byCommand as Buffer)).toBe(true);
  expect(await readClip(byCurl as Buffer)).toMatchObject({ durationSeconds: expect.closeTo(4, 0) });
});

test('docs/commands.md: the commands of its example succeed', async () => {
  const printed = await run('docs/commands.md');
  expect(printed).toMatch(/video_\S+ completed, charged \$/);
  expect(printed).toMatch(/^sandbox +airforce +active/m);
});

test('docs/recipes.md: the commands of its recipes succeed', async () => {
  const printed = await run('docs/recipes.md');
  expect(printed).toMatch(/^sandbox +airforce +paused/m);
  expect(printed).toContain('whsec_');
});
