/** Rows of input images: which video uses which, and which have been unused for long enough to be removed. */

import { and, asc, eq, lt, sql } from 'drizzle-orm';
import type { ImageReference } from '../domain/video-request.ts';
import { type Db, rowsOf } from './driver/database.ts';
import { inputImages, inputImageUses } from './tables/input-images.ts';

/** An image as it is entered. */
export type NewInputImage = Pick<
  typeof inputImages.$inferInsert,
  'sha256' | 'mediaType' | 'sizeBytes' | 'width' | 'height'
>;

/**
 * Enters an image that is about to be stored, or notes that it is wanted again. Before its bytes are written: from here
 * on no purge takes them away.
 */
export async function enterInputImage(db: Db, image: NewInputImage): Promise<void> {
  const now = new Date();
  await db
    .insert(inputImages)
    .values({ ...image, storedAt: now, lastUsedAt: now })
    .onConflictDoUpdate({ target: inputImages.sha256, set: { lastUsedAt: now } });
}

/** Notes that a stored image is wanted again; false where there is none any more. */
export async function touchInputImage(db: Db, sha256: string): Promise<boolean> {
  const touched = await db
    .update(inputImages)
    .set({ lastUsedAt: new Date() })
    .where(eq(inputImages.sha256, sha256))
    .returning({ sha256: inputImages.sha256 });
  return touched.length > 0;
}

/** What is known of a stored image, null once it is forgotten. */
export async function findInputImage(db: Db, sha256: string) {
  const [row] = await db.select().from(inputImages).where(eq(inputImages.sha256, sha256));
  return row ?? null;
}

/** Notes what a video is made from, in the transaction that enters it; images at URLs are none of ours. */
export async function useInputImages(tx: Db, videoId: string, images: readonly ImageReference[]): Promise<void> {
  const stored = images.flatMap((image) => (image.kind === 'stored' ? [image.sha256] : []));
  // In order, so that two videos with the same images never wait for each other.
  for (const sha256 of [...new Set(stored)].sort()) {
    await touchInputImage(tx, sha256);
    await tx.insert(inputImageUses).values({ sha256, videoId }).onConflictDoNothing();
  }
}

/** What the images hold that a caller's videos use which have not ended, each counted once. */
export async function imageBytesOf(db: Db, callerId: string): Promise<number> {
  const result = await db.execute(sql`
    select coalesce(sum(size_bytes), 0)::float8 as bytes from input_images where sha256 in (
      select u.sha256 from videos v join input_image_uses u on u.video_id = v.id
      where v.caller_id = ${callerId} and v.ended_at is null)`);
  return rowsOf<{ readonly bytes: number }>(result)[0]?.bytes ?? 0;
}

/** Images that were not wanted since, and whose videos have all ended before that. */
function unusedSince(since: Date) {
  const isUsed = sql`(select ended_at is null or ended_at >= ${since.toISOString()} from ${inputImageUses} used
    where used.sha256 = ${inputImages.sha256} order by ended_at desc limit 1)`;
  return and(lt(inputImages.lastUsedAt, since), sql`${isUsed} is not true`);
}

/** Hashes of images that have not been used since, those of the longest ago first. */
export async function listUnusedImages(db: Db, since: Date, limit: number): Promise<readonly string[]> {
  const rows = await db
    .select({ sha256: inputImages.sha256 })
    .from(inputImages)
    .where(unusedSince(since))
    .orderBy(asc(inputImages.lastUsedAt))
    .limit(limit);
  return rows.map(({ sha256 }) => sha256);
}

/**
 * Removes an image's rows if it is still unused; false if it is not. Until this transaction ends, a new request
 * waits here: the bytes are to be removed before that, so that they are never taken for present while they go.
 */
export async function forgetInputImage(tx: Db, sha256: string, since: Date): Promise<boolean> {
  const forgotten = await tx
    .delete(inputImages)
    .where(and(eq(inputImages.sha256, sha256), unusedSince(since)))
    .returning({ sha256: inputImages.sha256 });
  if (forgotten.length === 0) return false;
  await tx.delete(inputImageUses).where(eq(inputImageUses.sha256, sha256));
  return true;
}
