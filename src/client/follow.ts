/** Asking again and again, with patience for a gateway that is started again meanwhile. */

import { setTimeout as sleep } from 'node:timers/promises';
import { type GatewayClient, GatewayFailure, LeftRunning } from './gateway-client.ts';
import type { Stream } from './output.ts';
import { openProgressView, type Picture } from './progress.ts';

const MAX_FAILURES = 60;
const BEFORE_REPEAT_MS = 1000;
const WATCH_POLL_MS = 1000;

/** A gateway that is started again, or is too busy, is asked again; one that refuses is not. */
export function mayPass(error: unknown): error is GatewayFailure {
  if (!(error instanceof GatewayFailure)) return false;
  return error.status === null || error.status >= 500 || error.status === 429;
}

/**
 * Repeats what changes nothing until it succeeds.
 * @throws GatewayFailure where that cannot pass, or does not for too long.
 */
export async function patiently<Answer>(
  gateway: GatewayClient,
  ask: () => Promise<Answer>,
  pauseMs = BEFORE_REPEAT_MS,
): Promise<Answer> {
  for (let failures = 1; ; failures++) {
    try {
      return await ask();
    } catch (error) {
      if (gateway.signal.aborted || !mayPass(error) || failures > MAX_FAILURES) throw error;
      await sleep(error.retryAfterMs + pauseMs, undefined, { signal: gateway.signal });
    }
  }
}

/** How something is followed. */
export interface Following<Seen> {
  readonly pollMs: number;
  look(): Promise<Seen>;
  hasEnded(seen: Seen): boolean;
  show(seen: Seen): void;
}

/**
 * Looks until it has ended, and shows each answer.
 * @returns the last one.
 * @throws GatewayFailure where the first look fails, or too many later ones in a row.
 */
export async function follow<Seen>(
  gateway: GatewayClient,
  { pollMs, look, hasEnded, show }: Following<Seen>,
): Promise<Seen> {
  let seen = await look();
  show(seen);
  while (!hasEnded(seen)) {
    await sleep(pollMs, undefined, { signal: gateway.signal });
    seen = await patiently(gateway, look, pollMs);
    show(seen);
  }
  return seen;
}

/** How something is watched. */
export interface Watching<Seen> extends Pick<Following<Seen>, 'look' | 'hasEnded'> {
  readonly picture: Picture<Seen>;
  readonly notes: Stream;
  /** That it goes on where it is left, and how to come back to it. */
  readonly goesOn: string;
}

/** Shows how far it is until it has ended. @throws as `follow`; LeftRunning where it is interrupted. */
export async function watchProgress<Seen>(
  gateway: GatewayClient,
  { picture, notes, goesOn, ...followed }: Watching<Seen>,
): Promise<Seen> {
  const view = openProgressView(notes, picture);
  try {
    return await follow(gateway, { ...followed, pollMs: WATCH_POLL_MS, show: (seen) => view.update(seen) });
  } catch (error) {
    throw gateway.signal.aborted ? new LeftRunning(goesOn) : error;
  } finally {
    view.close();
  }
}
