/** One LISTEN connection to a PostgreSQL, opened again whenever it is lost. */

import pg from 'pg';
import type { ListenHandlers } from './catalog-database.ts';

const CONNECT_TIMEOUT_MS = 5000;
const ANSWER_TIMEOUT_MS = 10_000;
/** A connection that died without a word is noticed by asking. */
const PING_INTERVAL_MS = 30_000;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 10_000;

class Listener {
  readonly #url: string;
  readonly #channel: string;
  readonly #handlers: ListenHandlers;
  #client: pg.Client | null = null;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(url: string, channel: string, handlers: ListenHandlers) {
    this.#url = url;
    this.#channel = channel;
    this.#handlers = handlers;
  }

  async connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#url,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
      keepAlive: true,
      application_name: 'clipyard changes',
    });
    client.on('notification', ({ payload }) => this.#handlers.onPayload(payload ?? ''));
    client.on('error', () => {});
    try {
      await client.connect();
      await client.query(`listen ${client.escapeIdentifier(this.#channel)}`);
    } catch (error) {
      close(client);
      throw error;
    }
    if (this.#isStopped) return close(client);
    this.#client = client;
    client.on('end', () => this.#lose(client));
    this.#later(PING_INTERVAL_MS, () => this.#ping(client));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = null;
    await client?.end();
  }

  #later(delayMs: number, work: () => Promise<void>): void {
    clearTimeout(this.#timer);
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => void work(), delayMs);
    this.#timer.unref();
  }

  async #ping(client: pg.Client): Promise<void> {
    try {
      await client.query('select 1');
      if (client === this.#client) this.#later(PING_INTERVAL_MS, () => this.#ping(client));
    } catch {
      this.#lose(client);
    }
  }

  #lose(client: pg.Client): void {
    if (this.#client !== client) return;
    this.#client = null;
    close(client);
    this.#later(FIRST_RETRY_MS, () => this.#reconnect(FIRST_RETRY_MS));
  }

  async #reconnect(delayMs: number): Promise<void> {
    try {
      await this.connect();
      if (!this.#isStopped) this.#handlers.onGap?.();
    } catch {
      const nextMs = Math.min(delayMs * 2, LONGEST_RETRY_MS);
      this.#later(nextMs, () => this.#reconnect(nextMs));
    }
  }
}

/** Gives a connection up that is of no use any more; how it ends does not matter. */
function close(client: pg.Client): void {
  client.end().catch(() => {});
}

/** Listens to a channel until the returned function is called; rejects when the first connection fails. */
export async function listenOnPostgres(
  databaseUrl: string,
  channel: string,
  handlers: ListenHandlers,
): Promise<() => Promise<void>> {
  const listener = new Listener(databaseUrl, channel, handlers);
  await listener.connect();
  return () => listener.stop();
}
