/** Following a video to its end. */

import { isEnded } from '../domain/video.ts';
import { follow } from './follow.ts';
import { LeftRunning } from './gateway-client.ts';
import { drawBar, openProgressView, type Picture } from './progress.ts';
import type { Session } from './run-command.ts';
import { describeState, lookAt, type Snapshot, type SnapshotAnswer } from './video-answers.ts';

const POLL_MS = 1000;

/** A bar, and the state. */
export const VIDEO_PICTURE: Picture<Snapshot> = {
  draw(snapshot, { cyan, green, red }) {
    const { state, progress } = snapshot;
    const endColor = state === 'completed' ? green : red;
    const bar = drawBar(state === 'completed' ? 100 : progress, isEnded(state) ? endColor : cyan);
    return [`${bar} ${describeState(snapshot)}`];
  },
  say: (snapshot) => [describeState(snapshot)],
};

/** Shows the video's progress until it has ended. @throws as `follow`; LeftRunning where it is interrupted. */
export async function watchVideo({ gateway, output }: Session, id: string): Promise<SnapshotAnswer> {
  const view = openProgressView(output.notes, VIDEO_PICTURE);
  try {
    return await follow(gateway, {
      pollMs: POLL_MS,
      look: () => lookAt(gateway, id),
      hasEnded: ({ snapshot }) => isEnded(snapshot.state),
      show: ({ snapshot }) => view.update(snapshot),
    });
  } catch (error) {
    if (!gateway.signal.aborted) throw error;
    throw new LeftRunning(`${id} goes on; to come back to it: clipyard video watch ${id}`);
  } finally {
    view.close();
  }
}
