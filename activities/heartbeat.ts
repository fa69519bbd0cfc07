/** Heartbeats of activities that have nothing to tell but that they live. */

import { Context } from '@temporalio/activity';

const HEARTBEAT_MS = 3000;

/** Does the work and beats meanwhile, so that a worker that was killed is noticed within seconds. */
export async function withHeartbeats<Result>(work: () => Promise<Result>): Promise<Result> {
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat(), HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
  }
}
