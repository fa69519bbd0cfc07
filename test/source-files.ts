/** The project's source files and what each imports, read from their text. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { posix, resolve } from 'node:path';

export interface SourceFile {
  /** Relative to the checkout: `src/domain/money.ts`. */
  readonly path: string;
  readonly text: string;
}

export interface SourceImport {
  readonly from: string;
  /** A path like `SourceFile.path`, or the module's name as written. */
  readonly to: string;
  readonly isType: boolean;
  readonly isRelative: boolean;
}

const ROOT = resolve(__dirname, '..');

/** A file of the checkout as text. */
export function readProjectFile(path: string): string {
  return readFileSync(resolve(ROOT, path), 'utf8');
}

/** The paths of the documents. */
export function listDocuments(): string[] {
  return ['.', 'docs'].flatMap((folder) =>
    readdirSync(resolve(ROOT, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => posix.join(folder, name)),
  );
}

/** All TypeScript, with markup or without, below the folders that exist. */
export function readSourceFiles(folders: readonly string[]): SourceFile[] {
  return folders
    .filter((folder) => existsSync(resolve(ROOT, folder)))
    .flatMap((folder) =>
      readdirSync(resolve(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`),
    )
    .filter((path) => /\.tsx?$/.test(path))
    .toSorted()
    .map((path) => ({ path, text: readProjectFile(path) }));
}

const STATEMENT =
  /^(?:import|export)\s+(type\s+)?(?:(?:[\w$]+\s*,?\s*)?(?:\*(?:\s+as\s+[\w$]+)?|\{[^}]*\})?\s*from\s*)?['"]([^'"]+)['"]/gm;
const CALL = /(typeof\s+)?\bimport\(\s*['"]([^'"]+)['"]/g;

/**
 * What a file imports: `import`, `export … from` and `import()`. A clause with inline `type` names counts as a value
 * import, because the compiler keeps the statement and the module is loaded.
 */
export function importsOf({ path, text }: SourceFile): SourceImport[] {
  return [...text.matchAll(STATEMENT), ...text.matchAll(CALL)].map(([, type, name = '']) => {
    const isRelative = name.startsWith('.');
    const to = isRelative ? posix.normalize(posix.join(posix.dirname(path), name)) : name;
    return { from: path, to, isType: type !== undefined, isRelative };
  });
}
