/** Server-sent events: one connection follows one video, or several, from the present state to the end. */

import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ServerSentEvent } from '../dialects/dialect.ts';
import { Refusal } from '../domain/failure.ts';

/** Proxies close what is silent for 60 s. */
const HEARTBEAT_MS = 15_000;
/** How long clients wait before they reconnect. */
const RETRY_MS = 3000;

export interface EventStreamSettings {
  readonly heartbeatMs: number;
  readonly retryMs: number;
}

/** What a stream shows, and how it learns of changes. */
export interface StreamSource<Shown> {
  /** What is known already: then a first read that fails is repeated like any other. */
  readonly first?: Shown;
  /** What is followed as it is now; `not_found` when it is none of the caller's any more. */
  read(): Promise<Shown>;
  /** What to send for it, and whether that was the last. */
  show(shown: Shown): { readonly events: readonly ServerSentEvent[]; readonly isOver: boolean };
  /** Calls back after each change until the returned function is called. */
  watch(onChange: () => void): () => void;
}

/** WHATWG HTML 9.2: a field a line, an empty line behind each event. */
function frame(id: number, { event, data }: ServerSentEvent): string {
  const lines = data.split('\n').map((line) => `data: ${line}\n`);
  return `id: ${id}\n${event === undefined ? '' : `event: ${event}\n`}${lines.join('')}\n`;
}

/** Ids go on from the last one the client saw, so that they rise over its reconnects. */
function idAfter(header: string | string[] | undefined): number {
  return typeof header === 'string' && /^\d{1,12}$/.test(header) ? Number(header) + 1 : 1;
}

/** One client's connection: what is written to it, and its end. */
class Connection {
  readonly #response: ServerResponse;
  readonly #heartbeat: NodeJS.Timeout;
  #nextId: number;
  #lastSent: string | null = null;
  #isWoken = false;
  #wake: () => void = () => undefined;
  /** A read that failed is repeated at the next heartbeat. */
  readAgain = false;

  constructor(response: ServerResponse, settings: EventStreamSettings, firstId: number) {
    this.#response = response;
    this.#nextId = firstId;
    this.#heartbeat = setInterval(() => this.#beat(), settings.heartbeatMs);
    response.on('close', () => this.#stopped());
    // A write can still meet a socket that has just gone; 'close' follows.
    response.on('error', () => response.destroy());
    response.on('drain', () => this.wake());
    response.write(`retry: ${settings.retryMs}\n\n`);
    if (!this.isOpen) this.#stopped();
  }

  get isOpen(): boolean {
    return !this.#response.writableEnded && !this.#response.destroyed;
  }

  /** Something may have changed. */
  wake(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /**
   * Resolves at the next `wake` (at once if one came since the last) at which the client has taken what it was sent:
   * while a client is slow, states are skipped rather than kept for it.
   */
  async woken(): Promise<void> {
    do {
      if (!this.#isWoken && this.isOpen) await this.#nextWake();
      this.#isWoken = false;
    } while (this.isOpen && this.#response.writableNeedDrain);
  }

  /** Writes an event unless it says what the last one said. */
  send(event: ServerSentEvent): void {
    const text = `${event.event ?? ''}\n${event.data}`;
    if (!this.isOpen || text === this.#lastSent) return;
    this.#lastSent = text;
    this.#response.write(frame(this.#nextId, event));
    this.#nextId += 1;
  }

  end(): void {
    this.#response.end();
    this.wake();
  }

  /** Ends at once, also where the client has not taken everything yet. */
  drop(): void {
    if (this.#response.writableNeedDrain) this.#response.destroy();
    else this.end();
  }

  #nextWake(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #beat(): void {
    // Not even the last event was taken within a whole interval: what is kept for such a client only grows.
    if (this.#response.writableNeedDrain || this.#response.writableEnded) this.#response.destroy();
    else this.#response.write(': ping\n\n');
    if (this.readAgain) this.wake();
  }

  #stopped(): void {
    clearInterval(this.#heartbeat);
    this.wake();
  }
}

/** The streams of one server, so that they can be ended together. */
export class EventStreams {
  readonly #settings: EventStreamSettings;
  readonly #open = new Set<Connection>();

  constructor(settings: Partial<EventStreamSettings> = {}) {
    this.#settings = { heartbeatMs: HEARTBEAT_MS, retryMs: RETRY_MS, ...settings };
  }

  /**
   * Answers with the stream; resolves when it has ended.
   * @throws Refusal before the first byte, where there is no such video.
   */
  async follow<Shown>(source: StreamSource<Shown>, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    let connection: Connection | null = null;
    let changedBefore = false;
    // Watched before it is read, so that no change falls between.
    const unwatch = source.watch(() => {
      changedBefore = true;
      connection?.wake();
    });
    try {
      const first = source.first ?? (await source.read());
      connection = this.#connect(request, reply);
      if (changedBefore || source.first !== undefined) connection.wake();
      await this.#run(connection, { source, first, request });
    } finally {
      unwatch();
      if (connection !== null) this.#open.delete(connection);
    }
  }

  /** Ends all streams without their closing events: clients reconnect, to another process or later. */
  endAll(): void {
    for (const connection of this.#open) connection.drop();
  }

  #connect(request: FastifyRequest, reply: FastifyReply): Connection {
    reply.hijack();
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) reply.raw.setHeader(name, value);
    }
    reply.raw.writeHead(200, {
      'x-request-id': request.id,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      // nginx would collect the events otherwise.
      'x-accel-buffering': 'no',
      // A connection kept open for more requests would keep a closing server waiting.
      connection: 'close',
    });
    const connection = new Connection(reply.raw, this.#settings, idAfter(request.headers['last-event-id']));
    this.#open.add(connection);
    return connection;
  }

  /** X24: a video that has ended already gets its last state and the closing events as well. */
  async #run<Shown>(
    connection: Connection,
    { source, first, request }: { source: StreamSource<Shown>; first: Shown; request: FastifyRequest },
  ): Promise<void> {
    let shown = first;
    while (connection.isOpen) {
      const { events, isOver } = source.show(shown);
      for (const event of events) connection.send(event);
      if (isOver) return connection.end();
      await connection.woken();
      if (!connection.isOpen) return;
      try {
        shown = await source.read();
        connection.readAgain = false;
      } catch (error) {
        if (error instanceof Refusal) return connection.end();
        request.log.warn({ err: error }, 'video could not be read for its stream');
        connection.readAgain = true;
      }
    }
  }
}
