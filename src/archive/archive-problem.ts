/** What can go wrong between an upstream's link and the archive. */

/**
 * `later` may pass: the result cannot be had yet, and what was downloaded so far is kept. `invalid` and `expired` are
 * final: what is there is not the video, or the time for it is over.
 */
type ArchiveProblemKind = 'later' | 'invalid' | 'expired';

interface ProblemDetails {
  /** Status of the answer that said so. */
  readonly status?: number | undefined;
  /** The upstream's own hint. */
  readonly retryAfterMs?: number | undefined;
  readonly hasBegun?: boolean;
  readonly cause?: unknown;
}

/** Why a clip could not be archived, in a sentence of ours that holds nothing of an answer's body. */
export class ArchiveProblem extends Error {
  readonly kind: ArchiveProblemKind;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  /** Some of the clip has come, and the rest of it can be asked for. */
  readonly hasBegun: boolean;

  constructor(kind: ArchiveProblemKind, message: string, details: ProblemDetails = {}) {
    super(message, { cause: details.cause });
    this.name = 'ArchiveProblem';
    this.kind = kind;
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
    this.hasBegun = details.hasBegun ?? false;
  }
}

/** A transfer that broke off; it can be taken up at once. */
export class CutOff extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'CutOff';
  }
}
