/** Waiting with an agent: progress while its call is open, and never longer than its client holds the line. */

import type { ServerContext } from '@modelcontextprotocol/server';
import { follow } from '../client/follow.ts';
import type { Agent } from './agent.ts';
import type { Work } from './work.ts';

/** Clients give a call up after a minute, many of them also when progress is told. */
export const LONGEST_CALL_MS = 50_000;
const POLL_MS = 1000;
const TOTAL = 100;
/** Progress has to grow with each telling, also where there is none: by this share of what is left. */
const STILL_THERE = 0.001;

/** Tells of progress where the client asked for it; a client that is gone is told nothing. */
function tellerOf<Seen>({ mcpReq }: ServerContext, { progressOf, describe }: Work<Seen>): (seen: Seen) => void {
  const { progressToken } = mcpReq._meta ?? {};
  let told = -1;
  return (seen) => {
    if (progressToken === undefined) return;
    told = Math.max(progressOf(seen), told + STILL_THERE * (TOTAL - told));
    const params = { progressToken, progress: told, total: TOTAL, message: describe(seen) };
    mcpReq.notify({ method: 'notifications/progress', params }).catch(() => undefined);
  };
}

/** A call that waits. */
interface Wait<Seen> {
  readonly work: Work<Seen>;
  /** As it was when it was made. */
  readonly made: Seen;
  /** When the call's time is up. */
  readonly timeUp: AbortSignal;
}

/** What was seen last: the end, or what there was when the time was up, the call given up or the gateway gone. */
export async function waitForEnd<Seen>(
  { gateway, stopping, beginWait }: Agent,
  context: ServerContext,
  { work, made, timeUp }: Wait<Seen>,
): Promise<Seen> {
  let last = made;
  const endWait = work.hasEnded(made) ? null : beginWait();
  if (endWait === null) return last;
  const waiting = gateway.until(AbortSignal.any([context.mcpReq.signal, stopping, timeUp]));
  const tell = tellerOf(context, work);
  try {
    return await follow(waiting, {
      pollMs: POLL_MS,
      look: () => work.look(waiting, work.idOf(made)),
      hasEnded: work.hasEnded,
      show(seen) {
        last = seen;
        tell(seen);
      },
    });
  } catch {
    // What was made goes on without this call, and its id says where.
    return last;
  } finally {
    endWait();
  }
}
