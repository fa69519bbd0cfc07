/** How much processor time a process has taken, by /proc. */

import { readFileSync } from 'node:fs';
import { listProcessTree } from './process-memory.ts';

/** The kernel counts in hundredths of a second for every program. */
const TICK_MS = 10;

/** Fields of `/proc/PID/stat`, counted behind the name: own time in programs and in the kernel, and that of children that ended. */
const OWN = [11, 12] as const;
const ENDED_CHILDREN = [13, 14] as const;

function readMs(pid: number, fields: readonly number[]): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const values = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.reduce((sum, field) => sum + Number(values[field]), 0) * TICK_MS;
}

/** Milliseconds of all its threads, in programs and in the kernel. @throws where the system has no /proc. */
export function readCpuMs(pid: number): number {
  return readMs(pid, OWN);
}

/** The same of a process and everything that it has started, ended or not. */
export function readTreeCpuMs(root: number): number {
  return listProcessTree(root).reduce((sum, pid) => sum + readMs(pid, [...OWN, ...ENDED_CHILDREN]), 0);
}
