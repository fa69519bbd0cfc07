/** Following a video to its end. */

import { isEnded } from '../domain/video.ts';
import { watchProgress } from './follow.ts';
import { drawBar, type Picture } from './progress.ts';
import type { Session } from './run-command.ts';
import { describeState, lookAt, type SnapshotAnswer } from './video-answers.ts';

/** A bar, and the state. */
export const VIDEO_PICTURE: Picture<Pick<SnapshotAnswer, 'snapshot'>> = {
  draw({ snapshot }, { cyan, green, red }) {
    const { state, progress } = snapshot;
    const endColor = state === 'completed' ? green : red;
    const bar = drawBar(state === 'completed' ? 100 : progress, isEnded(state) ? endColor : cyan);
    return [`${bar} ${describeState(snapshot)}`];
  },
  say: ({ snapshot }) => [describeState(snapshot)],
};

/** Shows the video's progress until it has ended. @throws as `watchProgress`. */
export function watchVideo({ gateway, output }: Session, id: string): Promise<SnapshotAnswer> {
  return watchProgress<SnapshotAnswer>(gateway, {
    notes: output.notes,
    picture: VIDEO_PICTURE,
    goesOn: `${id} goes on; to come back to it: clipyard video watch ${id}`,
    look: () => lookAt(gateway, id),
    hasEnded: ({ snapshot }) => isEnded(snapshot.state),
  });
}
