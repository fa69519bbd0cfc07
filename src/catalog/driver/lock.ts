/** One process per data directory: a lock file that outlives kill -9 without locking out the next process. */

import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Who holds a lock: the start time tells a process from a later one with the same id. */
interface Holder {
  readonly pid: number;
  /** Boot and clock ticks since then; null where the system does not say. */
  readonly startedAt: string | null;
}

export interface DataDirLock {
  release(): Promise<void>;
}

/** Another process holds it, which its operator can stop; what it says is for people. */
export class DataDirInUse extends Error {}

/**
 * Each taking raises the number, and the highest one rules: taking over never removes a newer lock by mistake. So that
 * numbers never come again, a lock that is given back stays there, empty, until the next one.
 */
const LOCK_FILE = /^catalog\.lock-(\d+)$/;
/** Field 22 of /proc/PID/stat, counted after the command's name, which may itself hold spaces and brackets. */
const START_TICKS_AFTER_NAME = 19;
/** A process that has ended and that its parent has not asked about yet. */
const ZOMBIE = 'Z';

async function readOrNull(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return null;
  }
}

/** A process as the kernel shows it; null where it does not show it. */
async function inspect(pid: number): Promise<{ readonly state: string; readonly startedAt: string } | null> {
  const stat = await readOrNull(`/proc/${pid}/stat`);
  const bootId = await readOrNull('/proc/sys/kernel/random/boot_id');
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  const [state, ticks] = [fields[0], fields[START_TICKS_AFTER_NAME]];
  if (state === undefined || ticks === undefined || bootId === null) return null;
  return { state, startedAt: `${bootId.trim()} ${ticks}` };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's process is one all the same.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

async function isAlive(holder: Holder): Promise<boolean> {
  if (!isRunning(holder.pid)) return false;
  const seen = await inspect(holder.pid);
  // Where the kernel tells nothing, the process id alone has to do.
  return seen === null || (seen.state !== ZOMBIE && seen.startedAt === holder.startedAt);
}

/** Null for a lock that was given back, and for what no process can have left: locks appear whole. */
async function readHolder(path: string): Promise<Holder | null> {
  const [pid, startedAtText] = (await readOrNull(path))?.split('\n') ?? [];
  return pid !== undefined && /^[1-9]\d*$/.test(pid) ? { pid: Number(pid), startedAt: startedAtText || null } : null;
}

/** Numbers of the locks that are there, newest first. */
async function listLocks(dataDir: string): Promise<readonly number[]> {
  const numbers = (await readdir(dataDir)).flatMap((name) => LOCK_FILE.exec(name)?.[1] ?? []);
  return numbers.map(Number).sort((a, b) => b - a);
}

function lockPath(dataDir: string, number: number): string {
  return join(dataDir, `catalog.lock-${number}`);
}

/** Makes lock `number` whole or not at all; false when it exists. */
async function createLock(dataDir: string, number: number): Promise<boolean> {
  const draft = join(dataDir, `catalog.lock.${randomUUID()}`);
  try {
    await writeFile(draft, `${process.pid}\n${(await inspect(process.pid))?.startedAt ?? ''}\n`, { mode: 0o600 });
    await link(draft, lockPath(dataDir, number));
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function refuseIfHeld(dataDir: string, number: number | undefined): Promise<void> {
  const holder = number === undefined ? null : await readHolder(lockPath(dataDir, number));
  if (holder === null || !(await isAlive(holder))) return;
  throw new DataDirInUse(
    `${dataDir} is in use by process ${holder.pid}; stop that process, ` +
      'or give this one a CLIPYARD_DATA_DIR of its own, or share a PostgreSQL through DATABASE_URL',
  );
}

/**
 * Takes the data directory for this process; a lock whose process is gone is taken over.
 * @throws DataDirInUse naming directory and process id while another process lives that holds it.
 */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  await mkdir(dataDir, { recursive: true });
  for (;;) {
    const [newest, ...older] = await listLocks(dataDir);
    await refuseIfHeld(dataDir, newest);
    const own = (newest ?? 0) + 1;
    if (!(await createLock(dataDir, own))) continue;
    // Between our look and our lock others may have come, taken a higher number and removed this one.
    if ((await listLocks(dataDir))[0] !== own) {
      await rm(lockPath(dataDir, own), { force: true });
      continue;
    }
    for (const number of [newest, ...older]) {
      if (number !== undefined) await rm(lockPath(dataDir, number), { force: true });
    }
    return { release: () => writeFile(lockPath(dataDir, own), '') };
  }
}
