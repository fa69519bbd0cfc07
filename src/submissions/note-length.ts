/** Clips of another length than was asked for: they are kept and charged, and operators hear of them. */

import { findVideo } from '../catalog/videos.ts';
import { lengthWarning } from '../domain/clip-length.ts';
import type { ArchivedClip } from '../domain/video.ts';
import type { SubmissionDependencies } from './dependencies.ts';

/** Counts and logs a clip that is more than a second longer or shorter; its video's snapshot says so as well. */
export async function noteLength(
  { db, log, countIncident }: Pick<SubmissionDependencies, 'db' | 'log' | 'countIncident'>,
  videoId: string,
  clip: ArchivedClip,
): Promise<void> {
  const video = await findVideo(db, videoId);
  const warning = video && lengthWarning(clip, video.request);
  if (!warning) return;
  const account = video.account ?? '';
  countIncident('other_length', account);
  log.warn({ videoId, account, model: video.request.model }, warning);
}
