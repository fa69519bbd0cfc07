/** Deliveries: which are to be started, what each of them sends where, and what became of its attempts. */

import { and, eq, gt, gte, isNotNull, isNull, lt, notInArray, or, sql } from 'drizzle-orm';
import { type AttemptOutcome, FAILING_LONGEST_MS } from '../domain/webhook.ts';
import { type Callback, findCallback } from './callbacks.ts';
import { type Db, inTransaction, rowsOf } from './driver/database.ts';
import { events } from './tables/videos.ts';
import { deliveries, deliveryAttempts, webhookEndpoints } from './tables/webhooks.ts';
import { disableEndpoint, wakeDeliveries } from './webhooks.ts';

/** A process that has taken a first attempt over has this long for it: longer than one takes. */
const CLAIM = sql`interval '30 seconds'`;

/** A delivery of which no attempt was made yet, or that is to be made again. */
export interface Unstarted {
  readonly id: string;
  readonly callerId: string;
  readonly destination: string;
}

/** Whose deliveries are left for later. */
export interface LeftOut {
  readonly destinations: readonly string[];
  readonly callers: readonly string[];
}

/** Takes over so many deliveries that no process has attempted or is attempting, the oldest first, without those left out. */
export async function claimUnstarted(
  db: Db,
  { limit, except: { destinations, callers } }: { readonly limit: number; readonly except: LeftOut },
): Promise<readonly Unstarted[]> {
  const isOther = and(
    notInArray(deliveries.destination, [...destinations]),
    notInArray(deliveries.callerId, [...callers]),
  );
  const result = await db.execute(sql`
    update deliveries set claimed_until = now() + ${CLAIM} where id in (
      select id from deliveries
      where started_at is null and (claimed_until is null or claimed_until < now()) and ${isOther}
      order by created_at limit ${limit} for update skip locked)
    returning id, caller_id as "callerId", destination`);
  return rowsOf<Unstarted>(result);
}

/** From so many failures in a row on, what comes for an endpoint is parked, and one request in a while finds out whether it is back. */
const FAILURES_IN_DOUBT = 20;
const PROBE_EVERY = sql`interval '30 seconds'`;

const inDoubt = sql`failures >= ${FAILURES_IN_DOUBT} and disabled_at is null`;

/** Takes what came for endpoints in doubt out of what is to be started, until they are back. */
export async function parkDeliveries(db: Db): Promise<void> {
  // The lock has a success wait that would find an endpoint back before its last deliveries are parked.
  await db.execute(sql`
    with doubted as materialized (select id from webhook_endpoints where ${inDoubt} for share)
    update deliveries set started_at = now() where started_at is null and destination in (select id from doubted)`);
}

/** For each endpoint in doubt that has not been asked for a while, what has waited longest for it since: their ids. */
export async function listProbes(db: Db): Promise<readonly string[]> {
  const result = await db.execute(sql`
    select oldest.id from webhook_endpoints e cross join lateral (
      select d.id from deliveries d
      where d.destination = e.id and d.created_at >= e.failing_since and d.state = 'waiting'
      order by d.created_at, d.id limit 1) oldest
    where ${inDoubt} and (probe_at is null or probe_at < now())`);
  return rowsOf<{ readonly id: string }>(result).map(({ id }) => id);
}

/** The first attempt was made, and what follows it stands; one that is to be sent again since then is attempted once more. */
export async function noteStarted(db: Db, id: string): Promise<void> {
  const isTaken = and(eq(deliveries.id, id), isNotNull(deliveries.claimedUntil));
  await db.update(deliveries).set({ startedAt: new Date(), claimedUntil: null }).where(isTaken);
}

/** Whose delivery it is; null where it is gone. */
export async function findDeliveryCaller(db: Db, id: string): Promise<string | null> {
  const [row] = await db.select({ callerId: deliveries.callerId }).from(deliveries).where(eq(deliveries.id, id));
  return row?.callerId ?? null;
}

/** What an attempt needs to know. */
export interface DueDelivery {
  readonly id: string;
  readonly state: 'waiting' | 'delivered' | 'failed' | 'stopped';
  readonly eventId: string;
  /** The video, the batch or the job that it tells of; null where that is gone. */
  readonly subjectId: string | null;
  /** Those that were made. */
  readonly attempts: number;
  readonly body: string | null;
  /** One of these two, or neither where it is gone. */
  readonly endpoint: Pick<typeof webhookEndpoints.$inferSelect, 'id' | 'url' | 'disabledAt' | 'failures'> | null;
  readonly callback: Callback | null;
}

/** The delivery as it stands; null where its rows are gone. */
export async function readDue(db: Db, id: string): Promise<DueDelivery | null> {
  const [row] = await db
    .select({
      id: deliveries.id,
      state: deliveries.state,
      eventId: deliveries.eventId,
      subjectId: events.videoId,
      attempts: deliveries.attempts,
      body: events.body,
      destination: deliveries.destination,
      endpoint: {
        id: webhookEndpoints.id,
        url: webhookEndpoints.url,
        disabledAt: webhookEndpoints.disabledAt,
        failures: webhookEndpoints.failures,
      },
    })
    .from(deliveries)
    .leftJoin(events, eq(events.id, deliveries.eventId))
    .leftJoin(webhookEndpoints, eq(webhookEndpoints.id, deliveries.destination))
    .where(eq(deliveries.id, id));
  if (!row) return null;
  const { destination, ...due } = row;
  return { ...due, callback: due.endpoint ? null : await findCallback(db, destination) };
}

/** Whether a request may be sent now: an endpoint in doubt gets one in half a minute, however much waits for it. */
export async function mayAttempt(
  db: Db,
  { id, failures }: Pick<NonNullable<DueDelivery['endpoint']>, 'id' | 'failures'>,
): Promise<boolean> {
  if (failures < FAILURES_IN_DOUBT) return true;
  const result = await db.execute(sql`
    update webhook_endpoints set probe_at = now() + ${PROBE_EVERY}
    where id = ${id} and (failures < ${FAILURES_IN_DOUBT} or probe_at is null or probe_at < now())
    returning true
  `);
  return rowsOf(result).length > 0;
}

/** What an attempt found. */
export interface Attempt {
  readonly at: Date;
  readonly elapsedMs: number;
  readonly status: number | null;
  readonly error: string | null;
  readonly answer: string | null;
}

/** Writes an attempt down with what follows from it, for the delivery and for the health of its endpoint. */
export async function recordAttempt(
  db: Db,
  { id, endpoint }: Pick<DueDelivery, 'id' | 'endpoint'>,
  { attempt, outcome }: { readonly attempt: Attempt; readonly outcome: AttemptOutcome },
): Promise<void> {
  await inTransaction(db, async (tx) => {
    const [row] = await tx
      .update(deliveries)
      .set({ attempts: sql`${deliveries.attempts} + 1`, ...columnsOf(outcome) })
      .where(eq(deliveries.id, id))
      .returning({ n: deliveries.attempts });
    if (!row) return;
    await tx.insert(deliveryAttempts).values({ ...attempt, deliveryId: id, n: row.n });
    if (endpoint) await noteHealth(tx, endpoint.id, { attempt, isDelivered: isDelivered(outcome) });
  });
}

const isDelivered = (outcome: AttemptOutcome) => outcome.kind === 'over' && outcome.end === 'delivered';

function columnsOf(outcome: AttemptOutcome) {
  return outcome.kind === 'over'
    ? { state: outcome.end, endedAt: new Date(), nextAttemptAt: null }
    : { nextAttemptAt: new Date(Date.now() + outcome.waitMs) };
}

/** Gives up, or puts off, a delivery to which nothing was sent. */
export async function settleUnsent(db: Db, id: string, outcome: AttemptOutcome): Promise<void> {
  await db.update(deliveries).set(columnsOf(outcome)).where(eq(deliveries.id, id));
}

const GONE = 410;
const BETWEEN_SUCCESSES_MS = 1000;

async function noteHealth(
  tx: Db,
  endpointId: string,
  { attempt, isDelivered }: { readonly attempt: Attempt; readonly isDelivered: boolean },
): Promise<void> {
  const isIt = eq(webhookEndpoints.id, endpointId);
  if (isDelivered) return await noteSuccess(tx, endpointId, attempt.at);
  const failingSince = sql<Date>`coalesce(${webhookEndpoints.failingSince}, ${attempt.at.toISOString()})`;
  await tx
    .update(webhookEndpoints)
    .set({ failures: sql`${webhookEndpoints.failures} + 1`, failingSince })
    .where(isIt);
  if (attempt.status === GONE) return await disableEndpoint(tx, endpointId, { reason: 'it answered 410' });
  const failingBefore = new Date(Date.now() - FAILING_LONGEST_MS);
  await disableEndpoint(tx, endpointId, { reason: 'nothing but failures for five days', failingBefore });
}

/** A success is written down once a second at most: each of many at once would wait for the one before. */
async function noteSuccess(tx: Db, endpointId: string, at: Date): Promise<void> {
  const isIt = eq(webhookEndpoints.id, endpointId);
  const healthy = { failures: 0, failingSince: null, probeAt: null, lastSuccessAt: at };
  const back = await tx
    .update(webhookEndpoints)
    .set(healthy)
    .where(and(isIt, gte(webhookEndpoints.failures, FAILURES_IN_DOUBT)))
    .returning({ id: webhookEndpoints.id });
  if (back.length > 0) return await wakeDeliveries(tx, endpointId);
  const earlier = new Date(at.getTime() - BETWEEN_SUCCESSES_MS);
  const isNews = or(
    gt(webhookEndpoints.failures, 0),
    isNull(webhookEndpoints.lastSuccessAt),
    lt(webhookEndpoints.lastSuccessAt, earlier),
  );
  await tx.update(webhookEndpoints).set(healthy).where(and(isIt, isNews));
}
