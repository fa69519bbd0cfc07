/** What an error of Temporal's says about the start that met it: about this video, or about Temporal itself. */

/** gRPC status codes that mean something here. */
const INVALID_ARGUMENT = 3;
const AWAY: readonly number[] = [4, 14];

/** A namespace that lacks our search attributes calls every start invalid: the operator's to repair, no video's fault. */
const ABOUT_THE_NAMESPACE = /search attribute/i;

interface GrpcError {
  readonly code: number;
  readonly message: string;
}

/** The client wraps what gRPC reports; null where something else went wrong. */
function findGrpcError(error: unknown): GrpcError | null {
  for (let current = error; current instanceof Error; current = current.cause) {
    if ('code' in current && typeof current.code === 'number') {
      const details = 'details' in current && typeof current.details === 'string' ? current.details : current.message;
      return { code: current.code, message: details };
    }
  }
  return null;
}

/** Temporal's words when it will never start this video; null when another try may succeed. */
export function readRefusal(error: unknown): string | null {
  const found = findGrpcError(error);
  if (found?.code !== INVALID_ARGUMENT || ABOUT_THE_NAMESPACE.test(found.message)) return null;
  return found.message;
}

/** Whether Temporal did not answer at all: then the next start fails as well, and as slowly. */
export function isAway(error: unknown): boolean {
  return AWAY.includes(findGrpcError(error)?.code ?? Number.NaN);
}
