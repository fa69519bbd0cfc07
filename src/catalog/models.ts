/** Models on offer: those that upstreams publish and those that the operator configured, a row per account. */

import { and, asc, eq, not, or, type SQL, sql } from 'drizzle-orm';
import type { ModelConfig, ModelOffer, PublishedModel } from '../domain/models.ts';
import { type Db, inTransaction } from './driver/database.ts';
import { accountModels, accounts } from './tables/accounts.ts';

type NewRow = typeof accountModels.$inferInsert;

/** After every account that an operator put in an order. */
const PUBLISHED_PREFERENCE = 1000;

const FROM_INSERT = {
  upstreamModel: sql.raw('excluded.upstream_model'),
  pricePerSecondMicroUsd: sql.raw('excluded.price_per_second_micro_usd'),
  capabilities: sql.raw('excluded.capabilities'),
  source: sql.raw('excluded.source'),
  preference: sql.raw('excluded.preference'),
  refreshedAt: sql.raw('excluded.refreshed_at'),
};

/** Writes rows in one order, so that no two writers wait in a circle; a suspension outlives the refresh. */
async function upsert(tx: Db, rows: readonly NewRow[], setWhere?: SQL): Promise<void> {
  const keyOf = (row: NewRow) => `${row.account}\0${row.model}`;
  // The last of equal keys wins: one statement may not touch a row twice.
  const byKey = new Map(rows.map((row) => [keyOf(row), row]));
  const values = [...byKey.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  if (values.length === 0) return;
  await tx
    .insert(accountModels)
    .values(values)
    .onConflictDoUpdate({
      target: [accountModels.account, accountModels.model],
      set: FROM_INSERT,
      ...(setWhere && { setWhere }),
    });
}

/** Enters what an account's upstream publishes now; rows that it no longer publishes go, configured ones stay. */
export async function replacePublishedModels(
  db: Db,
  account: string,
  models: readonly PublishedModel[],
): Promise<void> {
  const refreshedAt = new Date();
  const facts = { account, source: 'published', preference: PUBLISHED_PREFERENCE, refreshedAt } as const;
  const rows = models.map((model) => ({ ...model, ...facts, model: model.upstreamModel }));
  const isOwnPublished = and(eq(accountModels.account, account), eq(accountModels.source, 'published'));
  await inTransaction(db, async (tx) => {
    await upsert(tx, rows, eq(accountModels.source, 'published'));
    await tx.delete(accountModels).where(and(isOwnPublished, notAmong(rows)));
  });
  latest.delete(db);
}

/** Enters the operator's models; those that vanished from the configuration go. */
export async function syncConfiguredModels(db: Db, models: readonly ModelConfig[]): Promise<void> {
  const refreshedAt = new Date();
  const rows = models.flatMap(({ id, accounts, upstreamModel, pricePerSecondMicroUsd, ...capabilities }) => {
    const facts = { model: id, upstreamModel, pricePerSecondMicroUsd, capabilities, refreshedAt };
    return accounts.map((account, preference) => ({ ...facts, account, preference, source: 'configured' as const }));
  });
  await inTransaction(db, async (tx) => {
    await upsert(tx, rows);
    await tx.delete(accountModels).where(and(eq(accountModels.source, 'configured'), notAmong(rows)));
  });
  latest.delete(db);
}

/** Rows other than these. */
function notAmong(rows: readonly Pick<NewRow, 'account' | 'model'>[]): SQL | undefined {
  const own = or(
    ...rows.map(({ account, model }) => and(eq(accountModels.account, account), eq(accountModels.model, model))),
  );
  return own && not(own);
}

/** What is on offer, of one model or all, the account to be tried first before the others of the same model. */
export async function listOffers(db: Db, model?: string): Promise<readonly ModelOffer[]> {
  return await db
    .select({
      model: accountModels.model,
      account: accountModels.account,
      provider: accounts.provider,
      mostImages: accounts.mostImages,
      upstreamModel: accountModels.upstreamModel,
      pricePerSecondMicroUsd: accountModels.pricePerSecondMicroUsd,
      capabilities: accountModels.capabilities,
    })
    .from(accountModels)
    .innerJoin(accounts, eq(accounts.id, accountModels.account))
    .where(and(eq(accounts.configured, true), model === undefined ? undefined : eq(accountModels.model, model)))
    .orderBy(asc(accountModels.model), asc(accountModels.preference), asc(accountModels.account));
}

/** How long what other processes change may go unnoticed. */
const LATEST_LIFE_MS = 1000;

interface LatestOffers {
  readonly offers: Promise<readonly ModelOffer[]>;
  readonly untilMs: number;
}

const latest = new WeakMap<Db, LatestOffers>();

/** What is on offer of all models, in the order of `listOffers`; may be a second out of date, since each create asks. */
export function latestOffers(db: Db): Promise<readonly ModelOffer[]> {
  const kept = latest.get(db);
  if (kept && kept.untilMs > Date.now()) return kept.offers;
  const read = { offers: listOffers(db), untilMs: Date.now() + LATEST_LIFE_MS };
  latest.set(db, read);
  // A failure is for those who waited for it, not for who comes after.
  read.offers.catch(() => latest.get(db) === read && latest.delete(db));
  return read.offers;
}
