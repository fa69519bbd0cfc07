/** A stand-in for an OpenTelemetry collector: takes OTLP in JSON over HTTP and keeps the spans. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

const attributes = z
  .array(
    z.object({
      key: z.string(),
      value: z.object({ stringValue: z.string().optional(), intValue: z.number().optional() }),
    }),
  )
  .transform((all) => Object.fromEntries(all.map(({ key, value }) => [key, value.stringValue ?? value.intValue])));

const spanSchema = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  kind: z.number(),
  startTimeUnixNano: z.string(),
  endTimeUnixNano: z.string(),
  attributes,
  status: z.object({ code: z.number() }),
});

const exportSchema = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes }),
      scopeSpans: z.array(z.object({ spans: z.array(spanSchema) })),
    }),
  ),
});

/** A span as it was sent, and by which process. */
export type SentSpan = z.output<typeof spanSchema> & { readonly pid: unknown };

export interface Collector {
  /** What `OTEL_EXPORTER_OTLP_ENDPOINT` names. */
  readonly url: string;
  spans(): readonly SentSpan[];
  /** All that was received, as it was. */
  received(): string;
  /** The header `authorization` of the last export. */
  authorization(): string | undefined;
  /** Resolves with the spans when the test finds among them what it waits for. */
  until(found: (spans: readonly SentSpan[]) => boolean): Promise<readonly SentSpan[]>;
  close(): Promise<void>;
}

const TRIES = 600;
const BETWEEN_TRIES_MS = 100;

/** Starts to listen. */
export async function startCollector(): Promise<Collector> {
  const bodies: string[] = [];
  let authorization: string | undefined;
  const server = createServer(async (request, reply) => {
    if (request.url === '/v1/traces') bodies.push(await text(request));
    authorization = request.headers.authorization;
    reply.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const spans = () =>
    bodies.flatMap((body) =>
      exportSchema
        .parse(JSON.parse(body))
        .resourceSpans.flatMap(({ resource, scopeSpans }) =>
          scopeSpans.flatMap((scope) =>
            scope.spans.map((span) => ({ ...span, pid: resource.attributes['process.pid'] })),
          ),
        ),
    );
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    received: () => bodies.join('\n'),
    authorization: () => authorization,
    async until(found) {
      for (let tries = 0; tries < TRIES; tries++) {
        const all = spans();
        if (found(all)) return all;
        await sleep(BETWEEN_TRIES_MS);
      }
      throw new Error(
        `the spans stay these: ${JSON.stringify(spans().map(({ name, parentSpanId }) => ({ name, parentSpanId })))}`,
      );
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
