/** Folders that an operator or a caller names: made where they are missing, refused where nothing can be kept in them. */

import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What the file system calls the problem: `ENOTDIR`. */
const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;

interface FolderOptions {
  /** Of the folder itself, where it is made here; those above it, and one that is there, are as others have them. */
  readonly mode?: number;
}

/** One by one: Node's own recursion never ends where a file system makes no folders, as in `/proc`. */
function makeFolders(path: string, options: FolderOptions): void {
  if (existsSync(path)) return;
  makeFolders(dirname(path), {});
  try {
    mkdirSync(path, options);
  } catch (error) {
    // Another process that starts with this one was first.
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

/** What is wrong with an absolute path as a folder to write in; null where nothing is, and then it is there. */
export function problemOfFolder(path: string, options: FolderOptions = {}): string | null {
  try {
    makeFolders(path, options);
    if (!statSync(path).isDirectory()) return `names ${path}, which is no folder`;
    const file = join(path, `.write-check-${randomBytes(8).toString('hex')}`);
    writeFileSync(file, '');
    rmSync(file);
    return null;
  } catch (error) {
    return `names ${path}, where nothing can be written (${codeOf(error)})`;
  }
}
