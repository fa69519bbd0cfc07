/** Grants and queues that went astray: winners that were not told, slots that were not taken, videos in the wrong queue. */

import { readClock } from '../catalog/clock.ts';
import { type Db, inTransaction } from '../catalog/driver/database.ts';
import { grantSlots, grantSlotsOfAccount, requestSlot, takeBackGrant } from '../catalog/slots.ts';
import { noteSignal, type SubmissionRow } from '../catalog/submissions.ts';
import type { Grant } from '../domain/slot.ts';
import { type AnnouncementDependencies, announceGrants } from '../submissions/announce-grants.ts';
import type { SubmissionDependencies } from '../submissions/dependencies.ts';

/** What is granted with, and its winners told. */
export interface GrantDependencies extends AnnouncementDependencies {
  readonly db: Db;
}

/** A slot that was not taken by then is granted to another video. */
const TAKEN_BACK_MS = 3 * 60_000;

/** Tells the winner again, or gives its slot to another video. */
export async function refreshGrant(
  dependencies: GrantDependencies & Pick<SubmissionDependencies, 'countIncident'>,
  grant: SubmissionRow,
): Promise<void> {
  const { db, countIncident, log } = dependencies;
  const { id: submissionId, videoId, account, provider } = grant;
  const now = await readClock(db);
  if (grant.grantedAt.getTime() > now.getTime() - TAKEN_BACK_MS) {
    await noteSignal(db, submissionId);
    return await announceGrants(dependencies, [{ videoId, submissionId, account, provider }]);
  }
  const others = await inTransaction(db, (tx) => takeBackGrant(tx, grant));
  if (others === null) return;
  countIncident('grant_taken_back', account);
  log.warn({ videoId, account }, 'a slot was not taken, and is granted to another video');
  await announceGrants(dependencies, others);
}

/** Queues a video where its model is offered now; how many slots that granted. */
export async function moveQueue(
  dependencies: GrantDependencies,
  { videoId, model }: { readonly videoId: string; readonly model: string },
): Promise<number> {
  return await grant(dependencies, async (tx) => {
    const moved = await requestSlot(tx, videoId, model);
    return moved.kind === 'queued' ? moved.grants : [];
  });
}

/** Grants what a pool can grant; how many slots. */
export async function grantPool(dependencies: GrantDependencies, pool: string): Promise<number> {
  return await grant(dependencies, (tx) => grantSlots(tx, pool));
}

/** The same for the pool of an account. */
export async function grantPoolOf(dependencies: GrantDependencies, account: string): Promise<number> {
  return await grant(dependencies, (tx) => grantSlotsOfAccount(tx, account));
}

async function grant(dependencies: GrantDependencies, work: (tx: Db) => Promise<readonly Grant[]>): Promise<number> {
  const grants = await inTransaction(dependencies.db, work);
  await announceGrants(dependencies, grants);
  return grants.length;
}
