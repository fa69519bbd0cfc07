/** Rows are kept for so many days after the end of their videos and batches: the sweep removes older ones, piece by piece. */

import { type Db, inTransaction } from '../catalog/driver/database.ts';
import {
  forgetFirstUse,
  type Removal,
  removeBatches,
  removeOrphans,
  removeOtherEvents,
  removeVideos,
} from '../catalog/removals.ts';

export interface RetentionDependencies {
  readonly db: Db;
  /** For ever when absent. */
  readonly keepDays?: number | undefined;
}

const DAY_MS = 24 * 60 * 60_000;
/** Videos, or lines of batches, in one transaction, none of whose statements takes long. */
const PIECE = 200;
/** In one sweep: millions a day. */
const PIECES = 25;

/** Nothing that ended since then is removed: whole days, UTC. */
export function keptSince(keepDays: number): Date {
  return new Date((Math.floor(Date.now() / DAY_MS) - keepDays) * DAY_MS);
}

/** How many were removed: pieces until there is nothing left, or enough for one sweep. */
async function removePieces(
  db: Db,
  endedBefore: Date,
  remove: (tx: Db, removal: Removal) => Promise<number>,
): Promise<number> {
  let removed = 0;
  for (let piece = 0; piece < PIECES; piece++) {
    const count = await inTransaction(db, (tx) => remove(tx, { endedBefore, limit: PIECE }));
    removed += count;
    if (count < PIECE) break;
  }
  return removed;
}

/** Removes the rows of videos, orphans and batches that ended before the days that are kept (whole ones, UTC): how many. */
export async function removeOld({ db, keepDays }: RetentionDependencies): Promise<number> {
  if (keepDays === undefined) return 0;
  const endedBefore = keptSince(keepDays);
  const videos = await removePieces(db, endedBefore, removeVideos);
  const orphans = await removePieces(db, endedBefore, removeOrphans);
  const ofBatches = await removePieces(db, endedBefore, removeBatches);
  await removePieces(db, endedBefore, removeOtherEvents);
  if (videos + orphans > 0) await forgetFirstUse(db, endedBefore);
  return videos + orphans + ofBatches;
}
