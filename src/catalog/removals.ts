/** Removing the rows of what ended long ago. Callers' money columns and sums of costs stay, and so does what the ledger adds up to. */

import { lt, type SQL, sql } from 'drizzle-orm';
import { clipsOf } from './batches.ts';
import { type Db, rowsOf } from './driver/database.ts';
import { accounts } from './tables/accounts.ts';

/** What is removed in one piece. */
export interface Removal {
  readonly endedBefore: Date;
  readonly limit: number;
}

/** The oldest videos that ended before that time and have nothing left to do: media, a hold or a task. */
async function lockOver(tx: Db, { endedBefore, limit }: Removal): Promise<readonly string[]> {
  // Each video asks for its own rows; joined, the tables would be read as a whole.
  const result = await tx.execute(sql`
    select v.id from videos v
    where v.ended_at < ${endedBefore.toISOString()} and v.purged_at is not null and v.settled_micro_usd is not null
      and (select true from submissions s where s.video_id = v.id
        and s.state in ('granted', 'sending', 'unconfirmed', 'running')) is null
      and (select coalesce(bool_or(l.kind = 'release') or not bool_or(l.kind = 'hold'), true)
        from ledger l where l.video_id = v.id)
    order by v.ended_at limit ${limit} for update of v skip locked`);
  return rowsOf<{ readonly id: string }>(result).map(({ id }) => id);
}

/** Removes what was told of these videos or batches. */
async function removeEvents(tx: Db, those: SQL): Promise<void> {
  await tx.execute(sql`
    with gone as (delete from events where video_id = ${those} returning id),
      untold as (delete from deliveries d using gone g where d.event_id = g.id returning d.id)
    delete from delivery_attempts a using untold u where a.delivery_id = u.id`);
  await tx.execute(sql`delete from callbacks where subject_id = ${those}`);
}

/**
 * Removes videos that ended before that time, with all that belongs to them: how many. Of the ledger's entries the sums
 * stay, one entry for each caller and kind, as of the newest that is in it.
 */
export async function removeVideos(tx: Db, removal: Removal): Promise<number> {
  const ids = await lockOver(tx, removal);
  if (ids.length === 0) return 0;
  const those = sql`any(${sql.param([...ids])}::text[])`;
  await tx.execute(sql`
    with removed as (delete from ledger where video_id = ${those} returning *)
    insert into ledger as older (id, caller_id, video_id, kind, amount_micro_usd, at)
    select 'older_' || kind || '_' || caller_id, caller_id, null, kind, sum(amount_micro_usd), max(at)
    from removed group by caller_id, kind
    on conflict (id) do update set
      amount_micro_usd = older.amount_micro_usd + excluded.amount_micro_usd, at = greatest(older.at, excluded.at)`);
  // A task that was an orphan until a submission had it after all is told from one by the submission alone.
  await tx.execute(sql`
    with removed as (delete from submissions where video_id = ${those} returning *)
    delete from orphans o using removed r where o.video_id is null and o.task_id = r.task_id
      and (o.credential = r.credential or o.account = r.account)`);
  await tx.execute(sql`delete from cost_lines where source = ${those} and credential is null`);
  await removeEvents(tx, those);
  await tx.execute(sql`delete from idempotency_keys where video_id = ${those}`);
  await tx.execute(sql`delete from input_image_uses where video_id = ${those}`);
  await tx.execute(sql`delete from video_changes where video_id = ${those}`);
  await tx.execute(sql`delete from videos where id = ${those}`);
  return ids.length;
}

/** Removes lines of a batch from its first on: how many. */
async function removeLines(tx: Db, batchId: string, limit: number): Promise<number> {
  const result = await tx.execute(sql`
    with removed as (
      delete from batch_lines where batch_id = ${batchId} and line in (
        select line from batch_lines where batch_id = ${batchId} order by line limit ${limit})
      returning line, video_id
    ), unused as (
      delete from input_image_uses u using removed r
      where r.video_id is null and u.video_id = ${clipsOf(batchId)}::text || r.line
    )
    select from removed`);
  return rowsOf(result).length;
}

/** Removes batches that ended before that time with their lines, the oldest first: how many rows. One may take several pieces. */
export async function removeBatches(tx: Db, { endedBefore, limit }: Removal): Promise<number> {
  for (let removed = 0; ; ) {
    const result = await tx.execute(sql`
      select id from batches where ended_at < ${endedBefore.toISOString()}
      order by ended_at limit 1 for update skip locked`);
    const [over] = rowsOf<{ readonly id: string }>(result);
    if (!over) return removed;
    removed += await removeLines(tx, over.id, limit - removed);
    if (removed >= limit) return removed;
    await removeEvents(tx, sql`${over.id}`);
    await tx.execute(sql`delete from batches where id = ${over.id}`);
    removed += 1;
    if (removed >= limit) return removed;
  }
}

/** Removes events of batches, jobs and tests of before that time, with what was delivered of them: how many. */
export async function removeOtherEvents(tx: Db, { endedBefore, limit }: Removal): Promise<number> {
  const result = await tx.execute(sql`
    with old as (
      select id from events where video_id not like 'video\\_%' and created_at < ${endedBefore.toISOString()}
      order by created_at limit ${limit} for update skip locked
    ), gone as (
      delete from events e using old where e.id = old.id returning e.id, e.video_id
    ), untold as (
      delete from deliveries d using gone g where d.event_id = g.id returning d.id
    ), unlogged as (
      delete from delivery_attempts a using untold u where a.delivery_id = u.id
    ), uncalled as (
      delete from callbacks c using gone g where c.subject_id = g.video_id
    )
    select from gone`);
  return rowsOf(result).length;
}

/** Removes orphans that ended before that time: how many. */
export async function removeOrphans(tx: Db, { endedBefore, limit }: Removal): Promise<number> {
  const result = await tx.execute(sql`
    with over as (
      select credential, task_id from orphans where ended_at < ${endedBefore.toISOString()} order by ended_at limit ${limit}
    ), removed as (
      delete from orphans o using over where o.credential = over.credential and o.task_id = over.task_id
      returning o.credential, o.task_id
    ), lines as (
      delete from cost_lines l using removed r where l.source = r.task_id and l.credential = r.credential
    )
    select from removed`);
  return rowsOf(result).length;
}

/** Tasks of before that time are none of ours any more in an upstream's list, for the rows that would tell are removed. */
export async function forgetFirstUse(tx: Db, before: Date): Promise<void> {
  await tx.update(accounts).set({ firstUsedAt: before }).where(lt(accounts.firstUsedAt, before));
}
