/** Deliveries as their callers see them, and what callers have sent again or as a test. */

import { and, desc, eq, gte, lt, type SQL, sql } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import { Refusal } from '../domain/failure.ts';
import { type EventType, eventBody } from '../domain/webhook.ts';
import { type Db, inTransaction } from './driver/database.ts';
import { announceDeliveries } from './events.ts';
import { cutPage, type Page } from './page.ts';
import { events } from './tables/videos.ts';
import { deliveries, deliveryAttempts } from './tables/webhooks.ts';

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
