/** Asking for a clip to be fetched again: what that is possible for, and what became of it. */

import type { Db } from '../catalog/driver/database.ts';
import { findCurrentSubmission } from '../catalog/submissions.ts';
import { Refusal } from '../domain/failure.ts';
import { isMediaOver, type Video } from '../domain/video.ts';
import type { VideoWorkflows } from '../domain/video-workflows.ts';
import type { MediaStore } from '../media/media-store.ts';

export interface RearchiveParts {
  readonly db: Db;
  readonly store: MediaStore;
  readonly workflows: Pick<VideoWorkflows, 'rearchive'>;
}

/**
 * Has the clip of a completed video fetched again where its file is missing. Returns when it is there, or when fetching
 * it takes longer than a request should.
 * @throws Refusal `conflict` for every other end (ends are final) and where the clip cannot be had, `unavailable` while
 *   Temporal is away.
 */
export async function rearchiveClip({ db, store, workflows }: RearchiveParts, video: Video): Promise<void> {
  const { id, state, archive } = video;
  if (state !== 'completed' || archive === null) {
    throw new Refusal('conflict', `the video is ${state}; only the clip of a completed one can be archived again`);
  }
  if (isMediaOver(video)) throw new Refusal('conflict', 'the media have been purged');
  if ((await store.sizeBytes(archive.clipKey)) === archive.sizeBytes) return;
  const outcome = await workflows.rearchive(video, await linkExpiry(db, id)).catch((cause: unknown) => {
    throw new Refusal('unavailable', 'Temporal cannot be reached', { retryAfterSeconds: 5, cause });
  });
  if (outcome.kind === 'failed') {
    throw new Refusal('conflict', `the clip could not be archived again: ${outcome.message}`);
  }
}

/** When the upstream's link dies, as ISO 8601. */
async function linkExpiry(db: Db, videoId: string): Promise<string> {
  const taskEnd = (await findCurrentSubmission(db, videoId))?.taskEnd;
  if (taskEnd?.kind !== 'succeeded' || taskEnd.resultUrl === null) {
    throw new Refusal('conflict', "the clip is lost: it came with the upstream's answer, and there is no link to it");
  }
  if (Date.parse(taskEnd.expiresAt) <= Date.now()) {
    throw new Refusal('conflict', `the clip is lost: the upstream's link died at ${taskEnd.expiresAt}`);
  }
  return taskEnd.expiresAt;
}
