/** The console as the build compiles it, in a folder of the test's own. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');

/** Where its modules are; `remove` takes the folder away. */
export function compileConsole(): { readonly folder: string; remove(): void } {
  const out = mkdtempSync(join(tmpdir(), 'clipyard-console-'));
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [compiler, '-p', join(ROOT, 'console/tsconfig.json'), '--outDir', out]);
  return { folder: join(out, 'console'), remove: () => rmSync(out, { recursive: true }) };
}
