/** One process of the stack: started, ended by SIGTERM or killed, and started again, its output in a file for each start. */

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endAttended, spawnAttended } from '../bench/attended-process.ts';

/** A part of the stack that can be ended and started again. */
export interface Member {
  readonly name: string;
  /** Resolves when it does its work. */
  start(): Promise<void>;
  /** Tells it to end, and resolves when it is gone. */
  stop(): Promise<void>;
}

export interface ProcessOrder {
  readonly name: string;
  readonly command: readonly string[];
  readonly settings: NodeJS.ProcessEnv;
  readonly folder: string;
  /** Whether it does its work by now, given what it has printed. */
  readonly isReady: (printed: string) => boolean | Promise<boolean>;
}

const READY_TRIES = 1200;
const BETWEEN_TRIES_MS = 100;

/** A process that ends by itself or not with 0 is a fault of it: `stop` throws with what it printed last. */
export class StackProcess implements Member {
  readonly name: string;
  readonly #order: ProcessOrder;
  #starts = 0;
  #shell: ChildProcess | null = null;

  constructor(order: ProcessOrder) {
    this.name = order.name;
    this.#order = order;
  }

  get #logFile(): string {
    return join(this.#order.folder, `${this.name}-${this.#starts}.log`);
  }

  async start(): Promise<void> {
    const { command, settings, folder, isReady } = this.#order;
    this.#starts += 1;
    const log = openSync(this.#logFile, 'w');
    const { PATH, HOME } = process.env;
    this.#shell = spawnAttended(command, {
      ...{ signal: 'TERM', output: [log, log], cwd: folder },
      env: { PATH, HOME, ...settings },
    });
    closeSync(log);
    for (let tries = 0; tries < READY_TRIES; tries += 1) {
      if (await isReady(readFileSync(this.#logFile, 'utf8'))) return;
      await sleep(BETWEEN_TRIES_MS);
    }
    throw new Error(`${this.name} does not come up:\n${this.#lastPrinted()}`);
  }

  async stop(): Promise<void> {
    if (this.#shell === null) return;
    const code = await endAttended(this.#shell);
    this.#shell = null;
    if (code !== 0) throw new Error(`${this.name} ended with ${code}:\n${this.#lastPrinted()}`);
  }

  /** Gives it no time to end. */
  async kill(): Promise<void> {
    const { pid } = this.#shell ?? {};
    if (this.#shell === null || pid === undefined) return;
    const closed = once(this.#shell, 'close');
    process.kill(-pid, 'SIGKILL');
    await closed;
    this.#shell = null;
  }

  #lastPrinted(): string {
    return readFileSync(this.#logFile, 'utf8').slice(-2_000);
  }
}
