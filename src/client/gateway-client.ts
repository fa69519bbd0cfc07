/** Requests of the commands to a running gateway: bounded in time and size, their failures in words for people. */

import { createHmac } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { EventSourceMessage } from 'eventsource-parser';
import type { z } from 'zod';
import type { Json } from '../domain/json.ts';
import { UpstreamError } from '../domain/upstream-error.ts';
import { retryAfterMs } from '../net/retry-after.ts';
import { requestEvents } from '../net/trusted/request-events.ts';
import { closeUpstreamConnections, type JsonReply, requestJson, upstreamWords } from '../net/trusted/request-json.ts';
import { requestStream } from '../net/trusted/request-stream.ts';

export interface GatewayAddress {
  /** Without a trailing slash. */
  readonly url: string;
  readonly apiKey: string;
}

/** What the user can do something about: printed without a stack. */
export class CommandFailure extends Error {
  override readonly name: string = 'CommandFailure';
}

const LONGEST_WAIT_MS = 60_000;

interface FailureDetails {
  readonly status?: number;
  readonly retryAfterMs?: number | undefined;
}

/** A request that did not get the answer that it was sent for. */
export class GatewayFailure extends CommandFailure {
  override readonly name = 'GatewayFailure';
  /** Null where no complete answer came. */
  readonly status: number | null;
  /** What the gateway asked us to wait, a minute at most; 0 where it asked for nothing. */
  readonly retryAfterMs: number;

  constructor(message: string, { status, retryAfterMs }: FailureDetails = {}) {
    super(message);
    this.status = status ?? null;
    this.retryAfterMs = Math.min(retryAfterMs ?? 0, LONGEST_WAIT_MS);
  }
}

/** The gateway could not be reached: certainly nothing was done. */
export class GatewayUnreachable extends GatewayFailure {}

export interface GatewayRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Absolute within the gateway, with its query. */
  readonly path: string;
  readonly body?: Json;
  readonly idempotencyKey?: string;
}

const TIMEOUT_MS = 30_000;
/** For each MiB that is sent, at about a tenth of a megabyte a second. */
const TIMEOUT_PER_MIB_MS = 10_000;
const MIB = 1024 * 1024;
const LONGEST_MESSAGE = 1000;
const LONGEST_REFUSAL = 64 * 1024;
/** A list of 200 snapshots with the longest prompts and forwarded keys. */
const MAX_ANSWER_BYTES = 32 * MIB;

/** A stream of events has no end and says something each 15 s; an event is the longest snapshot at most. */
const EVENTS = { silentMs: 60_000, maxBytes: Number.POSITIVE_INFINITY, maxEventCharacters: MIB };

/** A gateway as one command talks to it. */
export class GatewayClient {
  readonly url: string;
  readonly #apiKey: string;
  /** Aborted when the command is told to stop: ends every request. */
  readonly signal: AbortSignal;

  constructor({ url, apiKey }: GatewayAddress, signal: AbortSignal) {
    this.url = url;
    this.#apiKey = apiKey;
    this.signal = signal;
  }

  /**
   * The body of a 2xx answer, as the gateway wrote it.
   * @throws GatewayFailure for every other answer and for none.
   */
  async ask({ path, body, ...rest }: GatewayRequest): Promise<unknown> {
    const bytes = body === undefined ? 0 : Buffer.byteLength(JSON.stringify(body));
    const reply = await this.#translate(
      requestJson({
        ...rest,
        ...(body !== undefined && { body }),
        url: `${this.url}${path}`,
        apiKey: this.#apiKey,
        timeoutMs: TIMEOUT_MS + Math.ceil((bytes / MIB) * TIMEOUT_PER_MIB_MS),
        maxBytes: MAX_ANSWER_BYTES,
        signal: this.signal,
        freshConnection: rest.method !== 'GET',
      }),
    );
    if (reply.status >= 200 && reply.status < 300 && reply.body !== undefined) return reply.body;
    throw refused(reply);
  }

  /**
   * The bytes of a 200 answer; `signal` ends them, and their reader calls `close`.
   * @throws GatewayFailure for every other answer and for none.
   */
  async openClip(path: string, signal: AbortSignal): Promise<{ readonly body: Readable; close(): Promise<void> }> {
    const ends = AbortSignal.any([signal, this.signal]);
    const request = { method: 'GET', url: `${this.url}${path}`, apiKey: this.#apiKey, accept: 'video/mp4' } as const;
    const answer = await this.#translate(requestStream({ ...request, signal: ends }));
    if (answer.status === 200) return answer;
    const text = await readBeginning(answer.body).finally(answer.close);
    const { status, headers } = answer;
    throw refused({ status, headers, body: parseJson(text), excerpt: text, upstreamNowMs: Date.now() });
  }

  /**
   * The events of a stream as they come, until it ends or breaks off; behind the one with this id, where one is given.
   * @throws GatewayFailure where no stream was opened, and where one broke off.
   */
  async *events(path: string, lastEventId: string | undefined): AsyncGenerator<EventSourceMessage> {
    const asked = { url: `${this.url}${path}`, apiKey: this.#apiKey, lastEventId, signal: this.signal };
    try {
      yield* requestEvents({ ...asked, bounds: EVENTS });
    } catch (error) {
      throw this.#failureOf(error);
    }
  }

  /** A secret of our own that is the same for the same key, and tells nothing of it. */
  secretFor(purpose: string): Buffer {
    return createHmac('sha256', this.#apiKey).update(purpose).digest();
  }

  async #translate<T>(exchange: Promise<T>): Promise<T> {
    try {
      return await exchange;
    } catch (error) {
      throw this.#failureOf(error);
    }
  }

  #failureOf(error: unknown): unknown {
    if (!(error instanceof UpstreamError)) return error;
    if (this.signal.aborted) return new CommandFailure('interrupted');
    if (error.phase === 'not sent') return unreachable(this.url, error);
    const status = error.upstream?.status;
    return new GatewayFailure(error.message, { ...(status !== undefined && { status }) });
  }

  /** Closes what is kept open for the next request. */
  async close(): Promise<void> {
    await closeUpstreamConnections();
  }
}

/** As much of a refusal as is worth reading; less where its connection breaks. */
async function readBeginning(body: Readable): Promise<string> {
  let text = '';
  try {
    for await (const chunk of body.setEncoding('utf8')) {
      text += chunk;
      if (text.length > LONGEST_REFUSAL) break;
    }
  } catch {
    // The status says the most of it.
  }
  return text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unreachable(url: string, { message }: UpstreamError): GatewayUnreachable {
  const advice = 'start it with "npm start", or set CLIPYARD_URL to where it listens';
  return new GatewayUnreachable(`the gateway at ${url} cannot be reached: ${message}; ${advice}`);
}

function refused(reply: JsonReply): GatewayFailure {
  const { status, headers, upstreamNowMs } = reply;
  const { message = 'the gateway said nothing', code } = upstreamWords(reply);
  const advice = status === 401 ? '; set CLIPYARD_API_KEY to a key of this gateway' : '';
  const which = code === undefined ? `HTTP ${status}` : `${code}, HTTP ${status}`;
  return new GatewayFailure(`${message.slice(0, LONGEST_MESSAGE)} (${which})${advice}`, {
    status,
    retryAfterMs: retryAfterMs(headers, upstreamNowMs),
  });
}

/**
 * What is needed of an answer.
 * @throws CommandFailure where something else was answered: perhaps there is no gateway of ours.
 */
export function readAnswer<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const read = schema.safeParse(body);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new CommandFailure(
    `the gateway's answer cannot be understood (${issue?.path.join('.')}: ${issue?.message}); is CLIPYARD_URL that of a Clipyard?`,
  );
}
