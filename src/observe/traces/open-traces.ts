/** Traces that are sent to a collector of OpenTelemetry: loaded only where one is named. */

import { createHash } from 'node:crypto';
import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { ExportResultCode, parseTraceParent } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResourcesSync, envDetectorSync, Resource } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  RandomIdGenerator,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base';
import type { TracedVideo } from '../../catalog/traces.ts';
import { withDeadline } from '../../domain/deadline.ts';
import type { Log } from '../../domain/log.ts';
import type { SpanFacts, SpanOf, Traces } from '../../domain/trace.ts';
import { UpstreamError } from '../../domain/upstream-error.ts';
import { currentSpan, runWithin } from './current.ts';

/** Attributes by their names; what OpenTelemetry has names for has those. */
const NAMES = {
  videoId: 'clipyard.video_id',
  callerId: 'clipyard.caller_id',
  requestId: 'clipyard.request_id',
  dialect: 'clipyard.dialect',
  account: 'clipyard.account',
  taskQueue: 'clipyard.task_queue',
  deliveryId: 'clipyard.delivery_id',
  attempt: 'clipyard.attempt',
  method: 'http.request.method',
  route: 'http.route',
  status: 'http.response.status_code',
  outcome: 'clipyard.outcome',
  state: 'clipyard.state',
  failure: 'clipyard.failure',
} as const satisfies Readonly<Record<keyof SpanFacts, string>>;

function attributesOf(facts: SpanFacts): Attributes {
  const known = Object.entries(facts).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known.map(([fact, value]) => [NAMES[fact as keyof SpanFacts], value]));
}

/** One export; spans that are ended meanwhile wait, and beyond so many they are dropped. */
const EXPORT_MS = 10_000;
const MOST_WAITING = 2048;
/** How long a process that stops waits for its last spans to be taken. */
const LAST_EXPORT_MS = 3_000;

export interface TracesOptions {
  /** Base URL of the collector, without a trailing slash. */
  readonly endpoint: string;
  readonly version: string;
  /** What the catalog says of a video. */
  readonly readVideo: (videoId: string) => Promise<TracedVideo | null>;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

export type OpenTraces = Traces & { close(): Promise<void> };

/** The exporter, which tells the log once that the collector is away, and once that it is back. */
function exporterTo({ endpoint, log }: TracesOptions): SpanExporter {
  const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, timeoutMillis: EXPORT_MS });
  let isAway = false;
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        const wasAway = isAway;
        isAway = result.code !== ExportResultCode.SUCCESS;
        if (isAway && !wasAway) log.warn({ error: result.error?.message }, 'traces cannot be sent; they are dropped');
        if (wasAway && !isAway) log.info({}, 'traces are sent again');
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
  };
}

interface SpanIds {
  readonly traceId: string;
  readonly spanId: string;
}

/** Ids at random, but for a span that is begun with ids that were given. */
function createIds() {
  const random = new RandomIdGenerator();
  let given: SpanIds | null = null;
  return {
    generator: {
      generateTraceId: () => given?.traceId ?? random.generateTraceId(),
      generateSpanId: () => given?.spanId ?? random.generateSpanId(),
    },
    with(ids: SpanIds, begin: () => Span): Span {
      given = ids;
      const span = begin();
      given = null;
      return span;
    },
  };
}

/** The ids of a video's span: known to every process that has the video's id. The trace's counts where no row names one. */
function idsOf(videoId: string): SpanIds {
  const hash = createHash('sha256').update(videoId).digest('hex');
  return { traceId: hash.slice(0, 32), spanId: hash.slice(32, 48) };
}

const below = (span: Span): Context => trace.setSpan(ROOT_CONTEXT, span);

/** Where a header or a row says that the trace goes on. */
function contextOf(traceParent: string | null | undefined): Context {
  const remote = traceParent ? parseTraceParent(traceParent) : null;
  return remote === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { ...remote, isRemote: true });
}

function traceParentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-0${traceFlags & TraceFlags.SAMPLED}`;
}

/** An error's words may quote prompts and links: its name alone is told. */
function fail(span: Span, error: unknown): void {
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.setAttribute('error.type', error instanceof Error ? error.name : 'unknown');
  if (error instanceof UpstreamError) span.setAttributes(attributesOf({ status: error.status }));
}

/** Opens them; `close` sends what waits. They are no library's global traces, so what others would tell stays untold. */
export function openTraces(options: TracesOptions): OpenTraces {
  const ids = createIds();
  const provider = new BasicTracerProvider({
    idGenerator: ids.generator,
    resource: new Resource({
      'service.name': 'clipyard',
      'service.version': options.version,
      'process.pid': process.pid,
    }).merge(detectResourcesSync({ detectors: [envDetectorSync] })),
    spanProcessors: [
      new BatchSpanProcessor(exporterTo(options), { maxQueueSize: MOST_WAITING, exportTimeoutMillis: EXPORT_MS }),
    ],
  });
  const tracer = provider.getTracer('clipyard', options.version);

  /** The video's own span. It is begun wherever another one is to be below it, and ended by one process alone. */
  async function videoSpan(videoId: string, facts: SpanFacts = {}): Promise<Span> {
    // Without the catalog the work that is told of fails as well.
    const video = await options.readVideo(videoId).catch(() => null);
    const { traceParent, createdAt, callerId, dialect, account } = video ?? {};
    const attributes = attributesOf({ videoId, callerId, dialect, account: account ?? undefined, ...facts });
    const told = { attributes, ...(createdAt && { startTime: createdAt }) };
    return ids.with(idsOf(videoId), () => tracer.startSpan('video', told, contextOf(traceParent)));
  }

  async function within<Result>(context: Context, what: SpanOf<Result>, work: () => Promise<Result>): Promise<Result> {
    const { name, kind, facts = {}, tell } = what;
    const span = tracer.startSpan(
      name,
      { kind: kind === 'client' ? SpanKind.CLIENT : SpanKind.INTERNAL, attributes: attributesOf(facts) },
      context,
    );
    try {
      const result = await runWithin(span, work);
      span.setAttributes(attributesOf(tell?.(result) ?? {}));
      return result;
    } catch (error) {
      fail(span, error);
      throw error;
    } finally {
      span.end();
    }
  }

  const current = () => currentSpan<Span>();
  return {
    within(what, work) {
      const span = current();
      return within(span === null ? ROOT_CONTEXT : below(span), what, work);
    },

    async withinVideo(videoId, what, work) {
      const span = await videoSpan(videoId);
      return await within(below(span), { ...what, facts: { videoId, ...what.facts } }, work);
    },

    async endVideo(videoId, facts) {
      (await videoSpan(videoId, facts)).end();
    },

    request(traceParent) {
      const span = tracer.startSpan('request', { kind: SpanKind.SERVER }, contextOf(traceParent));
      return {
        enter: (work) => runWithin(span, work),
        end(facts) {
          span.updateName(`${facts.method} ${facts.route ?? ''}`.trim());
          span.setAttributes(attributesOf(facts));
          if (facts.status !== undefined && facts.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
          span.end();
        },
      };
    },

    note: (facts) => void current()?.setAttributes(attributesOf(facts)),
    traceParent: () => {
      const span = current();
      return span && traceParentOf(span);
    },
    // That the last ones could not be sent was told where they were.
    close: () =>
      withDeadline(
        provider.shutdown().catch(() => undefined),
        LAST_EXPORT_MS,
        () => undefined,
      ),
  };
}
