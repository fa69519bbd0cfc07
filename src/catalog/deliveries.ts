/** Deliveries: which are to be started, what each of them sends where, and what became of its attempts. */

import { and, desc, eq, gt, gte, isNotNull, isNull, lt, notInArray, or, type SQL, sql } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import { Refusal } from '../domain/failure.ts';
import { type AttemptOutcome, type EventType, eventBody, FAILING_LONGEST_MS } from '../domain/webhook.ts';
import { type Callback, findCallback } from './callbacks.ts';
import { type Db, inTransaction, rowsOf } from './driver/database.ts';
import { announceDeliveries } from './events.ts';
import { cutPage, type Page } from './page.ts';
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

type DeliveryRow = typeof deliveries.$inferSelect;

/** A delivery as its caller sees it. */
export interface DeliveryView
  extends Pick<DeliveryRow, 'id' | 'eventId' | 'state' | 'attempts' | 'createdAt' | 'nextAttemptAt' | 'endedAt'> {
  readonly endpointId: string;
  readonly type: EventType;
  readonly test: boolean;
  readonly lastStatus: number | null;
  readonly lastError: string | null;
}

const lastOf = (column: 'status' | 'error') =>
  sql.raw(`(
  select a.${column} from delivery_attempts a where a.delivery_id = deliveries.id order by a.n desc limit 1)`);

const VIEW = {
  id: deliveries.id,
  eventId: deliveries.eventId,
  endpointId: deliveries.destination,
  type: events.type,
  test: deliveries.isTest,
  state: deliveries.state,
  attempts: deliveries.attempts,
  createdAt: deliveries.createdAt,
  nextAttemptAt: deliveries.nextAttemptAt,
  endedAt: deliveries.endedAt,
  lastStatus: lastOf('status') as SQL<number | null>,
  lastError: lastOf('error') as SQL<string | null>,
};

/** A page of an endpoint's deliveries, newest first; `cursor` is the id of the last one of the page before. */
export async function listDeliveries(
  db: Db,
  destination: string,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<Page<DeliveryView>> {
  const after = cursor === undefined ? undefined : lt(deliveries.id, cursor);
  const rows = await db
    .select(VIEW)
    .from(deliveries)
    .innerJoin(events, eq(events.id, deliveries.eventId))
    .where(and(eq(deliveries.destination, destination), after))
    .orderBy(desc(deliveries.id))
    .limit(limit + 1);
  return cutPage(rows, limit, ({ id }) => id);
}

const isOwnDelivery = (callerId: string, id: string) => and(eq(deliveries.id, id), eq(deliveries.callerId, callerId));

/** Has a delivery sent again, with the id and the bytes that it had. @throws Refusal `not_found`. */
export async function replayDelivery(db: Db, callerId: string, id: string): Promise<DeliveryView> {
  await replay(db, isOwnDelivery(callerId, id));
  return await readDelivery(db, callerId, id);
}

/** A caller's own delivery. @throws Refusal `not_found`. */
export async function readDelivery(db: Db, callerId: string, id: string): Promise<DeliveryView> {
  const [row] = await db
    .select(VIEW)
    .from(deliveries)
    .innerJoin(events, eq(events.id, deliveries.eventId))
    .where(isOwnDelivery(callerId, id));
  if (!row) throw new Refusal('not_found', `there is no delivery ${id}`);
  return row;
}

/** More than the endpoints of a caller are in practice. */
const MOST_OF_ONE = 200;

/** What was to be told of a video, and to whom, the oldest first. */
export async function listDeliveriesOf(db: Db, videoId: string): Promise<readonly DeliveryView[]> {
  return await db
    .select(VIEW)
    .from(deliveries)
    .innerJoin(events, eq(events.id, deliveries.eventId))
    .where(eq(events.videoId, videoId))
    .orderBy(deliveries.id)
    .limit(MOST_OF_ONE);
}

/** A delivery with what is sent, and with each attempt. */
export interface DeliveryLog extends DeliveryView {
  readonly body: string | null;
  readonly log: readonly Omit<typeof deliveryAttempts.$inferSelect, 'deliveryId' | 'n'>[];
}

/** A caller's own. @throws Refusal `not_found`. */
export async function readDeliveryLog(db: Db, callerId: string, id: string): Promise<DeliveryLog> {
  const view = await readDelivery(db, callerId, id);
  const [event] = await db.select({ body: events.body }).from(events).where(eq(events.id, view.eventId));
  const { at, elapsedMs, status, error, answer } = deliveryAttempts;
  const log = await db
    .select({ at, elapsedMs, status, error, answer })
    .from(deliveryAttempts)
    .where(eq(deliveryAttempts.deliveryId, id))
    .orderBy(deliveryAttempts.n);
  return { ...view, body: event?.body ?? null, log };
}

/** Has sent again what was to be told to an endpoint in a time: how many. */
export async function replayRange(
  db: Db,
  destination: string,
  { from, to }: { readonly from: Date; readonly to: Date },
) {
  const isIn = and(
    eq(deliveries.destination, destination),
    gte(deliveries.createdAt, from),
    lt(deliveries.createdAt, to),
  );
  return await replay(db, isIn);
}

const AGAIN = { state: 'waiting', endedAt: null, nextAttemptAt: null, startedAt: null, claimedUntil: null } as const;

async function replay(db: Db, which: SQL | undefined): Promise<number> {
  const changed = await db.update(deliveries).set(AGAIN).where(which).returning({ id: deliveries.id });
  await announceDeliveries(db);
  return changed.length;
}

/** Enters an event that tells of no real thing, for one endpoint: the delivery's id. */
export async function deliverTest(
  db: Db,
  { callerId, endpointId, type }: { readonly callerId: string; readonly endpointId: string; readonly type: EventType },
): Promise<string> {
  return await inTransaction(db, async (tx) => {
    const id = `evt_${uuidv7()}`;
    const at = new Date();
    const shown = type.startsWith('batch.') ? 'batch_test' : 'video_test';
    const body = eventBody({ id, type, subjectId: shown, at });
    // Its subject is its own: each test is an event of its own.
    await tx.insert(events).values({ id, callerId, videoId: id, type, createdAt: at, body });
    const delivery = { id: uuidv7(), eventId: id, callerId, destination: endpointId, isTest: true, createdAt: at };
    await tx.insert(deliveries).values({ ...delivery, state: 'waiting' });
    await announceDeliveries(tx);
    return delivery.id;
  });
}
