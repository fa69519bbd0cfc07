/** Which Clipyard this is. */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../config/package-root.ts';

const GIT_MS = 5000;

/** The commit of a checkout; null for what was installed otherwise, or where git is not there. */
function commitOf(root: string): string | null {
  // A folder above may be a checkout of something else.
  if (!existsSync(join(root, '.git'))) return null;
  try {
    const asked = ['-C', root, 'rev-parse', '--short=12', 'HEAD'];
    return execFileSync('git', asked, {
      encoding: 'utf8',
      timeout: GIT_MS,
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null;
  }
}

/** `clipyard 1.2.3 (0123456789ab)`: the version of the package, and the commit where it is known. */
export function describeVersion(): string {
  const root = packageRoot();
  const { version }: { readonly version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const commit = commitOf(root);
  return `clipyard ${version}${commit === null ? '' : ` (${commit})`}`;
}
