/** What a process has opened, closed in reverse order, each thing once, also where others fail. */

import type { Log } from '../observe/log.ts';

export class Closers {
  readonly #log: Log;
  readonly #open: { readonly name: string; close(): Promise<unknown> }[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  /** To be closed before everything that was added earlier. */
  add(name: string, close: () => Promise<unknown>): void {
    this.#open.push({ name, close });
  }

  async closeAll(): Promise<void> {
    for (let part = this.#open.pop(); part !== undefined; part = this.#open.pop()) {
      try {
        await part.close();
        this.#log.debug({ part: part.name }, 'closed');
      } catch (error) {
        this.#log.error({ part: part.name, err: error }, 'could not be closed');
      }
    }
  }
}
