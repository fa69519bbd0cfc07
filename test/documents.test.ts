/** The documents: what is printed from the code is current, links and names in the rest exist, examples can be read. */

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { SETTINGS } from '../src/config/environment.ts';
import { readConfigFile } from '../src/config/upstreams.ts';
import { VIDEO_STATES } from '../src/domain/video.ts';
import { commandNames } from './documents/commands.ts';
import { FILES, PARTS, partsOf, reprint } from './documents/printed.ts';
import { listDocuments, readProjectFile } from './source-files.ts';

const ROOT = resolve(__dirname, '..');
const DOCUMENTS = listDocuments();
const SETTING_NAMES: readonly string[] = Object.values(SETTINGS).map(({ name }) => name);

const sorted = (names: Iterable<string>) => [...new Set(names)].toSorted();
const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, name = '']) => name);

/** Compares a document with what the code prints; `npm run docs` writes it first. */
function expectPrinted(path: string, printed: string): void {
  if (process.env['CLIPYARD_WRITE_DOCUMENTS'] === '1') writeFileSync(join(ROOT, path), printed);
  expect(readProjectFile(path)).toBe(printed);
}

/** Whether a file is there and, behind `#`, has the heading. */
function leadsSomewhere(from: string, link: string): boolean {
  const [path = '', heading] = link.split('#');
  const file = path === '' ? from : join(dirname(from), path);
  if (!existsSync(join(ROOT, file))) return false;
  if (heading === undefined) return true;
  const headings = matches(readProjectFile(file), /^#+ (.+)$/gm);
  return headings.some(
    (text) =>
      text
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-') === heading,
  );
}

describe('what is printed', () => {
  test.each(DOCUMENTS)('%s is current; `npm run docs` makes it so', async (path) => {
    expectPrinted(path, await reprint(readProjectFile(path)));
  });

  test.each(Object.entries(FILES))('%s is current; `npm run docs` makes it so', (path, print) => {
    expectPrinted(path, print());
  });

  test('every part stands in one document', () => {
    const parts = DOCUMENTS.flatMap((path) => partsOf(readProjectFile(path)));
    expect(parts.toSorted()).toEqual(Object.keys(PARTS).toSorted());
  });
});

describe('what is written', () => {
  test('every state of a clip is in the table of states', () => {
    expect(matches(readProjectFile('docs/routes.md'), /^\| `(\w+)` \| `\w+` \| /gm).toSorted()).toEqual(
      VIDEO_STATES.toSorted(),
    );
  });

  test('every npm script that a document names exists', () => {
    const { scripts } = JSON.parse(readProjectFile('package.json'));
    const named = DOCUMENTS.flatMap((path) => matches(readProjectFile(path), /npm run ([\w:-]+)/g));
    expect(sorted(named).filter((name) => !(name in scripts))).toEqual([]);
  });

  test('every file and every heading that a document links to exists', () => {
    const broken = DOCUMENTS.flatMap((path) =>
      matches(readProjectFile(path), /\]\((?!https?:)([^)]+)\)/g).filter((link) => !leadsSomewhere(path, link)),
    );
    expect(broken).toEqual([]);
  });

  test('every setting that a document names exists', () => {
    const named = DOCUMENTS.flatMap((path) => matches(readProjectFile(path), /\b(CLIPYARD_[A-Z_]+[A-Z])\b/g));
    const ofTests = ['CLIPYARD_SEEDS', 'CLIPYARD_SOAK_PATH', 'CLIPYARD_SOAK_RUNS', 'CLIPYARD_SOAK_SEED'];
    expect(sorted(named).filter((name) => !SETTING_NAMES.includes(name))).toEqual(ofTests);
  });
});

describe('the examples', () => {
  test('of clipyard.yaml can be read', () => {
    const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(readProjectFile('docs/settings.md')) ?? [];
    const folder = mkdtempSync(join(tmpdir(), 'clipyard-documents-'));
    writeFileSync(join(folder, 'clipyard.yaml'), example);
    const paths = [join(folder, 'clipyard.yaml'), resolve(ROOT, 'clipyard.example.yaml')];
    const read = paths.map((path) => readConfigFile(path, { AIRFORCE_KEY: 'key' }));
    rmSync(folder, { recursive: true });
    expect(read.map(({ accounts, models }) => [accounts.length, models.length])).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });
});

describe('docker-compose.yml', () => {
  const { services, configs } = parse(readProjectFile('docker-compose.yml'), { merge: true });
  const own: [string, { command: string[]; environment: Record<string, string> }][] = Object.entries<never>(
    services,
  ).filter(([, { image }]) => image === 'clipyard');

  test('every setting is a documented one', () => {
    const set = own.flatMap(([, { environment }]) => Object.keys(environment));
    const keys = matches(configs.upstreams.content, /apiKeyEnv: (\w+)/g);
    expect(sorted(set).filter((name) => !SETTING_NAMES.includes(name))).toEqual(keys);
  });

  test('every service runs a command that exists', () => {
    const commands = own.map(([, { command }]) => command[0] ?? '');
    expect(sorted(commands)).toEqual(['migrate', 'sandbox', 'serve', 'work']);
    expect(commands.filter((command) => !commandNames().includes(command))).toEqual([]);
  });

  test('PostgreSQL takes the connections of all processes at once', () => {
    const { worker, postgres, temporal } = services;
    // The two pools of a process and its listener, as docs/operating.md has it; four services of Temporal with two stores each.
    const ours = 14 * (1 + worker.deploy.replicas);
    const temporals = 8 * temporal.environment.SQL_MAX_CONNS;
    const [, most] = /max_connections=(\d+)/.exec(postgres.command.join(' ')) ?? [];
    expect(Number(most)).toBeGreaterThan(ours + temporals);
  });
});
