/** How much processor time a process has taken, by /proc. */

import { readFileSync } from 'node:fs';

/** The kernel counts in hundredths of a second for every program. */
const TICK_MS = 10;

/** Milliseconds of all its threads, in programs and in the kernel. @throws where the system has no /proc. */
export function readCpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
