/** The shape of the sources: who imports whom, and the few rules that no compiler checks. */

import { DIALECTS, PROVIDERS } from '../src/domain/vendor.ts';
import { IMPORT_RULES, isWithin } from './import-directions.ts';
import { importsOf, listDocuments, readProjectFile, readSourceFiles, type SourceImport } from './source-files.ts';

const PRODUCT = ['src', 'workflows', 'activities', 'console'];
const files = readSourceFiles(PRODUCT);
const allFiles = readSourceFiles([...PRODUCT, 'test', 'bench', 'scripts', 'examples']);
const imports = files.flatMap(importsOf);

const print = ({ from, to, isType }: SourceImport) => `${from} ${isType ? 'imports the types of' : 'imports'} ${to}`;

function isAllowed({ from, to, isType, isRelative }: SourceImport): boolean {
  const rule = IMPORT_RULES.find(({ zone }) => isWithin(from, zone));
  if (rule === undefined) return false;
  if (isRelative) {
    const targets = [rule.zone, ...rule.values, ...(isType ? rule.types : [])];
    return targets.some((target) => isWithin(to, target));
  }
  if (rule.packages.some((name) => isWithin(to.replace(':', '/'), name))) return true;
  return rule.packages.includes('any') && !to.startsWith('@temporalio/');
}

/** Revisions of one API (`airforce-2024`) are one vendor's. */
const VENDORS = [...new Set([...DIALECTS, ...PROVIDERS].map((name) => name.replace(/-\d+$/, '')))];
const VENDOR_FOLDERS = /^src\/(?:wire|dialects|providers|sandbox\/faces)\/([^/]+?)(?:\.ts|\/)/;

/** The vendor that a file or room of a vendor folder belongs to: the one whose name its own begins with. */
function vendorOf(path: string, vendors: readonly string[]): string | null {
  const name = VENDOR_FOLDERS.exec(path)?.[1];
  return vendors.find((vendor) => name !== undefined && isWithin(name, vendor)) ?? null;
}

/**
 * A vendor's file meets its own files alone, and an older revision those of the vendor that it is one of; only the table
 * of a folder and the sandbox's list know several.
 */
function mixesVendors({ from, to }: SourceImport, vendors: readonly string[] = VENDORS): boolean {
  const met = vendorOf(to, vendors);
  if (met === null || !VENDOR_FOLDERS.test(from) || from.endsWith('/index.ts')) return false;
  const own = vendorOf(from, vendors);
  return own === null || !isWithin(own, met);
}

/** The paths of files that import each other in a circle; what is imported for its types alone counts as well. */
function findCycle(edges: readonly SourceImport[]): string[] | null {
  const loaded = edges.filter(({ isRelative }) => isRelative);
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): string[] | null => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return null;
    for (const { to } of loaded.filter(({ from }) => from === path)) {
      const cycle = visit(to, [...trail, path]);
      if (cycle !== null) return cycle;
    }
    done.add(path);
    return null;
  };
  for (const { from } of loaded) {
    const cycle = visit(from, []);
    if (cycle !== null) return cycle;
  }
  return null;
}

const edge = (from: string, to: string, isType = false): SourceImport => ({
  from,
  to,
  isType,
  isRelative: /\.ts$/.test(to),
});

describe('import directions', () => {
  test('every source file lies in a part of the table', () => {
    const homeless = files.filter(({ path }) => !IMPORT_RULES.some(({ zone }) => isWithin(path, zone)));
    expect(homeless.map(({ path }) => path)).toEqual([]);
  });

  test('no part imports beyond its row of the table', () => {
    expect(imports.filter((each) => !isAllowed(each)).map(print)).toEqual([]);
  });

  test('relative imports name files that exist', () => {
    const paths = new Set(files.map(({ path }) => path));
    expect(imports.filter(({ to, isRelative }) => isRelative && !paths.has(to)).map(print)).toEqual([]);
  });

  test('two vendors never import each other', () => {
    expect(imports.filter((each) => mixesVendors(each)).map(print)).toEqual([]);
  });

  test('no files import each other in a circle', () => {
    expect(findCycle(imports)).toBeNull();
  });
});

describe('the rules themselves', () => {
  test.each([
    edge('src/domain/video.ts', 'src/catalog/videos.ts'),
    edge('src/domain/video.ts', 'node:fs'),
    edge('workflows/sweep.ts', 'activities/index.ts'),
    edge('workflows/sweep.ts', '@temporalio/client'),
    edge('src/http/app.ts', 'src/providers/index.ts', true),
    edge('src/http/app.ts', 'src/gateway/gateway.ts'),
    edge('src/catalog/videos.ts', 'src/cli/main.ts', true),
    edge('src/providers/airforce.ts', '@temporalio/activity'),
  ])('$from must not import $to', (forbidden) => {
    expect(isAllowed(forbidden)).toBe(false);
  });

  test.each([
    edge('workflows/sweep.ts', 'activities/index.ts', true),
    edge('src/http/app.ts', 'src/gateway/gateway.ts', true),
    edge('src/media/file-store.ts', 'node:fs/promises'),
    edge('activities/sweep.ts', '@temporalio/activity'),
  ])('$from may import $to', (allowed) => {
    expect(isAllowed(allowed)).toBe(true);
  });

  test('a vendor is told by the names of files', () => {
    const mixes = (from: string, to: string) => mixesVendors(edge(from, to), ['airforce', 'openai']);
    expect(mixes('src/dialects/openai.ts', 'src/wire/airforce.ts')).toBe(true);
    expect(mixes('src/providers/create-outcome.ts', 'src/wire/openai/videos.ts')).toBe(true);
    expect(mixes('src/dialects/airforce-2024.ts', 'src/wire/airforce.ts')).toBe(false);
    expect(mixes('src/sandbox/faces/airforce.ts', 'src/sandbox/faces/airforce-words.ts')).toBe(false);
    expect(mixes('src/dialects/index.ts', 'src/dialects/openai.ts')).toBe(false);
  });

  test('imports are read in all their forms', () => {
    const text = [
      "import 'a';",
      "import type { B } from './b.ts';",
      "import c, { type D } from '../c.ts';",
      "export * from './e.ts';",
      'export {\n  f,\n} from "./f.ts";',
      "const g = await import('./g.ts');",
      "type H = typeof import('./h.ts');",
      "export const i = 'not an import';",
    ].join('\n');
    const read = importsOf({ path: 'src/domain/x.ts', text });
    expect(read.map(({ to, isType }) => (isType ? `type ${to}` : to)).toSorted()).toEqual([
      'a',
      'src/c.ts',
      'src/domain/e.ts',
      'src/domain/f.ts',
      'src/domain/g.ts',
      'type src/domain/b.ts',
      'type src/domain/h.ts',
    ]);
  });

  test('a circle is found, whether or not it is loaded', () => {
    const [a, b, c] = ['src/domain/a.ts', 'src/domain/b.ts', 'src/domain/c.ts'] as const;
    expect(findCycle([edge(a, b), edge(b, c), edge(c, b)])).toEqual([b, c, b]);
    expect(findCycle([edge(a, b), edge(b, c), edge(c, b, true)])).toEqual([b, c, b]);
    expect(findCycle([edge(a, b), edge(b, c), edge(a, c, true)])).toBeNull();
  });
});

describe('source files', () => {
  const pathsWhere = (matches: (text: string) => boolean) =>
    files.filter(({ text }) => matches(text)).map(({ path }) => path);

  test('only the configuration reads the environment', () => {
    expect(pathsWhere((text) => /\bprocess\.env\b|\bloadEnvFile\b/.test(text))).toEqual(['src/config/settings.ts']);
  });

  test('only two files make failures for Temporal', () => {
    const makers = pathsWhere((text) => /\bApplicationFailure\.\w+\(/.test(text));
    expect(makers).toEqual(['activities/activity-failure.ts', 'workflows/run.ts']);
  });

  test('each begins with a sentence saying what it holds', () => {
    const silent = allFiles.filter(({ text }) => !/^(#!.*\n)?\/\*\* .+\*\/\n|^\/\*\*\n \* .+/.test(text));
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  test('none is a drawer for odds and ends', () => {
    const drawer = /(^|[/-])(utils?|helpers?|common|misc|shared|types|constants)\.ts$/;
    expect(allFiles.map(({ path }) => path).filter((path) => drawer.test(path))).toEqual([]);
  });

  test('none has an enum, a namespace or a default export', () => {
    expect(pathsWhere((text) => /^(export )?(declare )?(const )?(enum|namespace)\s/m.test(text))).toEqual([]);
    expect(pathsWhere((text) => /^export default\b/m.test(text))).toEqual([]);
  });

  test('their sentences name who acts, and so do those of the documents', () => {
    const documents = listDocuments().map((path) => ({ path, text: readProjectFile(path) }));
    const unnamed = /\b(?:whoever|nobody|somebody|whatever|nought)\b.*/gi;
    const found = [...files, ...documents].flatMap(({ path, text }) =>
      [...text.matchAll(unnamed)].map(([words]) => `${path}: ${words}`),
    );
    expect(found).toEqual([]);
  });
});
