/** The embedded Temporal dev server: one process on one database file, restarted when it dies, adopted when we did. */

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { z } from 'zod';
import type { Log } from '../../domain/log.ts';
import { CHANNEL_ARGS } from '../connection.ts';
import { SEARCH_ATTRIBUTE_NAMES } from '../setup.ts';
import { listensAt } from './listener.ts';
import type { Ports } from './process.ts';
import { choosePorts, endProcess, isAlive, isPortFree, servesDatabase, spawnServer } from './process.ts';

export interface DevServerOptions {
  /** Path of the `temporal` program, or its name on PATH. */
  readonly binary: string;
  readonly dataDir: string;
  readonly namespace: string;
  readonly log: Log;
}

export interface DevServer {
  /** `host:port`; stays the same over restarts. */
  readonly address: string;
  readonly uiUrl: string;
  /** The process that serves now; null while there is none. */
  pid(): number | null;
  state(): 'up' | 'down';
  /** Ends the server and the watch over it. A server that another living process started goes on. */
  stop(): Promise<void>;
}

/** What is remembered beside the database file. */
const recordSchema = z.object({
  port: z.int(),
  uiPort: z.int(),
  pid: z.int().nullable(),
  /** The process that started or adopted the server. */
  ownerPid: z.int(),
});
type ServerRecord = z.infer<typeof recordSchema>;

const READY_MS = 60_000;
const LOOK_AGAIN_MS = 100;
const WATCH_MS = 500;
const FIRST_RESTART_MS = 200;
const LONGEST_RESTART_MS = 10_000;
/** A server that lived this long had started well: the next restart comes at once again. */
const HEALTHY_MS = 5_000;
const START_ATTEMPTS = 5;

/** Whether the server at the port answers and has the namespace. */
export async function answers(port: number, namespace: string, withinMs: number): Promise<boolean> {
  const connection = Connection.lazy({ address: `127.0.0.1:${port}`, interceptors: [], channelArgs: CHANNEL_ARGS });
  try {
    await connection.withDeadline(Date.now() + withinMs, () =>
      connection.workflowService.describeNamespace({ namespace }),
    );
    return true;
  } catch {
    return false;
  } finally {
    await connection.close();
  }
}

class WatchedServer implements DevServer {
  readonly #options: DevServerOptions;
  readonly #databaseFile: string;
  readonly #recordFile: string;
  readonly #stopping = new AbortController();
  #ports: Ports = { port: 0, uiPort: 0 };
  #pid: number | null = null;
  #ownsServer = false;
  #watching: Promise<void> = Promise.resolve();

  constructor(options: DevServerOptions) {
    const dataDir = resolve(options.dataDir);
    mkdirSync(dataDir, { recursive: true });
    this.#options = options;
    this.#databaseFile = join(dataDir, 'temporal.db');
    this.#recordFile = join(dataDir, 'temporal.json');
  }

  get address(): string {
    return `127.0.0.1:${this.#ports.port}`;
  }

  get uiUrl(): string {
    return `http://127.0.0.1:${this.#ports.uiPort}`;
  }

  pid(): number | null {
    return this.state() === 'up' ? this.#pid : null;
  }

  state(): 'up' | 'down' {
    return this.#pid !== null && isAlive(this.#pid) ? 'up' : 'down';
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#watching;
    if (!this.#ownsServer || this.#pid === null) return;
    await endProcess(this.#pid);
    this.#remember(null);
  }

  /** The first start: what survived is adopted, or ended; ports are the remembered ones while they are free. */
  async open(): Promise<void> {
    const record = this.#readRecord();
    if (record === null || !(await this.#adopt(record))) await this.#startFirst(record);
    this.#watching = this.#watch();
  }

  async #adopt(record: ServerRecord): Promise<boolean> {
    const { pid, ownerPid, port, uiPort } = record;
    if (pid === null || !servesDatabase(pid, this.#databaseFile)) return false;
    if (!(await answers(port, this.#options.namespace, 5_000))) {
      // Two servers on one database file would spoil it.
      this.#options.log.warn({ serverPid: pid }, 'ending a Temporal dev server of an earlier run that does not answer');
      await endProcess(pid);
      return false;
    }
    this.#ports = { port, uiPort };
    this.#pid = pid;
    this.#ownsServer = ownerPid === process.pid || !isAlive(ownerPid);
    if (this.#ownsServer) this.#remember(pid);
    this.#options.log.info({ serverPid: pid, address: this.address }, 'Temporal dev server of an earlier run adopted');
    return true;
  }

  async #startFirst(record: ServerRecord | null): Promise<void> {
    let ports = record !== null && (await this.#areFree(record)) ? record : await choosePorts();
    for (let attempt = 1; ; attempt += 1) {
      this.#ports = { port: ports.port, uiPort: ports.uiPort };
      if (await this.#start()) return;
      if (attempt >= START_ATTEMPTS) {
        throw new Error(`the Temporal dev server does not start: see ${this.#logFile}`);
      }
      // Another process may have taken a port between our look and the server's bind.
      ports = await choosePorts({ port: 0, uiPort: 0 });
    }
  }

  async #areFree({ port, uiPort }: Ports): Promise<boolean> {
    return (await isPortFree(port)) && (await isPortFree(uiPort));
  }

  get #logFile(): string {
    return `${this.#databaseFile.slice(0, -'.db'.length)}.log`;
  }

  /** Starts a process and waits until it answers; false when it ended before. */
  async #start(): Promise<boolean> {
    const { binary, namespace, log } = this.#options;
    const child = spawnServer({
      ...this.#ports,
      binary,
      namespace,
      databaseFile: this.#databaseFile,
      logFile: this.#logFile,
      searchAttributes: SEARCH_ATTRIBUTE_NAMES,
    });
    const ended = new Promise<boolean>((resolve) => {
      child.once('exit', () => resolve(false));
      child.once('error', () => resolve(false));
    });
    if (child.pid === undefined) return await ended;
    this.#pid = child.pid;
    this.#ownsServer = true;
    this.#remember(child.pid);
    const up = await Promise.race([ended, this.#untilReady(child.pid)]);
    if (up) log.info({ serverPid: child.pid, address: this.address }, 'Temporal dev server is up');
    // Started and never ready: ended, so that no second one is started beside it.
    else await endProcess(child.pid);
    return up;
  }

  async #untilReady(pid: number): Promise<boolean> {
    const { port } = this.#ports;
    const untilMs = Date.now() + READY_MS;
    while (this.state() === 'up' && Date.now() < untilMs && !this.#stopping.signal.aborted) {
      // Who took the port first would answer as well, with the workflows of another Clipyard.
      if (listensAt(pid, port) && (await answers(port, this.#options.namespace, 1_000))) return true;
      await sleep(LOOK_AGAIN_MS);
    }
    return false;
  }

  /** Looks after the server until `stop`: a dead one is started again, or taken over from its owner. */
  async #watch(): Promise<void> {
    let waitMs = FIRST_RESTART_MS;
    let upSinceMs = Date.now();
    while (await this.#pause(WATCH_MS)) {
      if (this.state() === 'up') continue;
      if (Date.now() - upSinceMs > HEALTHY_MS) waitMs = FIRST_RESTART_MS;
      this.#options.log.warn({ serverPid: this.#pid, waitMs }, 'the Temporal dev server ended: starting it again');
      if (!(await this.#pause(waitMs))) return;
      waitMs = Math.min(waitMs * 2, LONGEST_RESTART_MS);
      if (await this.#bringBack()) upSinceMs = Date.now();
    }
  }

  /** The owner may have started a new one already; the ports stay, for clients hold the address. */
  async #bringBack(): Promise<boolean> {
    const record = this.#readRecord();
    const others = record !== null && record.ownerPid !== process.pid && isAlive(record.ownerPid);
    if (!others) return await this.#start();
    if (record.pid === null || !isAlive(record.pid)) return false;
    this.#pid = record.pid;
    return true;
  }

  /** False when `stop` was called meanwhile. */
  async #pause(forMs: number): Promise<boolean> {
    const { signal } = this.#stopping;
    return await sleep(forMs, true, { signal }).catch(() => false);
  }

  #readRecord(): ServerRecord | null {
    try {
      return recordSchema.parse(JSON.parse(readFileSync(this.#recordFile, 'utf8')));
    } catch {
      return null;
    }
  }

  #remember(pid: number | null): void {
    const record: ServerRecord = { ...this.#ports, pid, ownerPid: process.pid };
    const unfinished = `${this.#recordFile}.tmp-${process.pid}`;
    writeFileSync(unfinished, `${JSON.stringify(record)}\n`);
    renameSync(unfinished, this.#recordFile);
  }
}

/**
 * Starts the dev server on the data directory's database file, or adopts the one that outlived its parent.
 * Resolves when it answers and has the namespace with our search attributes.
 * @throws when the program does not come up; its log is in the data directory.
 */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  const server = new WatchedServer(options);
  await server.open();
  return server;
}
