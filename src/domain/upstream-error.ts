/** What is thrown when an exchange with an upstream fails, and how far it had come. */

import type { UpstreamWords } from './failure.ts';

/**
 * How far an exchange came: `not sent` certainly not a byte of it left us; `lost` it may have been acted on, and no
 * complete answer came back; `answered` the upstream answered, but not what was asked for.
 */
export type ExchangePhase = 'not sent' | 'lost' | 'answered';

interface UpstreamErrorDetails {
  readonly upstream?: UpstreamWords;
  readonly retryAfterMs?: number | undefined;
  readonly isPage?: boolean;
  readonly cause?: unknown;
}

/** A failed exchange. Its words are the upstream's own, without our key. */
export class UpstreamError extends Error {
  readonly phase: ExchangePhase;
  readonly upstream: UpstreamWords;
  /** The upstream's wish; undefined where it expressed none. */
  readonly retryAfterMs: number | undefined;
  /** What was answered is a page, as websites and proxies show them. */
  readonly isPage: boolean;

  constructor(phase: ExchangePhase, message: string, details: UpstreamErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.name = 'UpstreamError';
    this.phase = phase;
    this.upstream = details.upstream ?? {};
    this.retryAfterMs = details.retryAfterMs;
    this.isPage = details.isPage ?? false;
  }

  /** HTTP status, as soon as the head of an answer came; undefined before that. */
  get status(): number | undefined {
    return this.upstream.status;
  }
}

/** A request that was held back here: it says nothing of the upstream. */
export class HeldBack extends UpstreamError {
  constructor(message: string, details: { readonly retryAfterMs?: number; readonly cause?: unknown }) {
    super('not sent', message, details);
    this.name = 'HeldBack';
  }
}
