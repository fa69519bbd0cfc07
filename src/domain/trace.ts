/** Traces as the parts of a process use them: spans around work, and the one of each video that all others are below. */

import type { DialectName } from './vendor.ts';

/** All that a span may say: ids, names of the configuration and fixed words; no prompt, key, link or body. */
export interface SpanFacts {
  readonly videoId?: string | undefined;
  readonly callerId?: string | undefined;
  readonly requestId?: string | undefined;
  readonly dialect?: DialectName | undefined;
  readonly account?: string | undefined;
  readonly taskQueue?: string | undefined;
  readonly deliveryId?: string | undefined;
  /** 1 is the first. */
  readonly attempt?: number | undefined;
  readonly method?: string | undefined;
  /** The pattern. */
  readonly route?: string | undefined;
  /** HTTP status. */
  readonly status?: number | undefined;
  readonly outcome?: string | undefined;
  readonly state?: string | undefined;
  /** The kind of a video's failure. */
  readonly failure?: string | undefined;
}

/** Work that is told as a span. */
export interface SpanOf<Result> {
  readonly name: string;
  /** `client` where another server is waited for. */
  readonly kind?: 'client';
  readonly facts?: SpanFacts;
  /** What its result adds. */
  readonly tell?: (result: Result) => SpanFacts;
}

/** A request that is being answered. */
export interface RequestSpan {
  /** Runs work, and all that follows from it, within the span. */
  enter(work: () => void): void;
  end(facts: SpanFacts): void;
}

export interface Traces {
  /** Does the work within a span of its own, below the one that it is done in; what the work throws is thrown. */
  within<Result>(span: SpanOf<Result>, work: () => Promise<Result>): Promise<Result>;
  /** The same below the video's span, in whichever process and however much later. */
  withinVideo<Result>(videoId: string, span: SpanOf<Result>, work: () => Promise<Result>): Promise<Result>;
  /** Tells the video's own span, from its acceptance to now: once, when its workflow has nothing left to do. */
  endVideo(videoId: string, facts: SpanFacts): Promise<void>;
  /** Begins the span of a request, which goes on the trace that its header `traceparent` names. */
  request(traceParent: string | undefined): RequestSpan;
  /** Adds to the span that is worked in. */
  note(facts: SpanFacts): void;
  /** The span that is worked in, as W3C's `traceparent`; null where there is none. */
  traceParent(): string | null;
}

/** Where no traces are wanted. */
export const NO_TRACES: Traces = {
  within: (_span, work) => work(),
  withinVideo: (_videoId, _span, work) => work(),
  endVideo: async () => undefined,
  request: () => ({ enter: (work) => work(), end: () => undefined }),
  note: () => undefined,
  traceParent: () => null,
};
