/** The catalog as our own routes use it: money, callers, accounts, costs, each call complete in itself. */

import { pauseAccount, resumeAccount } from '../catalog/account-health.ts';
import type { AccountView } from '../catalog/account-views.ts';
import { listAccounts } from '../catalog/account-views.ts';
import { balance, type EntryFilter, listEntries } from '../catalog/balance.ts';
import {
  type CallerRecord,
  type CallerSettings,
  createCaller,
  listCallers,
  readCaller,
  setCallerDisabled,
  updateCaller,
} from '../catalog/callers.ts';
import { refundVideo, settleReviewed } from '../catalog/corrections.ts';
import { type CostFilter, costs } from '../catalog/costs.ts';
import { inTransaction } from '../catalog/driver/database.ts';
import { credit } from '../catalog/ledger.ts';
import { type ModelTimes, readModelTimes } from '../catalog/model-times.ts';
import { addSecret, type WebhookCatalog } from '../catalog/webhooks.ts';
import { Refusal } from '../domain/failure.ts';
import { type GrantDependencies, grantPoolOf } from '../recovery/grants.ts';

export type { ModelTimes };

export interface AdministrationOptions extends WebhookCatalog, GrantDependencies {}

export type Administration = ReturnType<typeof createAdministration>;

/** Every method throws `Refusal` for what cannot be. */
export function createAdministration({ db, secrets, workflows, log }: AdministrationOptions) {
  async function readAccount(id: string): Promise<AccountView> {
    const account = (await listAccounts(db)).find((each) => each.id === id);
    if (account === undefined) throw new Refusal('not_found', `there is no account ${id}`);
    return account;
  }

  return {
    balance: (callerId: string) => balance(db, callerId),
    listEntries: (filter: EntryFilter) => listEntries(db, filter),
    costs: (filter: CostFilter) => costs(db, filter),
    /** How long these models took lately, by model. */
    modelTimes: (models: readonly string[]) => readModelTimes(db, models),
    listCallers: () => listCallers(db),

    /** With its key and the secret that signs its callbacks, both of which are shown this once. */
    async createCaller(chosen: CallerSettings & { readonly name: string }) {
      return await inTransaction(db, async (tx) => {
        const { caller, key } = await createCaller(tx, chosen);
        return { caller, key, callbackSecret: await addSecret({ db: tx, secrets }, caller.id) };
      });
    },

    /** Changes what is given; `isDisabled` turns the key off or on. */
    async updateCaller(id: string, chosen: CallerSettings, isDisabled: boolean | undefined): Promise<CallerRecord> {
      return await inTransaction(db, async (tx) => {
        if (isDisabled !== undefined) await setCallerDisabled(tx, id, isDisabled);
        return await updateCaller(tx, id, chosen);
      });
    },

    async creditCaller(callerId: string, amountMicroUsd: number): Promise<CallerRecord> {
      return await inTransaction(db, async (tx) => {
        await credit(tx, { callerId, amountMicroUsd });
        return await readCaller(tx, callerId);
      });
    },

    refundVideo: (id: string) => refundVideo(db, id),
    settleVideo: (id: string, amountMicroUsd: number) => settleReviewed(db, id, amountMicroUsd),
    listAccounts: () => listAccounts(db),

    async pauseAccount(id: string) {
      await pauseAccount(db, id);
      return await readAccount(id);
    },

    /** Its free slots are granted to the videos that wait; a winner that cannot be told now is told by the sweep. */
    async resumeAccount(id: string) {
      await resumeAccount(db, id);
      await grantPoolOf({ db, workflows, log }, id);
      return await readAccount(id);
    },
  };
}
