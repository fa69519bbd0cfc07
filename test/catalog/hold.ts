/** A hold by itself, as the acceptance of a video makes it. */

import { sql } from 'drizzle-orm';
import type { Db } from '../../src/catalog/driver/database.ts';
import { type NewHold, newEntryId, readFunds, refusedHold } from '../../src/catalog/ledger.ts';

/**
 * Reserves a video's estimate, once: a second hold of the same video changes nothing.
 * @throws Refusal `insufficient_credit` or `credit_held`.
 */
export async function hold(
  tx: Db,
  { callerId, videoId, amountMicroUsd }: NewHold & { readonly videoId: string },
): Promise<void> {
  const refusal = refusedHold(await readFunds(tx, callerId), { callerId, amountMicroUsd });
  if (refusal) throw refusal;
  await tx.execute(sql`
    select post_entry(${newEntryId()}, now(), ${callerId}, ${videoId}, 'hold', ${-amountMicroUsd}, ${amountMicroUsd}, 0)`);
}
