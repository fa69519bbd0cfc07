/** An answer that cannot be held, for its size or its duration: the head as it comes, the body with backpressure. */

import type { Readable } from 'node:stream';
import { Client, type Dispatcher } from 'undici';
import type { Passage } from '../../domain/passage.ts';
import { UpstreamError } from '../../domain/upstream-error.ts';
import { ProxyRefusal, requireAdmission, routeTo } from '../proxy/route.ts';
import { upstreamText } from '../upstream-text.ts';
import { USER_AGENT } from '../user-agent.ts';

export interface StreamRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly apiKey: string;
  readonly passage?: Passage | undefined;
  /** What kind of answer is wanted. */
  readonly accept: 'application/json' | 'text/event-stream' | 'video/mp4' | 'image/*';
  /** Where a stream of events goes on. */
  readonly lastEventId?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** From which byte on the answer is wanted; all of it when absent or 0. */
  readonly firstByte?: number;
  /** Ends the exchange, the body included; carries the timeout of the whole. */
  readonly signal: AbortSignal;
}

/** An answer that is being received; its reader calls `close` when done with the body. */
export interface StreamedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Has an answer read to its announced end however far its reader is behind: undici takes a connection that is closed
 * while the body pauses right behind its last byte for one that broke off.
 */
const toAnnouncedEnd: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) => {
  let leftBytes = Number.NaN;
  return dispatch(options, {
    onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
    onResponseStart(controller, status, headers, text) {
      leftBytes = Number(headers['content-length'] ?? Number.NaN);
      handler.onResponseStart?.(controller, status, headers, text);
    },
    onResponseData(controller, chunk) {
      leftBytes -= chunk.byteLength;
      handler.onResponseData?.(controller, chunk);
      if (leftBytes === 0) controller.resume();
    },
    onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(controller, trailers),
    onResponseError: (controller, error) => handler.onResponseError?.(controller, error),
  });
};

/**
 * Sends on a connection of its own. TCP keep-alive holds the line while the upstream works.
 * @throws UpstreamError `not sent` as long as no connection stood, `lost` after that.
 */
export async function requestStream(request: StreamRequest): Promise<StreamedAnswer> {
  const { method, url, apiKey, passage, accept, lastEventId, body, firstByte = 0, signal } = request;
  const route = routeTo(new URL(url), passage?.proxies);
  const client = new Client(route.origin, {
    connect: route.connect ?? { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: 0,
    bodyTimeout: 0,
    pipelining: 0,
  });
  let connected = false;
  client.once('connect', () => {
    connected = true;
  });
  try {
    const answer = await client.compose(toAnnouncedEnd).request({
      method,
      path: route.path,
      headers: {
        ...passage?.headers,
        ...route.headers,
        accept,
        // Without it any encoding is welcome.
        'accept-encoding': 'identity',
        authorization: `Bearer ${apiKey}`,
        'user-agent': USER_AGENT,
        ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(firstByte > 0 && { range: `bytes=${firstByte}-` }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal,
    });
    requireAdmission(route, answer.statusCode);
    return { status: answer.statusCode, headers: flatten(answer), body: answer.body, close: () => client.destroy() };
  } catch (cause) {
    await client.destroy();
    const reason = upstreamText(cause instanceof Error ? cause.message || cause.name : String(cause));
    const phase = connected && !(cause instanceof ProxyRefusal) ? 'lost' : 'not sent';
    throw new UpstreamError(phase, `${method} ${url}: ${reason}`, { upstream: { message: reason }, cause });
  }
}

function flatten({ headers }: Dispatcher.ResponseData): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
