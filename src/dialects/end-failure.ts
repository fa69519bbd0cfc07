/** Why a video has no clip, as every dialect tells it in its own shape. */

import { VIDEO_FAILURES, type VideoFailureKind } from '../domain/failure.ts';
import { failureKindOf, type Video } from '../domain/video.ts';

/** The reason for every end but `completed`; null for that one and while the video runs. */
export function endFailure(
  video: Pick<Video, 'state' | 'failure'>,
): { readonly kind: VideoFailureKind; readonly message: string } | null {
  const kind = failureKindOf(video);
  return kind === null ? null : { kind, message: video.failure?.message ?? VIDEO_FAILURES[kind].meaning };
}
