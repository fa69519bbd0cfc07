/** The span that is worked in, wherever a promise has led; nothing of OpenTelemetry is loaded for it. */

import { AsyncLocalStorage } from 'node:async_hooks';

/** As far as it has to be known where there may be no tracing. */
interface Spanning {
  spanContext(): { readonly traceId: string };
}

const storage = new AsyncLocalStorage<Spanning>();

/** Runs the work within the span. */
export function runWithin<Result>(span: Spanning, work: () => Result): Result {
  return storage.run(span, work);
}

/** Null outside of all spans. */
export function currentSpan<Span extends Spanning>(): Span | null {
  return (storage.getStore() as Span | undefined) ?? null;
}

/** What the log says of it. */
export function traceField(): { readonly traceId?: string } {
  const span = storage.getStore();
  return span === undefined ? {} : { traceId: span.spanContext().traceId };
}
