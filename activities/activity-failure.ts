/** How activities fail: under a type of the failure tables, which decide whether another attempt is made. */

import { ApplicationFailure } from '@temporalio/common';
import { defined } from '../src/domain/defined.ts';
import { type ActivityFailureType, passes, type UpstreamWords } from '../src/domain/failure.ts';

interface FailureDetails {
  readonly upstream?: UpstreamWords;
  readonly cause?: Error;
  /** When the next attempt is made, where there is one; Temporal's own backoff when absent. */
  readonly retryAfterMs?: number;
}

/** The failure that Temporal is told; where in our code it was found says nothing to those who read it. */
export function activityFailure(
  type: ActivityFailureType,
  message: string,
  { upstream, cause, retryAfterMs }: FailureDetails = {},
): ApplicationFailure {
  const failure = ApplicationFailure.create({
    type,
    message,
    nonRetryable: !passes(type),
    details: upstream === undefined ? [] : [upstream],
    ...defined({ cause, nextRetryDelay: retryAfterMs }),
  });
  failure.stack = '';
  return failure;
}
