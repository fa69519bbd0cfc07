/** A Python with the packages of `requirements.txt`, made once and kept in the user's cache folder. */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const REQUIREMENTS = join(__dirname, 'requirements.txt');
const INSTALL_MS = 240_000;
const CHECK_MS = 60_000;

async function run(program: string, args: readonly string[], timeout = CHECK_MS): Promise<void> {
  await promisify(execFile)(program, [...args], { timeout, env: { ...process.env } });
}

/** Whether the environment is whole and its interpreter still there: a system's update may have taken it away. */
async function works(python: string): Promise<boolean> {
  return (
    existsSync(python) &&
    (await run(python, ['-c', 'import openai']).then(
      () => true,
      () => false,
    ))
  );
}

async function make(folder: string): Promise<void> {
  // Beside its place and renamed when whole: test runs share the cache, and any may be killed.
  const unfinished = `${folder}.${process.pid}`;
  try {
    await run('python3', ['-m', 'venv', unfinished]).catch((cause: unknown) => {
      throw new Error('this test needs Python with its venv module: apt-get install python3-venv', { cause });
    });
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--requirement', REQUIREMENTS];
    await run(join(unfinished, 'bin/python'), install, INSTALL_MS).catch((cause: unknown) => {
      throw new Error('pip could not install test/clients/requirements.txt; a package index must be reachable', {
        cause,
      });
    });
    await rm(folder, { recursive: true, force: true });
    // Another run may have put its own there this moment; one is as good as the other.
    await rename(unfinished, folder).catch(() => undefined);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** The interpreter. @throws Error that says what to install. */
export async function findPython(): Promise<string> {
  const digest = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 12);
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'clipyard');
  const folder = join(cache, `python-${digest}`);
  const python = join(folder, 'bin/python');
  if (await works(python)) return python;
  await mkdir(cache, { recursive: true });
  await make(folder);
  if (!(await works(python))) throw new Error(`the Python in ${folder} cannot import what was installed into it`);
  return python;
}
