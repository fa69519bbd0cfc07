/** Following a video to its end. */

import { setTimeout as sleep } from 'node:timers/promises';
import { isEnded } from '../domain/video.ts';
import { GatewayFailure } from './gateway-client.ts';
import { openProgressView } from './progress.ts';
import type { Session } from './run-command.ts';
import { lookAt, type SnapshotAnswer } from './video-answers.ts';

const BETWEEN_LOOKS_MS = 1000;
/** A gateway that is started again meanwhile is asked this often in a row. */
const MAX_FAILED_LOOKS = 60;

function mayPass(error: unknown): error is GatewayFailure {
  if (!(error instanceof GatewayFailure)) return false;
  return error.status === null || error.status >= 500 || error.status === 429;
}

/**
 * Shows the video's changes until it has ended.
 * @throws GatewayFailure where the first look fails, or too many later ones in a row.
 */
export async function watchVideo({ gateway, output }: Session, id: string): Promise<SnapshotAnswer> {
  const view = openProgressView(output.notes);
  try {
    let last = await lookAt(gateway, id);
    view.update(last.snapshot);
    for (let failedLooks = 0; !isEnded(last.snapshot.state); ) {
      await sleep(BETWEEN_LOOKS_MS, undefined, { signal: gateway.signal });
      try {
        last = await lookAt(gateway, id);
        view.update(last.snapshot);
        failedLooks = 0;
      } catch (error) {
        failedLooks += 1;
        if (!mayPass(error) || failedLooks > MAX_FAILED_LOOKS) throw error;
        await sleep(error.retryAfterMs, undefined, { signal: gateway.signal });
      }
    }
    return last;
  } finally {
    view.close();
  }
}
