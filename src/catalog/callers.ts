/** Callers: who holds our API keys, found by the key's hash; the keys themselves are never stored. */

import { createHash, randomBytes } from 'node:crypto';
import { and, asc, eq, isNull, type SQL, sql } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import type { Caller } from '../domain/caller.ts';
import { Refusal } from '../domain/failure.ts';
import type { MicroUsd } from '../domain/money.ts';
import type { DialectName } from '../domain/vendor.ts';
import { type Db, inTransaction, isUniqueViolation } from './driver/database.ts';
import { setCredit } from './ledger.ts';
import { callers } from './tables/callers.ts';

/** The caller that may do everything and has no credit limit. */
export const ROOT_CALLER_ID = 'root';

/** A caller as operators see it. */
export interface CallerRecord extends Caller {
  /** Null: no limit. */
  readonly creditMicroUsd: MicroUsd | null;
  readonly availableMicroUsd: MicroUsd;
  readonly heldMicroUsd: MicroUsd;
  readonly spentMicroUsd: MicroUsd;
  readonly createdAt: Date;
  readonly disabledAt: Date | null;
}

/** What an operator may choose; null sets a field back to its default, undefined leaves it as it is. */
export interface CallerSettings {
  readonly name?: string | undefined;
  readonly creditMicroUsd?: MicroUsd | null | undefined;
  readonly maxQueuedVideos?: number | null | undefined;
  readonly maxRunningVideos?: number | null | undefined;
  readonly maxRequestsPerMinute?: number | null | undefined;
  readonly overflow?: 'queue' | 'reject' | null | undefined;
  readonly weight?: number | null | undefined;
  readonly dialect?: DialectName | null | undefined;
  readonly models?: readonly string[] | null | undefined;
  readonly retentionSeconds?: number | null | undefined;
}

const KEY_BYTES = 32;

type CallerRow = typeof callers.$inferSelect;

function toRecord({ keyHash: _hash, unendedVideos: _count, ...row }: CallerRow): CallerRecord {
  return { ...row, isRoot: row.id === ROOT_CALLER_ID };
}

function makeKey(): string {
  return `cy_${randomBytes(KEY_BYTES).toString('base64url')}`;
}

/** Keys are random, so a plain hash is as safe as a slow one, and finding it takes no longer for a near miss. */
function hashKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** Null is the column's default. */
function orDefault<T>(value: T | null | undefined): T | SQL | undefined {
  return value === null ? sql`default` : value;
}

/** Columns for what was chosen, undefined for the rest; the credit is the ledger's to change. */
function toColumns(chosen: CallerSettings) {
  const { name, dialect, models, retentionSeconds, maxRequestsPerMinute } = chosen;
  return {
    name,
    dialect,
    models,
    retentionSeconds,
    maxRequestsPerMinute,
    maxQueuedVideos: orDefault(chosen.maxQueuedVideos),
    maxRunningVideos: orDefault(chosen.maxRunningVideos),
    overflow: orDefault(chosen.overflow),
    weight: orDefault(chosen.weight),
  };
}

/** Bumped by each change in this process, which ends the life of everything cached before. */
let generation = 0;
const CACHE_LIFE_MS = 1000;
const CACHE_SIZE = 10_000;

interface CachedCaller {
  readonly caller: CallerRecord;
  readonly generation: number;
  readonly untilMs: number;
}

const caches = new WeakMap<Db, Map<string, CachedCaller>>();

function cacheOf(db: Db): Map<string, CachedCaller> {
  const cache = caches.get(db) ?? new Map();
  caches.set(db, cache);
  if (cache.size >= CACHE_SIZE) cache.clear();
  return cache;
}

/** The caller with this key, null for an unknown key or a disabled caller; may be a second out of date where another process changed it. */
export async function findCallerByKey(db: Db, key: string): Promise<CallerRecord | null> {
  const cache = cacheOf(db);
  const hash = hashKey(key);
  const cached = cache.get(hash);
  if (cached && cached.generation === generation && cached.untilMs > Date.now()) return cached.caller;
  const asOf = { generation, untilMs: Date.now() + CACHE_LIFE_MS };
  const [row] = await db.select().from(callers).where(eq(callers.keyHash, hash));
  cache.delete(hash);
  if (!row || row.disabledAt !== null) return null;
  const caller = toRecord(row);
  cache.set(hash, { caller, ...asOf });
  return caller;
}

/** The caller. @throws Refusal `not_found`. */
export async function readCaller(db: Db, id: string): Promise<CallerRecord> {
  const [row] = await db.select().from(callers).where(eq(callers.id, id));
  if (!row) throw new Refusal('not_found', `there is no caller ${id}`);
  return toRecord(row);
}

/** The caller as long as its key is good, else null. */
export async function findActiveCaller(db: Db, id: string): Promise<CallerRecord | null> {
  return (await findKeyHolder(db, id))?.caller ?? null;
}

/** The same, with what tells its key from another one. */
export async function findKeyHolder(
  db: Db,
  id: string,
): Promise<{ readonly caller: CallerRecord; readonly keyHash: string } | null> {
  const [row] = await db
    .select()
    .from(callers)
    .where(and(eq(callers.id, id), isNull(callers.disabledAt)));
  return row ? { caller: toRecord(row), keyHash: row.keyHash } : null;
}

/** All callers, the oldest first. */
export async function listCallers(db: Db): Promise<readonly CallerRecord[]> {
  const rows = await db.select().from(callers).orderBy(asc(callers.createdAt), asc(callers.id));
  return rows.map(toRecord);
}

/** Makes a caller and its key, which is shown this once. */
export async function createCaller(
  db: Db,
  chosen: CallerSettings & { readonly name: string },
): Promise<{ readonly caller: CallerRecord; readonly key: string }> {
  const id = `caller_${uuidv7()}`;
  const key = makeKey();
  return await inTransaction(db, async (tx) => {
    await tx.insert(callers).values({ ...toColumns(chosen), id, name: chosen.name, keyHash: hashKey(key) });
    await setCredit(tx, { callerId: id, creditMicroUsd: chosen.creditMicroUsd ?? null });
    return { caller: await readCaller(tx, id), key };
  });
}

async function change(db: Db, id: string, work: (tx: Db) => Promise<void>): Promise<CallerRecord> {
  const changed = await inTransaction(db, async (tx) => {
    await readCaller(tx, id);
    await work(tx);
    return await readCaller(tx, id);
  });
  generation += 1;
  return changed;
}

/**
 * Changes what is given.
 * @throws Refusal `not_found`; `conflict` for a credit limit of root.
 */
export async function updateCaller(db: Db, id: string, chosen: CallerSettings): Promise<CallerRecord> {
  if (id === ROOT_CALLER_ID && typeof chosen.creditMicroUsd === 'number') {
    throw new Refusal('conflict', 'the caller root has no credit limit');
  }
  return await change(db, id, async (tx) => {
    const columns = toColumns(chosen);
    const isEmpty = Object.values(columns).every((value) => value === undefined);
    if (!isEmpty) await tx.update(callers).set(columns).where(eq(callers.id, id));
    if (chosen.creditMicroUsd !== undefined) {
      await setCredit(tx, { callerId: id, creditMicroUsd: chosen.creditMicroUsd });
    }
  });
}

/**
 * Disables a caller's key, or enables it again; its videos go on either way.
 * @throws Refusal `not_found`; `conflict` for root.
 */
export async function setCallerDisabled(db: Db, id: string, isDisabled: boolean): Promise<CallerRecord> {
  if (id === ROOT_CALLER_ID) throw new Refusal('conflict', 'the caller root is always enabled');
  return await change(db, id, async (tx) => {
    const disabledAt = isDisabled ? new Date() : null;
    await tx.update(callers).set({ disabledAt }).where(eq(callers.id, id));
  });
}

/**
 * Makes sure that root exists. A given key replaces the stored one; without one the first process generates it.
 * @returns the generated key, to be shown and kept by the process that generated it, or null.
 */
export async function ensureRootCaller(
  db: Db,
  givenKey: string | null,
): Promise<{ readonly generatedKey: string | null }> {
  const key = givenKey ?? makeKey();
  const keyHash = hashKey(key);
  const row = { id: ROOT_CALLER_ID, name: ROOT_CALLER_ID, keyHash };
  const inserted = await db
    .insert(callers)
    .values(row)
    .onConflictDoNothing({ target: callers.id })
    .returning()
    .catch(refuseTakenKey);
  if (inserted.length > 0) return { generatedKey: givenKey === null ? key : null };
  if (givenKey !== null) {
    await db.update(callers).set({ keyHash }).where(eq(callers.id, ROOT_CALLER_ID)).catch(refuseTakenKey);
    generation += 1;
  }
  return { generatedKey: null };
}

function refuseTakenKey(error: unknown): never {
  if (!isUniqueViolation(error, 'callers_key_hash')) throw error;
  throw new Error('CLIPYARD_ROOT_KEY is the key of another caller; choose another one', { cause: error });
}
