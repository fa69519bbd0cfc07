/** Events: what callers can be told of, written in the transaction of what they tell, with what is to be delivered where. */

import { and, eq, isNull, sql } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import { type EventType, type EventWords, eventBody, inOpenAiWords, jobEvent } from '../domain/webhook.ts';
import { callbackOf, endOfJob } from './callbacks.ts';
import type { Db } from './driver/database.ts';
import { events } from './tables/videos.ts';
import { callbacks, deliveries, webhookEndpoints } from './tables/webhooks.ts';

/** Tells the processes that start deliveries that there are new ones. */
export const DELIVERY_CHANNEL = 'clipyard_delivery';

/** What happened to a video or a batch. */
export interface NewEvent {
  readonly callerId: string;
  readonly subjectId: string;
  readonly type: EventType;
}

const WORDS: readonly EventWords[] = ['own', 'openai'];

/**
 * Records an event, once for its subject and type, and a delivery to each endpoint of the caller that wants it and to the
 * subject's callback. Belongs into the transaction of the end that it tells of. Where there is neither, that costs two
 * index lookups inside the insert.
 */
export async function recordEvent(tx: Db, { callerId, subjectId, type }: NewEvent): Promise<void> {
  const at = new Date();
  const recorded = await enterEvent(tx, { callerId, subjectId, type }, { at });
  if (recorded?.hasCallback) await tellCallback(tx, recorded.id, { subjectId, at });
  if (!recorded?.hasEndpoints) return;
  const endpoints = await tx
    .select({ id: webhookEndpoints.id, words: webhookEndpoints.words, events: webhookEndpoints.events })
    .from(webhookEndpoints)
    .where(and(eq(webhookEndpoints.callerId, callerId), isNull(webhookEndpoints.disabledAt)));
  for (const words of WORDS) {
    const said = words === 'own' ? type : inOpenAiWords(type);
    const wanting = endpoints.filter((endpoint) => endpoint.words === words && endpoint.events.includes(said));
    if (wanting.length === 0) continue;
    // Another word is another body, which must not go out under the same id.
    const told = said === type ? recorded : await enterEvent(tx, { callerId, subjectId, type: said }, { at });
    if (told) {
      const destinations = wanting.map(({ id }) => id);
      await deliverTo(tx, { eventId: told.id, callerId, at }, destinations);
    }
  }
}

/** Has the subject's own event told, or, once its last clip has ended, that of its job. */
async function tellCallback(
  tx: Db,
  eventId: string,
  { subjectId, at }: { readonly subjectId: string; readonly at: Date },
): Promise<void> {
  const callback = await callbackOf(tx, subjectId);
  if (callback === null) return;
  const { id, callerId, words } = callback;
  if (words === 'own') return await deliverTo(tx, { eventId, callerId, at }, [id]);
  const status = await endOfJob(tx, id);
  if (status === null) return;
  const { type, body } = jobEvent(id, status);
  const ended = await enterEvent(tx, { callerId, subjectId: id, type }, { at, body });
  if (ended) await deliverTo(tx, { eventId: ended.id, callerId, at }, [id]);
}

/** Enters an event with its bytes; undefined where it stands already. */
async function enterEvent(
  tx: Db,
  { callerId, subjectId, type }: NewEvent,
  { at, body }: { readonly at: Date; readonly body?: string },
) {
  const id = `evt_${uuidv7()}`;
  const hasEndpoints = sql<boolean>`exists(select from ${webhookEndpoints}
    where ${webhookEndpoints.callerId} = ${callerId} and ${webhookEndpoints.disabledAt} is null)`;
  const hasCallback = sql<boolean>`exists(select from ${callbacks} where ${callbacks.subjectId} = ${subjectId})`;
  const [entered] = await tx
    .insert(events)
    .values({
      id,
      callerId,
      videoId: subjectId,
      type,
      createdAt: at,
      body: body ?? eventBody({ id, type, subjectId, at }),
    })
    .onConflictDoNothing({ target: [events.videoId, events.type] })
    .returning({ id: events.id, hasEndpoints, hasCallback });
  return entered;
}

/** Has the processes that start deliveries look for new ones, once the transaction is committed. */
export async function announceDeliveries(tx: Db): Promise<void> {
  await tx.execute(sql`select pg_notify(${DELIVERY_CHANNEL}, '')`);
}

interface Told {
  readonly eventId: string;
  readonly callerId: string;
  readonly at: Date;
}

async function deliverTo(tx: Db, { eventId, callerId, at }: Told, destinations: readonly string[]): Promise<void> {
  const rows = destinations.map((destination) => {
    return { id: uuidv7(), eventId, callerId, destination, state: 'waiting' as const, createdAt: at };
  });
  await tx.insert(deliveries).values(rows).onConflictDoNothing();
  await announceDeliveries(tx);
}
