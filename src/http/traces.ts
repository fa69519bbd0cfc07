/** Spans of requests: of all that change something, and of those that go on a trace of the client's. */

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { NO_TRACES, type RequestSpan, type Traces } from '../domain/trace.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Null where the request is not told. */
    span: RequestSpan | null;
  }
}

const READS = new Set(['GET', 'HEAD', 'OPTIONS']);

function begin({ method, headers }: FastifyRequest, traces: Traces): RequestSpan | null {
  const [traceParent] = [headers['traceparent']].flat();
  // Polls and probes would be most of what is told.
  return READS.has(method) && traceParent === undefined ? null : traces.request(traceParent);
}

/** To be called before other hooks are added, which then run within the spans. */
export function traceRequests(app: FastifyInstance, traces: Traces): void {
  if (traces === NO_TRACES) return;
  app.decorateRequest('span', null);
  const enter = ({ span }: FastifyRequest, work: () => void) => (span === null ? work() : span.enter(work));
  app.addHook('onRequest', (request, _reply, done) => {
    request.span = begin(request, traces);
    enter(request, done);
  });
  // Reading a body comes back from the connection, which knows of no span.
  app.addHook('preHandler', (request, _reply, done) => enter(request, done));
  app.addHook('onResponse', (request, reply, done) => {
    const { method, id: requestId, caller, dialect } = request;
    const facts = { method, route: request.routeOptions.url, status: reply.statusCode, requestId };
    request.span?.end({ ...facts, callerId: caller?.id, dialect: dialect?.name });
    enter(request, done);
  });
}
