/** What the documents say, held against the code: tables, settings, routes, commands and links. */

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { buildProgram } from '../src/cli/program.ts';
import { readConfigFile } from '../src/config/upstreams.ts';
import { DIALECTS } from '../src/dialects/index.ts';
import { REFUSALS, VIDEO_FAILURES } from '../src/domain/failure.ts';
import { VIDEO_STATES } from '../src/domain/video.ts';
import { mountOwnRoutes } from './http/own/own-routes.ts';
import { renderImportRules } from './import-directions.ts';
import { readProjectFile } from './source-files.ts';

const README = readProjectFile('README.md');
const DOCUMENTS = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'docs/contract.md',
  'docs/failures.md',
  'docs/metrics.md',
];

/** The section under a heading, up to the next one of its rank. */
function section(markdown: string, heading: string): string {
  const start = markdown.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`there is no section "${heading}"`);
  const rank = heading.split(' ', 1)[0] ?? '#';
  const body = markdown.slice(start + heading.length + 2);
  const end = body.search(new RegExp(`^#{1,${rank.length}} `, 'm'));
  return end < 0 ? body : body.slice(0, end);
}

/** The `code` of the first column of a section's tables. */
function namesOf(heading: string): string[] {
  const rows = section(README, heading).match(/^\| (?!---)[^|]*/gm) ?? [];
  return rows.flatMap((row) => [...row.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)).toSorted();
}

const sorted = (names: Iterable<string>) => [...new Set(names)].toSorted();
const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, name = '']) => name);

type FailureTable = typeof VIDEO_FAILURES | typeof REFUSALS;

/** The table of docs/failures.md for failures or refusals. */
function renderFailures(failures: FailureTable): string {
  const rows = Object.entries(failures).map(
    ([kind, { httpStatus, retry, charge, meaning }]) =>
      `| \`${kind}\` | ${httpStatus} | ${retry} | ${charge} | ${meaning} |`,
  );
  return ['| kind | HTTP | retry | charge | meaning |', '| --- | --- | --- | --- | --- |', ...rows].join('\n');
}

function environmentNames(): string[] {
  const config = readProjectFile('src/config/settings.ts');
  return sorted([...matches(config, /^ {2}([A-Z][A-Z0-9_]+):/gm), ...matches(config, /\bgiven\['([A-Z_]+)'\]/g)]);
}

/** `GET /path/{id}` for every route of ours and every documented one of the dialects, without their prefixes. */
async function mountedRoutes(): Promise<string[]> {
  const { routes: own } = await mountOwnRoutes();
  const documented = Object.values(DIALECTS).flatMap(({ routes }) =>
    routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`),
  );
  return sorted([...own, ...documented].filter((route) => !route.startsWith('HEAD ')));
}

/** `serve`, `video create`: the commands that the command line has, those without sub-commands of their own. */
function commandNames(command: Command = buildProgram(), path: readonly string[] = []): string[] {
  if (command.commands.length === 0) return [path.join(' ')];
  return command.commands.flatMap((each) => commandNames(each, [...path, each.name()]));
}

describe('tables', () => {
  test('the architecture prints the table of import directions', () => {
    expect(readProjectFile('ARCHITECTURE.md')).toContain(renderImportRules());
  });

  test('every failure and refusal is documented as it is', () => {
    const document = readProjectFile('docs/failures.md');
    expect(document).toContain(renderFailures(VIDEO_FAILURES));
    expect(document).toContain(renderFailures(REFUSALS));
  });

  test('every state of a clip is in the README', () => {
    expect(namesOf('## How a clip goes')).toEqual(VIDEO_STATES.toSorted());
  });
});

describe('settings', () => {
  test('the README names the environment that is read', () => {
    expect(namesOf('### Environment')).toEqual(environmentNames());
  });

  test('the README names the keys of the configuration file', () => {
    const file = readProjectFile('src/config/upstreams.ts');
    const [examples = ''] = /^const EXAMPLES[\s\S]*?^\};/m.exec(file) ?? [];
    expect(sorted(namesOf('### clipyard.yaml'))).toEqual(sorted(matches(examples, /^ {2}(\w+): /gm)));
  });

  test('the example configurations can be read', () => {
    const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(section(README, '### clipyard.yaml')) ?? [];
    const folder = mkdtempSync(join(tmpdir(), 'clipyard-documents-'));
    writeFileSync(join(folder, 'clipyard.yaml'), example);
    const paths = [join(folder, 'clipyard.yaml'), resolve(__dirname, '../clipyard.example.yaml')];
    const read = paths.map((path) => readConfigFile(path, { AIRFORCE_KEY: 'key' }));
    rmSync(folder, { recursive: true });
    expect(read.map(({ accounts, models }) => [accounts.length, models.length])).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  test('the example environment names nothing else', () => {
    const names = matches(readProjectFile('.env.example'), /^#?([A-Z][A-Z0-9_]+)=/gm);
    expect(names.filter((name) => !environmentNames().includes(name))).toEqual(['AIRFORCE_KEY']);
  });
});

describe('routes and commands', () => {
  test('the README lists every route and no other', async () => {
    expect(namesOf('## Routes')).toEqual(await mountedRoutes());
  });

  test('the README lists every command and no other', () => {
    const documented = namesOf('## Commands').filter((name) => name.startsWith('clipyard '));
    // What stands behind a command's name in capitals is for its user to fill in.
    const names = documented.map((name) => name.replace(/^clipyard /, '').replace(/ [A-Z].*$/, ''));
    expect(names).toEqual(commandNames().toSorted());
  });

  test('every npm script that a document names exists', () => {
    const { scripts } = JSON.parse(readProjectFile('package.json'));
    const named = DOCUMENTS.flatMap((path) => matches(readProjectFile(path), /npm run ([\w:-]+)/g));
    expect(sorted(named).filter((name) => !(name in scripts))).toEqual([]);
  });

  test('every file that a document links to exists', () => {
    const broken = DOCUMENTS.flatMap((path) =>
      matches(readProjectFile(path), /\]\((?!https?:|#)([^)#]+)/g).filter(
        (link) => !existsSync(resolve(__dirname, '..', join(dirname(path), link))),
      ),
    );
    expect(broken).toEqual([]);
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
    expect(sorted(set).filter((name) => !environmentNames().includes(name))).toEqual(keys);
  });

  test('every service runs a command that exists', () => {
    const commands = own.map(([, { command }]) => command[0] ?? '');
    expect(sorted(commands)).toEqual(['migrate', 'sandbox', 'serve', 'work']);
    expect(commands.filter((command) => !commandNames().includes(command))).toEqual([]);
  });
});
