/** What is told of a request once its answer has been sent: to the log and to the metrics. */

import type { DialectName } from './vendor.ts';

/** A request whose answer has been sent. */
export interface AnsweredRequest {
  /** Null on our own routes. */
  readonly dialect: DialectName | null;
  readonly method: string;
  /** The pattern; null where there is no such route. */
  readonly route: string | null;
  readonly status: number;
  readonly elapsedMs: number;
}
