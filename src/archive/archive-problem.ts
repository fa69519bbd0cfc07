/** What can go wrong between an upstream's link and the archive. */

/** `expired` and `invalid` are final; `later` may pass, and what was downloaded so far is kept for it. */
type ArchiveProblemKind = 'expired' | 'invalid' | 'later';

interface ProblemDetails {
  /** Status of the answer that said so. */
  readonly status?: number;
  /** The upstream's own hint. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** Why a clip could not be archived. */
export class ArchiveProblem extends Error {
  readonly kind: ArchiveProblemKind;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(kind: ArchiveProblemKind, message: string, details: ProblemDetails = {}) {
    super(message, { cause: details.cause });
    this.name = 'ArchiveProblem';
    this.kind = kind;
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** A transfer that broke off; it can be taken up at once. */
export class CutOff extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'CutOff';
  }
}
