/** Server-sent events: one connection follows one video, or several, or all of a caller's, from the present state on. */

import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ServerSentEvent } from '../dialects/dialect.ts';
import { CallerPlaces } from '../domain/caller-places.ts';
import { Refusal } from '../domain/failure.ts';
import { type Followed, SharedReads } from './shared-reads.ts';

declare module 'fastify' {
  interface FastifyInstance {
    eventStreams: EventStreams;
  }
}

/** Proxies close what is silent for 60 s. */
const HEARTBEAT_MS = 15_000;
/** How long clients wait before they reconnect. */
const RETRY_MS = 3000;
/** Streams that may be open in a process, and those of one caller among them. */
const MOST = { inAll: 20_000, ofCaller: 10_000 };

export interface EventStreamSettings {
  readonly heartbeatMs: number;
  readonly retryMs: number;
  readonly most: Readonly<Record<'inAll' | 'ofCaller', number>>;
}

/** An event whose id means the same in every process, or without one: then the events of the connection are counted. */
interface StreamEvent extends Partial<ServerSentEvent> {
  readonly id?: string;
}

/** What a stream shows, and how it learns of changes; `read` refuses with `not_found` what is none of the caller's any more. */
export interface StreamSource<Shown> extends Omit<Followed<Shown>, 'key'> {
  /** Null for a source that none shares. */
  readonly key: string | null;
  /** What is known already: then a first read that fails is repeated like any other. */
  readonly first?: Shown;
  /** What to send for it, and whether that was the last. */
  show(shown: Shown): { readonly events: readonly StreamEvent[]; readonly isOver: boolean };
}

/** WHATWG HTML 9.2: a field a line, an empty line behind each event; without data it tells the client where it is, and nothing else. */
function frame(id: number | string, { event, data }: StreamEvent): string {
  const lines = data?.split('\n').map((line) => `data: ${line}\n`) ?? [];
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
  send(event: StreamEvent): void {
    const text = event.data === undefined ? null : `${event.event ?? ''}\n${event.data}`;
    if (!this.isOpen || (text !== null && text === this.#lastSent)) return;
    this.#lastSent = text;
    this.#response.write(frame(event.id ?? this.#nextId, event));
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

interface Following<Shown> extends Pick<StreamSource<Shown>, 'show' | 'read'> {
  readonly first: Shown;
  readonly request: FastifyRequest;
}

/** The streams of one server, so that they can be ended together. */
export class EventStreams {
  readonly #settings: EventStreamSettings;
  readonly #isActive: (callerId: string) => Promise<boolean>;
  readonly #review: NodeJS.Timeout;
  /** By their callers' ids. */
  readonly #open = new Map<Connection, string>();
  readonly #reads = new SharedReads();
  readonly #places: CallerPlaces;
  #count = 0;

  /** @param isActive whether the key of a caller is still good; without it the caller's streams end at the next heartbeat. */
  constructor(isActive: (callerId: string) => Promise<boolean>, settings: Partial<EventStreamSettings> = {}) {
    this.#settings = { heartbeatMs: HEARTBEAT_MS, retryMs: RETRY_MS, most: MOST, ...settings };
    this.#places = new CallerPlaces(this.#settings.most.ofCaller);
    this.#isActive = isActive;
    this.#review = setInterval(() => void this.#endThoseOfInactive(), this.#settings.heartbeatMs).unref();
  }

  /**
   * Answers with the stream; resolves when it has ended.
   * @throws Refusal before the first byte: where there is no such video, `rate_limited` or `unavailable` beyond what may be
   * open.
   */
  async follow<Shown>(source: StreamSource<Shown>, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const leave = this.#enter(request.caller?.id ?? '');
    let connection: Connection | null = null;
    let changedBefore = false;
    // Watched before it is read, so that no change falls between.
    const { read, stop } = this.#followShared(source, () => {
      changedBefore = true;
      connection?.wake();
    });
    try {
      const first = source.first ?? (await read());
      connection = this.#connect(request, reply);
      if (changedBefore || source.first !== undefined) connection.wake();
      await this.#run(connection, { show: source.show, read, first, request });
    } finally {
      stop();
      leave();
      if (connection !== null) this.#open.delete(connection);
    }
  }

  #followShared<Shown>({ key, read, watch }: StreamSource<Shown>, onChange: () => void) {
    return key === null ? { read, stop: watch(onChange) } : this.#reads.follow({ key, read, watch }, onChange);
  }

  /** Counts a stream in; the function that is returned counts it out. */
  #enter(callerId: string): () => void {
    const { inAll, ofCaller } = this.#settings.most;
    const leave = this.#places.take(callerId);
    if (leave === null) {
      throw new Refusal('rate_limited', `this key has ${ofCaller} event streams open; close one first`);
    }
    if (this.#count >= inAll) {
      leave();
      throw new Refusal('unavailable', 'as many event streams are open as there may be');
    }
    this.#count += 1;
    return () => {
      leave();
      this.#count -= 1;
    };
  }

  /** Ends all streams without their closing events: clients reconnect, to another process or later. */
  endAll(): void {
    clearInterval(this.#review);
    for (const connection of this.#open.keys()) connection.drop();
  }

  async #endThoseOfInactive(): Promise<void> {
    for (const callerId of new Set(this.#open.values())) {
      // What cannot be read now is read at the next heartbeat.
      if (await this.#isActive(callerId).catch(() => true)) continue;
      for (const [connection, owner] of this.#open) if (owner === callerId) connection.drop();
    }
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
    this.#open.set(connection, request.caller?.id ?? '');
    return connection;
  }

  /** X24: a video that has ended already gets its last state and the closing events as well. */
  async #run<Shown>(connection: Connection, { show, read, first, request }: Following<Shown>): Promise<void> {
    let shown = first;
    while (connection.isOpen) {
      const { events, isOver } = show(shown);
      for (const event of events) connection.send(event);
      if (isOver) return connection.end();
      await connection.woken();
      if (!connection.isOpen) return;
      try {
        shown = await read();
        connection.readAgain = false;
      } catch (error) {
        if (error instanceof Refusal) return connection.end();
        request.log.warn({ err: error }, 'video could not be read for its stream');
        connection.readAgain = true;
      }
    }
  }
}
