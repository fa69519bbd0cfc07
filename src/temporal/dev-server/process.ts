/** The dev server as a process of the machine: started, recognised after its parent's death, and ended. */

import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { lowerPriority } from '../../process/priority.ts';

export interface Ports {
  readonly port: number;
  readonly uiPort: number;
}

const USUAL_PORTS: Ports = { port: 7233, uiPort: 8233 };

/** Whether a port of the loopback can be listened on now. */
export async function isPortFree(port: number): Promise<boolean> {
  const server = createServer();
  return await new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** Ports that no system gives to connections by itself: one of those, let go of here, could be another's at once. */
const LISTENERS = { first: 20_000, count: 12_000 };
const TRIES = 20;

/** The wanted port where it is free (0: any), any other free one where it is not. */
export async function freePort(wanted: number): Promise<number> {
  if (wanted !== 0 && (await isPortFree(wanted))) return wanted;
  for (let tries = 0; tries < TRIES; tries++) {
    const port = LISTENERS.first + randomInt(LISTENERS.count);
    if (await isPortFree(port)) return port;
  }
  throw new Error('no port of 127.0.0.1 can be listened on');
}

/** Temporal's usual ports where both are free, others where not. */
export async function choosePorts(usual: Ports = USUAL_PORTS): Promise<Ports> {
  return { port: await freePort(usual.port), uiPort: await freePort(usual.uiPort) };
}

/** Whether the process runs; one that ended and was never reaped, as happens to orphans in containers, does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch {
    return false;
  }
}

function isZombie(pid: number): boolean {
  try {
    return / Z [^)]*$/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return listedCommandLine(pid);
  }
}

/** Where there is no /proc. */
function listedCommandLine(pid: number): string {
  try {
    return execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8', timeout: 5_000 });
  } catch {
    return '';
  }
}

/** Whether the process is a server on this database file: ids are reused, so being alive proves nothing. */
export function servesDatabase(pid: number, databaseFile: string): boolean {
  return isAlive(pid) && commandLine(pid).includes(databaseFile);
}

const STOP_MS = 10_000;
const LOOK_MS = 50;

async function waitUntilDead(pid: number): Promise<boolean> {
  const untilMs = Date.now() + STOP_MS;
  while (isAlive(pid)) {
    if (Date.now() > untilMs) return false;
    await sleep(LOOK_MS);
  }
  return true;
}

/** Ends the process: politely, and after ten seconds at once. Resolves when it is gone. */
export async function endProcess(pid: number): Promise<void> {
  if (!isAlive(pid)) return;
  process.kill(pid, 'SIGTERM');
  if (await waitUntilDead(pid)) return;
  if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  await waitUntilDead(pid);
}

export interface ServerOptions extends Ports {
  readonly binary: string;
  readonly databaseFile: string;
  readonly logFile: string;
  readonly namespace: string;
  readonly searchAttributes: readonly string[];
}

const LARGEST_LOG_BYTES = 5 * 1024 * 1024;

function openLogFile(path: string): number {
  const sizeBytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return openSync(path, sizeBytes > LARGEST_LOG_BYTES ? 'w' : 'a', 0o600);
}

/** Starts the server. Its output goes to a file of its own, which outlives us as the server may. */
export function spawnServer(options: ServerOptions): ChildProcess {
  const log = openLogFile(options.logFile);
  const child = spawn(
    options.binary,
    [
      ...['server', 'start-dev', '--ip', '127.0.0.1'],
      ...['--port', String(options.port), '--ui-port', String(options.uiPort)],
      ...['--db-filename', options.databaseFile],
      // Without these two a start takes four times as long; with them it still survives SIGKILL.
      ...['--sqlite-pragma', 'journal_mode=wal', '--sqlite-pragma', 'synchronous=normal'],
      ...['--namespace', options.namespace],
      ...options.searchAttributes.flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
      // For clusters whose clocks differ, no timer fires earlier than a second after its start; here is one clock.
      ...['--dynamic-config-value', 'history.timerProcessorMaxTimeShift="50ms"'],
      ...['--log-level', 'error', '--color', 'never'],
    ],
    {
      stdio: ['ignore', log, log],
      // Ctrl-C reaches a terminal's whole process group: there the server stands apart, to be ended after the workers.
      detached: process.stdin.isTTY === true,
    },
  );
  closeSync(log);
  lowerPriority(child.pid);
  return child;
}
