/** Following a video to its end. */

import { setTimeout as sleep } from 'node:timers/promises';
import { isEnded } from '../domain/video.ts';
import { type GatewayClient, GatewayFailure } from './gateway-client.ts';
import { openProgressView } from './progress.ts';
import type { Session } from './run-command.ts';
import { lookAt, type Snapshot, type SnapshotAnswer } from './video-answers.ts';

const POLL_MS = 1000;
/** A gateway that is started again meanwhile is asked this often in a row. */
const MAX_FAILED_POLLS = 60;

function mayPass(error: unknown): error is GatewayFailure {
  if (!(error instanceof GatewayFailure)) return false;
  return error.status === null || error.status >= 500 || error.status === 429;
}

/** How a video is followed. */
export interface Following {
  readonly pollMs: number;
  show(snapshot: Snapshot): void;
}

/**
 * Polls the video until it has ended, and shows each answer.
 * @throws GatewayFailure where the first poll fails, or too many later ones in a row.
 */
export async function followVideo(
  gateway: GatewayClient,
  id: string,
  { pollMs, show }: Following,
): Promise<SnapshotAnswer> {
  let last = await lookAt(gateway, id);
  show(last.snapshot);
  for (let failures = 0; !isEnded(last.snapshot.state); ) {
    await sleep(pollMs, undefined, { signal: gateway.signal });
    try {
      last = await lookAt(gateway, id);
      show(last.snapshot);
      failures = 0;
    } catch (error) {
      failures += 1;
      if (!mayPass(error) || failures > MAX_FAILED_POLLS) throw error;
      await sleep(error.retryAfterMs, undefined, { signal: gateway.signal });
    }
  }
  return last;
}

/** Shows the video's progress on the terminal until it has ended; throws as `followVideo`. */
export async function watchVideo({ gateway, output }: Session, id: string): Promise<SnapshotAnswer> {
  const view = openProgressView(output.notes);
  try {
    return await followVideo(gateway, id, { pollMs: POLL_MS, show: (snapshot) => view.update(snapshot) });
  } finally {
    view.close();
  }
}
