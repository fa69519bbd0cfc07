/** A request that the sandbox refuses; each face renders it in its own error shape. */

interface RefusalHints {
  /** The field that is at fault, in the words of `WantedClip` or of the body. */
  readonly field?: string | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

/** Thrown by handlers; `message` is meant for the one who called. */
export class SandboxRefusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly field: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, code: string, message: string, hints: RefusalHints = {}) {
    super(message);
    this.name = 'SandboxRefusal';
    this.status = status;
    this.code = code;
    this.field = hints.field;
    this.retryAfterSeconds = hints.retryAfterSeconds;
  }
}

/** Any error as a refusal: Fastify's own (bad JSON, body too large) keep their status, the rest is a 500. */
export function toRefusal(error: unknown): SandboxRefusal {
  if (error instanceof SandboxRefusal) return error;
  const text = error instanceof Error ? error.message : String(error);
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  return status >= 400 && status < 500
    ? new SandboxRefusal(status, 'invalid_request', text)
    : new SandboxRefusal(500, 'internal_error', text);
}
