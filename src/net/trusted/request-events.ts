/** Server-sent events of a host that the operator configured: one GET, read as it comes and bounded in every way. */

import { createParser, type EventSourceMessage, type ParseError } from 'eventsource-parser';
import type { Passage } from '../../domain/passage.ts';
import { UpstreamError } from '../../domain/upstream-error.ts';
import { upstreamText } from '../upstream-text.ts';
import { requestStream, type StreamedAnswer } from './request-stream.ts';

export interface EventsRequest {
  readonly url: string;
  readonly apiKey: string;
  readonly passage?: Passage | undefined;
  /** The id of the last event that was read: the stream goes on behind it. */
  readonly lastEventId?: string | undefined;
  /** Ends the stream wherever it is. */
  readonly signal: AbortSignal;
  readonly bounds?: EventsBounds;
}

/** What a stream may take before it is given up. */
export interface EventsBounds {
  /** Without a byte, the wait for the head of the answer included. */
  readonly silentMs: number;
  /** Of the whole stream. */
  readonly maxBytes: number;
  /** Of one event, or of a line that does not end. */
  readonly maxEventCharacters: number;
}

/** What is shown of the type of an answer that is no stream, in characters. */
const LONGEST_TYPE = 100;

const BOUNDS: EventsBounds = { silentMs: 60_000, maxBytes: 1024 * 1024, maxEventCharacters: 64 * 1024 };

/**
 * The events in order, until the upstream ends the stream or its connection breaks.
 * @throws UpstreamError `answered` for what is no event stream or too large for one, else as far as the exchange came.
 */
export async function* requestEvents(request: EventsRequest): AsyncGenerator<EventSourceMessage> {
  const { url, apiKey, passage, lastEventId, signal, bounds = BOUNDS } = request;
  const silence = new Silence(bounds.silentMs);
  let answer: StreamedAnswer | undefined;
  try {
    const ended = AbortSignal.any([signal, silence.signal]);
    const asked = { method: 'GET', url, apiKey, passage, accept: 'text/event-stream', signal: ended } as const;
    answer = await requestStream({ ...asked, ...(lastEventId !== undefined && { lastEventId }) });
    requireEventStream(answer);
    yield* readEvents(answer, silence, bounds);
  } catch (cause) {
    if (cause instanceof UpstreamError) throw cause;
    throw new UpstreamError('lost', `the events of ${url} broke off: ${upstreamText(String(cause))}`, { cause });
  } finally {
    silence.end();
    await answer?.close();
  }
}

/** Aborts when nothing is heard for too long. */
class Silence {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(silentMs: number) {
    this.#timer = setTimeout(() => this.#controller.abort(new Error(`nothing came for ${silentMs} ms`)), silentMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  isBroken(): void {
    this.#timer.refresh();
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

function requireEventStream({ status, headers }: StreamedAnswer): void {
  const contentType = upstreamText(headers['content-type'] ?? 'no type', LONGEST_TYPE);
  if (status === 200 && /^text\/event-stream\b/i.test(contentType)) return;
  throw new UpstreamError('answered', `the upstream answered ${status} (${contentType}) instead of events`, {
    upstream: { status },
  });
}

async function* readEvents({ body }: StreamedAnswer, silence: Silence, { maxBytes, maxEventCharacters }: EventsBounds) {
  const events: EventSourceMessage[] = [];
  const onEvent = (event: EventSourceMessage) => void events.push(event);
  const parser = createParser({ maxBufferSize: maxEventCharacters, onEvent, onError: refuseLargeEvent });
  const decoder = new TextDecoder();
  let sizeBytes = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    silence.isBroken();
    sizeBytes += chunk.byteLength;
    if (sizeBytes > maxBytes) throw new UpstreamError('answered', `more than ${maxBytes} bytes of events`);
    parser.feed(decoder.decode(chunk, { stream: true }));
    yield* events.splice(0);
  }
}

/** Everything else that a parser can find wrong with a line means to pass over it. */
function refuseLargeEvent({ type, message }: ParseError): void {
  if (type === 'max-buffer-size-exceeded') throw new UpstreamError('answered', message);
}
