/** Whose a listening port is: what answers there need not be the process that was started for it. */

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

/** What is read of a process; nothing where it has ended meanwhile. */
function orNothing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** By process, which one has started it. */
function readParents(): ReadonlyMap<number, number> {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const parents = pids.map((pid) => {
    const stat = orNothing(() => readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? '';
    // A program's name may hold blanks and brackets.
    return [Number(pid), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])] as const;
  });
  return new Map(parents);
}

function holdsAny(pid: number, sockets: ReadonlySet<string>): boolean {
  const files = orNothing(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
  return files.some((fd) => sockets.has(orNothing(() => readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? ''));
}

/**
 * Whether this process, or one that it has started as scripts around a program do, listens at the port of the loopback.
 * Where there is no /proc, the one that answers counts as the right one.
 */
export function listensAt(pid: number, port: number): boolean {
  if (!existsSync('/proc/net/tcp')) return true;
  const listeners = listenersAt(port);
  if (listeners.size === 0) return false;
  const parents = readParents();
  const isOurs = (one: number | undefined): boolean => one !== undefined && (one === pid || isOurs(parents.get(one)));
  return [...parents.keys()].some((one) => isOurs(one) && holdsAny(one, listeners));
}
