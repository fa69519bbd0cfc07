/** Our own routes of webhooks: paths, bodies and answers. */

import { z } from 'zod';
import { LONGEST_URL } from '../../domain/receiver-url.ts';
import { EVENT_TYPES } from '../../domain/webhook.ts';
import { count, instant, named, nextCursor, page, text, V1 } from './fields.ts';

export const WEBHOOK_PATHS = {
  endpoints: `${V1}/webhook-endpoints`,
  endpoint: `${V1}/webhook-endpoints/:id`,
  test: `${V1}/webhook-endpoints/:id/test`,
  rotate: `${V1}/webhook-endpoints/:id/rotate`,
  deliveries: `${V1}/webhook-endpoints/:id/deliveries`,
  replayRange: `${V1}/webhook-endpoints/:id/replay`,
  delivery: `${V1}/deliveries/:id`,
  ofVideo: `${V1}/videos/:id/deliveries`,
  replay: `${V1}/deliveries/:id/replay`,
  callbackSecret: `${V1}/callback-secret`,
} as const;

/** How long a secret that was replaced may sign beside the new one. */
export const KEEP_OLD_HOURS = { default: 24, max: 72 } as const;

const url = z.url({ protocol: /^https?$/ }).max(LONGEST_URL);
const eventType = z.enum(EVENT_TYPES);
const eventTypes = z.array(eventType).min(1).max(EVENT_TYPES.length);

export const newEndpointBody = z.strictObject({
  url,
  events: eventTypes.nullish().describe('All when absent.'),
  description: text.nullish(),
});

export const changeEndpointBody = z.strictObject({
  url: url.optional(),
  events: eventTypes.optional(),
  description: text.nullish(),
  enabled: z.boolean().optional().describe('True takes a disabled endpoint up again.'),
});

/** All of it may be left out, and the body too. */
export const testEndpointBody = z.strictObject({ type: eventType.default('video.completed') }).prefault({});

export const rotateSecretBody = z
  .strictObject({ keepOldHours: z.int().min(0).max(KEEP_OLD_HOURS.max).default(KEEP_OLD_HOURS.default) })
  .prefault({});

export const replayRangeBody = z.strictObject({
  from: z.iso.datetime({ offset: true }).describe('Inclusive.'),
  to: z.iso.datetime({ offset: true }).describe('Exclusive.'),
});

export const deliveriesQuery = z.strictObject(page);

export const endpointAnswer = named('WebhookEndpoint', {
  id: z.string(),
  url: z.string(),
  description: z.string().nullable(),
  events: z.array(eventType),
  secretHint: z.string().describe('The end of its newest secret.'),
  createdAt: instant,
  disabledAt: instant.nullable(),
  disabledReason: z.string().nullable(),
  failingSince: instant.nullable().describe('Since when there are nothing but failures.'),
  failures: count.describe('In a row.'),
  lastSuccessAt: instant.nullable(),
});

export const newEndpointAnswer = named('NewWebhookEndpoint', {
  ...endpointAnswer.shape,
  secret: z.string().describe('What signs, shown this once.'),
});

export const endpointListAnswer = named('WebhookEndpointList', { items: z.array(endpointAnswer) });

export const deliveryAnswer = named('Delivery', {
  id: z.string(),
  eventId: z.string(),
  endpointId: z.string().describe('For one of a callback: the video, batch or job that it tells of.'),
  type: eventType,
  test: z.boolean(),
  state: z.enum(['waiting', 'delivered', 'failed', 'stopped']),
  attempts: count,
  createdAt: instant,
  nextAttemptAt: instant.nullable(),
  endedAt: instant.nullable(),
  lastStatus: z.int().nullable().describe('Of the last answer; null where there was none.'),
  lastError: z.string().nullable(),
});

export const deliveryLogAnswer = named('DeliveryLog', {
  ...deliveryAnswer.shape,
  body: z.string().nullable().describe('What is sent, byte for byte.'),
  log: z
    .array(
      z.object({
        at: instant,
        elapsedMs: count,
        status: z.int().nullable(),
        error: z.string().nullable(),
        answer: z.string().nullable().describe('The beginning of what was answered.'),
      }),
    )
    .describe('Each attempt, the first one first.'),
});

export const callbackSecretAnswer = named('CallbackSecret', {
  secretHint: z.string().nullable().describe('The end of the newest one; null where there is none yet.'),
});

export const newCallbackSecretAnswer = named('NewCallbackSecret', {
  callbackSecret: z.string().describe('What signs, shown this once.'),
});

export const deliveryListAnswer = named('DeliveryList', { items: z.array(deliveryAnswer), nextCursor });
export const deletedAnswer = named('Deleted', { id: z.string(), deleted: z.literal(true) });
export const testAnswer = named('TestDelivery', { deliveryId: z.string() });
export const replayedAnswer = named('Replayed', { replayed: count });
