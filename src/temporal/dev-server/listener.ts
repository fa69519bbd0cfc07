/** Whose a listening port is: what answers there need not be the process that was started for it. */

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

const LISTEN = '0A';
/** Columns of /proc/net/tcp. */
const LOCAL_ADDRESS = 1;
const STATE = 3;
const INODE = 9;

/** The sockets that listen at the port, as the kernel numbers them. */
function listenersAt(port: number): ReadonlySet<string> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .map((row) => row.trim().split(/\s+/));
  const found = rows.filter((row) => row[LOCAL_ADDRESS]?.endsWith(suffix) && row[STATE] === LISTEN);
  return new Set(found.map((row) => `socket:[${row[INODE]}]`));
}

function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
}

function holdsListener(pid: number, port: number): boolean {
  const listeners = listenersAt(port);
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => listeners.has(targetOf(`/proc/${pid}/fd/${fd}`)));
  } catch {
    // It has ended.
    return false;
  }
}

/** Where there is no /proc. Without `lsof` a machine cannot tell, and the one that answers counts as the right one. */
function isListedListener(pid: number, port: number): boolean {
  const wanted = ['-nP', '-a', '-p', String(pid), `-iTCP:${port}`, '-sTCP:LISTEN', '-t'];
  try {
    execFileSync('lsof', wanted, { stdio: 'ignore', timeout: 5_000 });
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

/** Whether it is this process that listens at the port of the loopback. */
export function listensAt(pid: number, port: number): boolean {
  return existsSync('/proc/net/tcp') ? holdsListener(pid, port) : isListedListener(pid, port);
}
