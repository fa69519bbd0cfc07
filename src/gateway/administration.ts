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
import { type Db, inTransaction } from '../catalog/driver/database.ts';
import { credit } from '../catalog/ledger.ts';
import { Refusal } from '../domain/failure.ts';

export interface AdministrationOptions {
  readonly db: Db;
  /** Called when an account was resumed: its slots can be granted. */
  readonly onResumed: (account: string) => Promise<void>;
}

export type Administration = ReturnType<typeof createAdministration>;

/** Every method throws `Refusal` for what cannot be. */
export function createAdministration({ db, onResumed }: AdministrationOptions) {
  async function readAccount(id: string): Promise<AccountView> {
    const account = (await listAccounts(db)).find((each) => each.id === id);
    if (account === undefined) throw new Refusal('not_found', `there is no account ${id}`);
    return account;
  }

  return {
    balance: (callerId: string) => balance(db, callerId),
    listEntries: (filter: EntryFilter) => listEntries(db, filter),
    costs: (filter: CostFilter) => costs(db, filter),
    listCallers: () => listCallers(db),
    createCaller: (chosen: CallerSettings & { readonly name: string }) => createCaller(db, chosen),

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

    async resumeAccount(id: string) {
      await resumeAccount(db, id);
      await onResumed(id);
      return await readAccount(id);
    },
  };
}
