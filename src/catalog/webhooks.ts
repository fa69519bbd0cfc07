/** Callers' webhook endpoints and their secrets. */

import { randomBytes } from 'node:crypto';
import { and, desc, eq, gt, isNull, lt, or } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import { Refusal } from '../domain/failure.ts';
import type { EventType, EventWords } from '../domain/webhook.ts';
import { type Db, inTransaction } from './driver/database.ts';
import { announceDeliveries } from './events.ts';
import type { SecretBox } from './secret-box.ts';
import { deliveries, webhookEndpoints, webhookSecrets } from './tables/webhooks.ts';

export type EndpointRow = typeof webhookEndpoints.$inferSelect;

/** An endpoint as its caller sees it. */
export interface Endpoint extends Omit<EndpointRow, 'callerId' | 'probeAt' | 'words'> {
  /** The end of its newest secret. */
  readonly secretHint: string;
}

/** What a caller wants of an endpoint. */
export interface NewEndpoint {
  readonly callerId: string;
  readonly url: string;
  readonly description: string | null;
  readonly events: readonly EventType[];
  readonly words: EventWords;
}

/** What may be changed of an endpoint; undefined leaves it as it is. */
export interface EndpointChange {
  readonly url?: string | undefined;
  readonly description?: string | null | undefined;
  readonly events?: readonly EventType[] | undefined;
  readonly enabled?: boolean | undefined;
}

/** What endpoints are kept with. */
export interface WebhookCatalog {
  readonly db: Db;
  readonly secrets: SecretBox;
}

const SECRET_BYTES = 32;
const HINT_LENGTH = 4;
/** Of one caller. */
const MOST_ENDPOINTS = 50;
/** One statement signs with all of them. */
const MOST_SECRETS = 8;

/** As much of a secret as tells it from others. */
const hintOf = (secret: string) => `whsec_…${secret.slice(-HINT_LENGTH)}`;

/** In its place for a secret that was sealed under another key, which no key of ours reads again. */
const UNREADABLE_HINT = 'unreadable, to be replaced';

const makeSecret = () => `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;

function toEndpoint(
  { callerId: _callerId, probeAt: _probeAt, words: _words, ...row }: EndpointRow,
  secretHint: string,
): Endpoint {
  return { ...row, secretHint };
}

async function readSealed(db: Db, owner: string): Promise<readonly string[]> {
  const isActive = or(isNull(webhookSecrets.expiresAt), gt(webhookSecrets.expiresAt, new Date()));
  const rows = await db
    .select({ sealed: webhookSecrets.sealed })
    .from(webhookSecrets)
    .where(and(eq(webhookSecrets.owner, owner), isActive))
    .orderBy(desc(webhookSecrets.createdAt), desc(webhookSecrets.id))
    .limit(MOST_SECRETS);
  return rows.map(({ sealed }) => sealed);
}

/** The secrets that sign for an endpoint or a caller now, the newest first. @throws Error where one cannot be read. */
export async function activeSecrets({ db, secrets }: WebhookCatalog, owner: string): Promise<readonly string[]> {
  return (await readSealed(db, owner)).map((sealed) => secrets.open(sealed));
}

/** The end of the newest of them; null where there is none. One that cannot be read hides nothing else of its owner. */
export async function newestHint({ db, secrets }: WebhookCatalog, owner: string): Promise<string | null> {
  const [newest] = await readSealed(db, owner);
  if (newest === undefined) return null;
  try {
    return hintOf(secrets.open(newest));
  } catch {
    return UNREADABLE_HINT;
  }
}

/** Gives an endpoint or a caller one more secret, which is shown this once. */
export async function addSecret({ db, secrets }: WebhookCatalog, owner: string): Promise<string> {
  const secret = makeSecret();
  const row = { id: uuidv7(), owner, sealed: secrets.seal(secret), createdAt: new Date() };
  await db.insert(webhookSecrets).values(row);
  return secret;
}

/** Makes an endpoint and its secret, which is shown this once. @throws Refusal `conflict` beyond fifty. */
export async function createEndpoint(
  { db, secrets }: WebhookCatalog,
  wanted: NewEndpoint,
): Promise<{ readonly endpoint: Endpoint; readonly secret: string }> {
  return await inTransaction(db, async (tx) => {
    const others = await listRows(tx, wanted.callerId);
    if (others.length >= MOST_ENDPOINTS) throw new Refusal('conflict', `a key may have ${MOST_ENDPOINTS} endpoints`);
    const [row] = await tx
      .insert(webhookEndpoints)
      .values({ ...wanted, id: `we_${uuidv7()}`, createdAt: new Date() })
      .returning();
    if (!row) throw new Error('the endpoint was not entered');
    const secret = await addSecret({ db: tx, secrets }, row.id);
    return { endpoint: toEndpoint(row, hintOf(secret)), secret };
  });
}

async function listRows(db: Db, callerId: string): Promise<readonly EndpointRow[]> {
  return await db
    .select()
    .from(webhookEndpoints)
    .where(eq(webhookEndpoints.callerId, callerId))
    .orderBy(webhookEndpoints.createdAt, webhookEndpoints.id)
    .limit(MOST_ENDPOINTS);
}

/** A caller's own endpoint. @throws Refusal `not_found`. */
async function readRow(db: Db, callerId: string, id: string): Promise<EndpointRow> {
  const isOwn = and(eq(webhookEndpoints.id, id), eq(webhookEndpoints.callerId, callerId));
  const [row] = await db.select().from(webhookEndpoints).where(isOwn);
  if (!row) throw new Refusal('not_found', `there is no webhook endpoint ${id}`);
  return row;
}

async function show(catalog: WebhookCatalog, row: EndpointRow): Promise<Endpoint> {
  return toEndpoint(row, (await newestHint(catalog, row.id)) ?? hintOf(''));
}

/** All endpoints of a caller, the oldest first. */
export async function listEndpoints(catalog: WebhookCatalog, callerId: string): Promise<readonly Endpoint[]> {
  const endpoints: Endpoint[] = [];
  for (const row of await listRows(catalog.db, callerId)) endpoints.push(await show(catalog, row));
  return endpoints;
}

/** One of them. @throws Refusal `not_found`. */
export async function readEndpoint(catalog: WebhookCatalog, callerId: string, id: string): Promise<Endpoint> {
  return await show(catalog, await readRow(catalog.db, callerId, id));
}

/** Changes what is given; one that is enabled is taken for healthy. @throws Refusal `not_found`. */
export async function changeEndpoint(
  { db, secrets }: WebhookCatalog,
  { callerId, id }: Pick<EndpointRow, 'callerId' | 'id'>,
  { enabled, ...chosen }: EndpointChange,
): Promise<Endpoint> {
  return await inTransaction(db, async (tx) => {
    await readRow(tx, callerId, id);
    if (enabled === false) await disableEndpoint(tx, id, { reason: 'disabled by its caller' });
    const columns = { ...chosen, ...(enabled && ENABLED) };
    const isEmpty = Object.values(columns).every((value) => value === undefined);
    if (!isEmpty) await tx.update(webhookEndpoints).set(columns).where(eq(webhookEndpoints.id, id));
    return await show({ db: tx, secrets }, await readRow(tx, callerId, id));
  });
}

const ENABLED = { disabledAt: null, disabledReason: null, failingSince: null, failures: 0, probeAt: null };

/** Disables an endpoint (where given, one that has only failed since before then) and stops what waits for it. */
export async function disableEndpoint(
  tx: Db,
  id: string,
  { reason, failingBefore }: { readonly reason: string; readonly failingBefore?: Date },
): Promise<void> {
  const isIt = and(eq(webhookEndpoints.id, id), isNull(webhookEndpoints.disabledAt));
  const isOver = failingBefore && lt(webhookEndpoints.failingSince, failingBefore);
  const disabled = await tx
    .update(webhookEndpoints)
    .set({ disabledAt: new Date(), disabledReason: reason })
    .where(and(isIt, isOver))
    .returning({ id: webhookEndpoints.id });
  if (disabled.length > 0) await stopDeliveries(tx, id);
}

const isWaitingFor = (endpointId: string) =>
  and(eq(deliveries.destination, endpointId), eq(deliveries.state, 'waiting'));

async function stopDeliveries(tx: Db, endpointId: string): Promise<void> {
  await tx
    .update(deliveries)
    .set({ state: 'stopped', endedAt: new Date(), nextAttemptAt: null })
    .where(isWaitingFor(endpointId));
}

/** Has everything that waits for an endpoint started, or told to try now: it is back. */
export async function wakeDeliveries(tx: Db, endpointId: string): Promise<void> {
  await tx.update(deliveries).set({ startedAt: null, claimedUntil: null }).where(isWaitingFor(endpointId));
  await announceDeliveries(tx);
}

/** Removes an endpoint; what waits for it is told to no one. @throws Refusal `not_found`. */
export async function deleteEndpoint({ db }: WebhookCatalog, callerId: string, id: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    await readRow(tx, callerId, id);
    await tx.delete(webhookEndpoints).where(eq(webhookEndpoints.id, id));
    await tx.delete(webhookSecrets).where(eq(webhookSecrets.owner, id));
    await stopDeliveries(tx, id);
  });
}

const HOUR_MS = 60 * 60_000;

/** Has an owner's secrets sign for so many hours more, and no longer. */
export async function expireSecrets(tx: Db, owner: string, keepHours: number): Promise<void> {
  const expiresAt = new Date(Date.now() + keepHours * HOUR_MS);
  const isLonger = or(isNull(webhookSecrets.expiresAt), gt(webhookSecrets.expiresAt, expiresAt));
  await tx
    .update(webhookSecrets)
    .set({ expiresAt })
    .where(and(eq(webhookSecrets.owner, owner), isLonger));
}

/** Removes secrets that do not sign any more. */
export async function deleteExpiredSecrets(db: Db): Promise<void> {
  await db.delete(webhookSecrets).where(lt(webhookSecrets.expiresAt, new Date()));
}

/** Gives an endpoint a new secret, beside which the old ones sign for so many hours more. @throws Refusal `not_found`. */
export async function rotateSecret(
  { db, secrets }: WebhookCatalog,
  { callerId, id }: Pick<EndpointRow, 'callerId' | 'id'>,
  keepOldHours: number,
): Promise<{ readonly endpoint: Endpoint; readonly secret: string }> {
  return await inTransaction(db, async (tx) => {
    const row = await readRow(tx, callerId, id);
    await expireSecrets(tx, id, keepOldHours);
    const secret = await addSecret({ db: tx, secrets }, id);
    return { endpoint: toEndpoint(row, hintOf(secret)), secret };
  });
}
