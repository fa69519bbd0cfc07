/** A hold by itself, as the acceptance of a video makes it. */

import { sql } from 'drizzle-orm';
import type { Db } from '../../src/catalog/driver/database.ts';
import { checkCredit, newEntryId } from '../../src/catalog/ledger.ts';
import type { MicroUsd } from '../../src/domain/money.ts';

interface NewHold {
  readonly callerId: string;
  readonly videoId: string;
  readonly amountMicroUsd: MicroUsd;
}

/**
 * Reserves a video's estimate, once: a second hold of the same video changes nothing.
 * @throws Refusal `insufficient_credit` or `credit_held`.
 */
export async function hold(tx: Db, { callerId, videoId, amountMicroUsd }: NewHold): Promise<void> {
  await checkCredit(tx, callerId, amountMicroUsd);
  await tx.execute(sql`
    select post_entry(${newEntryId()}, now(), ${callerId}, ${videoId}, 'hold', ${-amountMicroUsd}, ${amountMicroUsd}, 0)`);
}
