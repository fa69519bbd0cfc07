/** Answers to what is not HTTP at all: no route, no dialect and no framework have seen it. */

import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { Refusal, type RefusalKind } from '../domain/failure.ts';

/** Node's reasons for giving up on a request, where the status is not 400. */
const STATUS_OF: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** What is said with each status. */
const SAID: Readonly<Record<number, { readonly code: RefusalKind; readonly detail: string }>> = {
  400: { code: 'invalid_request', detail: 'what was sent is not a valid request of HTTP/1.1' },
  408: { code: 'invalid_request', detail: 'the request did not arrive in time' },
  417: { code: 'invalid_request', detail: 'nothing but 100-continue can be expected here' },
  431: { code: 'too_large', detail: 'the request line and its headers are longer than they may be' },
};

/** Problem details (RFC 9457) with a request id; the connection ends with them. */
function problemOf(status: number) {
  const requestId = randomUUID();
  const body = JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, ...SAID[status], requestId });
  const headers = {
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    'x-request-id': requestId,
    connection: 'close',
  };
  return { headers, body };
}

/** For a client to read its answer and to close: a connection on which no request can follow is in no other's care. */
const LINGER_MS = 2000;

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** The newest of each connection. */
const newest = new WeakMap<Socket, Exchange>();

/** Whether one more answer on a connection would be taken for what belongs to a request that has its own. */
function hasItsAnswer(socket: Socket): boolean {
  const { request, response } = newest.get(socket) ?? {};
  return (response?.headersSent ?? false) && !(request?.complete && response?.writableFinished);
}

/** Says what is wrong, and closes the connection. */
export function answerClientError(error: Error & { readonly code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET' || hasItsAnswer(socket)) {
    socket.destroy();
    return;
  }
  const status = STATUS_OF[error.code ?? ''] ?? 400;
  const { headers, body } = problemOf(status);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  const linger = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(linger));
}

/** Answers, as every request is, what Node answers by itself with a status alone; its check of `Host` has to be off. */
export function answerIncompleteHeads(app: FastifyInstance): void {
  app.server.on('checkExpectation', (_request, response) => {
    const { headers, body } = problemOf(417);
    response.writeHead(417, headers).end(body);
  });
  // Node leaves out what comes after a thousand headers and says nothing: a second Host, a key that makes a create one.
  app.server.maxHeadersCount = 0;
  app.addHook('onRequest', async ({ raw, headers }, reply) => {
    newest.set(raw.socket, { request: raw, response: reply.raw });
    if (raw.httpVersion !== '1.1') return;
    if (headers.host === undefined) throw new Refusal('invalid_request', 'the request names no Host');
    const hosts = raw.rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host');
    // RFC 9112, 3.2: which of them a proxy went by cannot be told.
    if (hosts.length > 1) throw new Refusal('invalid_request', 'the request names more than one Host');
  });
}
