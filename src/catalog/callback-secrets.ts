/** The secrets of callers, which sign what is sent to their callbacks. */

import { inTransaction } from './driver/database.ts';
import { activeSecrets, addSecret, expireSecrets, type WebhookCatalog } from './webhooks.ts';

/** The secrets that sign for a caller now, the newest first; one that has none gets one. */
export async function callbackSecrets(catalog: WebhookCatalog, callerId: string): Promise<readonly string[]> {
  const active = await activeSecrets(catalog, callerId);
  return active.length > 0 ? active : [await addSecret(catalog, callerId)];
}

/** A new secret, shown this once, beside which the old ones sign for so many hours more. */
export async function renewCallbackSecret(
  { db, secrets }: WebhookCatalog,
  callerId: string,
  keepOldHours: number,
): Promise<string> {
  return await inTransaction(db, async (tx) => {
    await expireSecrets(tx, callerId, keepOldHours);
    return await addSecret({ db: tx, secrets }, callerId);
  });
}
