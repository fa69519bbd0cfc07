/** Requests of the commands to a running gateway: bounded in time and size, their failures in words for people. */

import { createHmac } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { EventSourceMessage } from 'eventsource-parser';
import type { z } from 'zod';
import { parseJson } from '../domain/json.ts';
import { firstProblem, problemWords } from '../domain/schema-problems.ts';
import { UpstreamError } from '../domain/upstream-error.ts';
import { retryAfterMs } from '../net/retry-after.ts';
import { EncodedBody } from '../net/trusted/encoded-body.ts';
import { requestEvents } from '../net/trusted/request-events.ts';
import {
  closeUpstreamConnections,
  type JsonReply,
  type RequestBody,
  requestJson,
  upstreamWords,
} from '../net/trusted/request-json.ts';
import { requestStream } from '../net/trusted/request-stream.ts';
import { StreamedBody } from '../net/trusted/streamed-body.ts';

export interface GatewayAddress {
  /** Without a trailing slash. */
  readonly url: string;
  readonly apiKey: string;
}

/** What the user can do something about: printed without a stack. */
export class CommandFailure extends Error {
  override readonly name: string = 'CommandFailure';
  readonly exitCode: number = 1;
}

/** A command that was told to stop. */
export class Interrupted extends CommandFailure {
  /** As a shell has it after Ctrl-C. */
  override readonly exitCode = 130;
}

/** What was interrupted goes on without us, and the message says how to come back to it. */
export class LeftRunning extends Interrupted {}

const LONGEST_WAIT_MS = 60_000;

interface FailureDetails {
  readonly status?: number;
  readonly retryAfterMs?: number | undefined;
  readonly body?: unknown;
}

/** A request that did not get the answer that it was sent for. */
export class GatewayFailure extends CommandFailure {
  override readonly name = 'GatewayFailure';
  /** Null where no complete answer came. */
  readonly status: number | null;
  /** What the gateway asked us to wait, a minute at most; 0 where it asked for nothing. */
  readonly retryAfterMs: number;
  /** What the gateway said in full, where that is JSON. */
  readonly body: unknown;

  constructor(message: string, { status, retryAfterMs, body }: FailureDetails = {}) {
    super(message);
    this.status = status ?? null;
    this.body = body;
    this.retryAfterMs = Math.min(retryAfterMs ?? 0, LONGEST_WAIT_MS);
  }
}

/** The gateway could not be reached: certainly nothing was done. */
export class GatewayUnreachable extends GatewayFailure {}

export interface GatewayRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Absolute within the gateway, with its query. */
  readonly path: string;
  readonly body?: RequestBody;
  readonly idempotencyKey?: string;
  /** What the gateway may take beside the transfer; half a minute when absent. */
  readonly timeoutMs?: number;
}

/** From which of its bytes on a clip is wanted. */
interface ClipPart {
  readonly firstByte: number;
  readonly signal: AbortSignal;
}

/** As it was sent. */
export interface Picture {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

interface OpenClip {
  readonly body: Readable;
  readonly firstByte: number;
  close(): Promise<void>;
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
  async ask({ path, body, timeoutMs = TIMEOUT_MS, ...rest }: GatewayRequest): Promise<unknown> {
    const bytes = body === undefined ? 0 : sizeOf(body);
    const reply = await this.#translate(
      requestJson({
        ...rest,
        ...(body !== undefined && { body }),
        url: `${this.url}${path}`,
        apiKey: this.#apiKey,
        timeoutMs: timeoutMs + Math.ceil((bytes / MIB) * TIMEOUT_PER_MIB_MS),
        maxBytes: MAX_ANSWER_BYTES,
        signal: this.signal,
        freshConnection: rest.method !== 'GET',
      }),
    );
    if (reply.status >= 200 && reply.status < 300 && reply.body !== undefined) return reply.body;
    throw refused(reply);
  }

  /**
   * The bytes of a clip from this one on, or from the first where the gateway sends them all; `signal` ends them, and
   * their reader calls `close`.
   * @throws GatewayFailure for every other answer and for none.
   */
  async openClip(path: string, { firstByte, signal }: ClipPart): Promise<OpenClip> {
    const ends = AbortSignal.any([signal, this.signal]);
    const request = { method: 'GET', url: `${this.url}${path}`, apiKey: this.#apiKey, accept: 'video/mp4' } as const;
    const answer = await this.#translate(requestStream({ ...request, firstByte, signal: ends }));
    const { status, headers, body, close } = answer;
    if (status === 200) return { body, close, firstByte: 0 };
    if (status === 206 && headers['content-range']?.startsWith(`bytes ${firstByte}-`))
      return { body, close, firstByte };
    const text = await readBeginning(body).finally(close);
    throw refused({ status, headers, body: parseJson(text), excerpt: text, upstreamNowMs: Date.now() });
  }

  /**
   * A picture; null where it is larger than that.
   * @throws GatewayFailure for every other answer and for none.
   */
  async picture(path: string, maxBytes: number): Promise<Picture | null> {
    const signal = AbortSignal.any([this.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const request = { method: 'GET', url: `${this.url}${path}`, apiKey: this.#apiKey, accept: 'image/*' } as const;
    const { status, headers, body, close } = await this.#translate(requestStream({ ...request, signal }));
    try {
      const chunks: Buffer[] = [];
      let sizeBytes = 0;
      for await (const chunk of body) {
        chunks.push(chunk);
        sizeBytes += chunk.length;
        if (sizeBytes > maxBytes) return null;
      }
      if (status !== 200) throw new GatewayFailure(`there is no picture (HTTP ${status})`, { status });
      return { mediaType: headers['content-type'] ?? '', bytes: Buffer.concat(chunks) };
    } finally {
      await close();
    }
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
    if (this.signal.aborted) return new Interrupted('interrupted');
    if (error.phase === 'not sent') return unreachable(this.url, error);
    const status = error.upstream?.status;
    return new GatewayFailure(error.message, { ...(status !== undefined && { status }) });
  }

  /** The same gateway, for requests that end with this signal as well. */
  until(signal: AbortSignal): GatewayClient {
    return new GatewayClient({ url: this.url, apiKey: this.#apiKey }, AbortSignal.any([this.signal, signal]));
  }

  /** Closes what is kept open for the next request. */
  async close(): Promise<void> {
    await closeUpstreamConnections();
  }
}

function sizeOf(body: RequestBody): number {
  if (body instanceof StreamedBody) return body.sizeBytes;
  return body instanceof EncodedBody ? body.bytes.byteLength : Buffer.byteLength(JSON.stringify(body));
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

function unreachable(url: string, { message }: UpstreamError): GatewayUnreachable {
  const advice = 'start it with "npm start", or set CLIPYARD_URL to where it listens';
  return new GatewayUnreachable(`the gateway at ${url} cannot be reached: ${message}; ${advice}`);
}

/** What web servers, proxies and sign-in pages answer: nothing of it is meant for a command. */
function isWebPage({ headers, excerpt }: JsonReply): boolean {
  return /^text\/html\b/i.test(headers['content-type'] ?? '') || /^\s*<(?:!doctype|html)\b/i.test(excerpt);
}

function refused(reply: JsonReply): GatewayFailure {
  const { status, headers, upstreamNowMs } = reply;
  if (reply.body === undefined && isWebPage(reply)) {
    const said = `a web page was answered (HTTP ${status}), and nothing that a gateway says`;
    return new GatewayFailure(`${said}; is CLIPYARD_URL that of a Clipyard?`, { status });
  }
  const { message = 'the gateway said nothing', code } = upstreamWords(reply);
  const advice = status === 401 ? '; set CLIPYARD_API_KEY to a key of this gateway' : '';
  const which = code === undefined ? `HTTP ${status}` : `${code}, HTTP ${status}`;
  return new GatewayFailure(`${message.slice(0, LONGEST_MESSAGE)} (${which})${advice}`, {
    status,
    retryAfterMs: retryAfterMs(headers, upstreamNowMs),
    body: reply.body,
  });
}

/**
 * What is needed of an answer.
 * @throws CommandFailure where something else was answered: perhaps there is no gateway of ours.
 */
export function readAnswer<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const read = schema.safeParse(body, { error: problemWords });
  if (read.success) return read.data;
  const { path, problem } = firstProblem(read.error.issues);
  throw new CommandFailure(
    `the gateway's answer cannot be understood (${path || 'it'} ${problem}); is CLIPYARD_URL that of a Clipyard?`,
  );
}
