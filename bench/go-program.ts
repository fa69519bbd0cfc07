/** Programs of tests and benchmarks that the Go toolchain builds once from a module of `tools`, kept with the user's cache. */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { packageRoot } from '../src/config/package-root.ts';
import { userCacheDir } from '../src/config/settings.ts';

export interface GoProgram {
  readonly name: string;
  /** The pinned one; the cache is kept by it. */
  readonly version: string;
  /** The folder of `tools` with the pinning module. */
  readonly module: string;
  readonly package: string;
}

const BUILD_MS = 20 * 60_000;
const BETWEEN_TRIES_MS = 100;

const run = promisify(execFile);

/** Whether a program runs at all. */
export async function runs(program: string, args: readonly string[]): Promise<boolean> {
  return await run(program, [...args]).then(
    () => true,
    () => false,
  );
}

/** The path of the program, built now if it is not in the cache; null on a machine without the Go toolchain. */
export async function findGoProgram(program: GoProgram): Promise<string | null> {
  const { name, version } = program;
  const path = join(userCacheDir(process.env), `${name}-${version}`, name);
  if (existsSync(path)) return path;
  if (!(await runs('go', ['version']))) return null;
  await buildOnce(program, path);
  return path;
}

/** Several test files may need it at once: one builds, the others wait for it. */
async function buildOnce({ name, module, package: goPackage }: GoProgram, path: string): Promise<void> {
  const lock = `${path}.building`;
  await mkdir(dirname(path), { recursive: true });
  for (;;) {
    try {
      await mkdir(lock);
      break;
    } catch {
      if (existsSync(path)) return;
      const begunMs = await stat(lock).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      );
      // The process that built was killed.
      if (Date.now() - begunMs > BUILD_MS) await rm(lock, { recursive: true, force: true });
      await sleep(BETWEEN_TRIES_MS);
    }
  }
  try {
    if (existsSync(path)) return;
    process.stderr.write(`building ${name} with Go, once: it takes minutes\n`);
    const unfinished = `${path}.tmp-${process.pid}`;
    // Behind everything else that the machine has to do.
    await run('nice', ['-n', '19', 'go', 'build', '-trimpath', '-ldflags=-s -w', '-o', unfinished, goPackage], {
      cwd: join(packageRoot(), 'tools', module),
      timeout: BUILD_MS,
      maxBuffer: 16 * 1024 * 1024,
    });
    await rename(unfinished, path);
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}
