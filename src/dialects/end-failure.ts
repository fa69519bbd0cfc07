/** Why a video has no clip, as every dialect tells it in its own shape. */

import { VIDEO_FAILURES, type VideoFailureKind } from '../domain/failure.ts';
import type { Video } from '../domain/video.ts';

/** What an end without a recorded reason comes from. */
const KIND_OF_END = {
  failed: 'upstream_failed',
  cancelled: 'cancelled',
  expired: 'deadline_exceeded',
} as const satisfies Record<string, VideoFailureKind>;

/** The reason for every end but `completed`; null for that one and while the video runs. */
export function endFailure({
  state,
  failure,
}: Pick<Video, 'state' | 'failure'>): { readonly kind: VideoFailureKind; readonly message: string } | null {
  if (state !== 'failed' && state !== 'cancelled' && state !== 'expired') return null;
  const kind = KIND_OF_END[state];
  return { kind: failure?.kind ?? kind, message: failure?.message ?? VIDEO_FAILURES[kind].meaning };
}
