/** The transaction that frees a video's slot and grants it to the next one at once. */

import { type Db, inTransaction } from '../catalog/driver/database.ts';
import { settleLateEnd } from '../catalog/ends.ts';
import { grantIn, lockPoolOf } from '../catalog/slots.ts';
import type { SubmissionRow } from '../catalog/submissions.ts';
import { lockVideo, type VideoRow } from '../catalog/videos.ts';
import { announceGrants } from './announce-grants.ts';
import type { SubmissionDependencies } from './dependencies.ts';

/**
 * Takes the locks in the order that everyone takes them: pool, video, submissions, caller.
 * @param free closes the submission; null, and nothing is granted, when another execution has moved it on.
 * @returns whether the slot was freed.
 */
export async function freeSlot(
  dependencies: SubmissionDependencies,
  { account, videoId }: Pick<SubmissionRow, 'account' | 'videoId'>,
  free: (tx: Db, video: VideoRow | null) => Promise<SubmissionRow | null>,
): Promise<boolean> {
  const grants = await inTransaction(dependencies.db, async (tx) => {
    const pool = await lockPoolOf(tx, account);
    const video = await lockVideo(tx, videoId);
    const freed = await free(tx, video);
    if (!freed) return null;
    const granted = await grantIn(tx, pool);
    if (video && video.endedAt !== null) await settleLateEnd(tx, video, freed);
    return granted;
  });
  if (grants === null) return false;
  // The video itself reads from its rows where it goes on.
  await announceGrants(
    dependencies,
    grants.filter((grant) => grant.videoId !== videoId),
  );
  return true;
}
