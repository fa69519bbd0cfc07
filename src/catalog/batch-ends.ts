/** Ends of batches, each with its event in one transaction, and batches of which nothing is to be kept. */

import { and, eq, isNull, sql } from 'drizzle-orm';
import type { BatchState } from '../domain/batch.ts';
import type { EndState } from '../domain/video.ts';
import { type BatchRow, clipsOf, type Validated } from './batches.ts';
import { leaveCallback } from './callbacks.ts';
import { type Db, inTransaction } from './driver/database.ts';
import { recordEvent } from './events.ts';
import { batches, batchLines } from './tables/batches.ts';

/** Enters the end of a batch that its transaction has locked, and tells of it. */
async function enterEnd(
  tx: Db,
  { id, callerId }: BatchRow,
  { state, ...change }: Partial<BatchRow> & { readonly state: EndState },
): Promise<BatchRow | null> {
  const [ended] = await tx
    .update(batches)
    .set({ ...change, state, endedAt: new Date() })
    .where(and(eq(batches.id, id), isNull(batches.endedAt)))
    .returning();
  if (ended) await recordEvent(tx, { callerId, subjectId: id, type: `batch.${state}` });
  return ended ?? null;
}

async function lockBatch(tx: Db, id: string): Promise<BatchRow | null> {
  const [batch] = await tx.select().from(batches).where(eq(batches.id, id)).for('update');
  return batch ?? null;
}

/** Ends a batch whose files are written; one that has ended keeps its end. */
export async function endBatch(
  db: Db,
  id: string,
  written: Pick<BatchRow, 'outputFileId' | 'errorFileId'>,
): Promise<BatchState> {
  return await inTransaction(db, async (tx) => {
    const batch = await lockBatch(tx, id);
    if (!batch) throw new Error(`batch ${id} is not in the catalog`);
    if (batch.endedAt !== null) return batch.state;
    const [expired] = await tx
      .select({ line: batchLines.line })
      .from(batchLines)
      .where(and(eq(batchLines.batchId, id), eq(batchLines.code, 'batch_expired')))
      .limit(1);
    // Lines that never became clips need their images no more.
    await tx.execute(sql`update input_image_uses u set ended_at = now() from batch_lines l
      where l.batch_id = ${id} and l.video_id is null and u.video_id = ${clipsOf(id)}::text || l.line and u.ended_at is null`);
    const state = batch.cancelRequestedAt !== null ? 'cancelled' : expired ? 'expired' : 'completed';
    await enterEnd(tx, batch, { ...written, state });
    return state;
  });
}

async function removeLines(tx: Db, id: string): Promise<void> {
  await tx.execute(sql`delete from input_image_uses u using batch_lines l
    where l.batch_id = ${id} and u.video_id = ${clipsOf(id)}::text || l.line`);
  await tx.delete(batchLines).where(eq(batchLines.batchId, id));
}

/** Takes back a batch that was not accepted after all; one that has begun stays. */
export async function forgetBatch(db: Db, id: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    const forgotten = await tx
      .delete(batches)
      .where(and(eq(batches.id, id), eq(batches.state, 'validating')))
      .returning({ id: batches.id });
    if (forgotten.length === 0) return;
    await leaveCallback(tx, id);
    await removeLines(tx, id);
  });
}

/** Ends a batch that is being validated as failed: of its lines nothing is kept. Null for one that is not any more. */
export async function refuseBatch(
  db: Db,
  id: string,
  refused: Partial<Validated & Pick<BatchRow, 'repeatKey'>>,
): Promise<BatchRow | null> {
  return await inTransaction(db, async (tx) => {
    const batch = await lockBatch(tx, id);
    if (batch?.state !== 'validating') return null;
    await removeLines(tx, id);
    return await enterEnd(tx, batch, { ...refused, state: 'failed', failed: 0 });
  });
}

/** Ends batches whose validation went away with its process: nothing of them was made, and their keys are free again. */
export async function endUnvalidated(db: Db, advancedBefore: Date, limit: number): Promise<void> {
  const invalid = [{ line: 0, code: 'interrupted', message: 'the validation was interrupted; submit the batch again' }];
  const lost = await db
    .select({ id: batches.id })
    .from(batches)
    .where(
      and(
        isNull(batches.endedAt),
        eq(batches.state, 'validating'),
        sql`coalesce(${batches.advancedAt}, ${batches.createdAt}) < ${advancedBefore.toISOString()}::timestamptz`,
      ),
    )
    .orderBy(batches.createdAt)
    .limit(limit);
  for (const { id } of lost) await refuseBatch(db, id, { invalid, repeatKey: id });
}
