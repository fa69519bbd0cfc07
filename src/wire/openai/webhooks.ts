/** OpenAI's management of webhooks: what its routes take, as both of its SDKs send it. */

import { z } from 'zod';
import type { EventType } from '../../domain/webhook.ts';

/** Of its event types those that happen here. */
export const OPENAI_EVENT_TYPES = [
  'video.completed',
  'video.failed',
  'batch.completed',
  'batch.failed',
  'batch.cancelled',
  'batch.expired',
] as const satisfies readonly EventType[];

const LONGEST_NAME = 256;

const name = z.string().min(1).max(LONGEST_NAME);
const eventType = z.enum(OPENAI_EVENT_TYPES);
const eventTypes = z.array(eventType).min(1).max(OPENAI_EVENT_TYPES.length);

export const createEndpointBody = z.looseObject({ name, url: z.string(), event_types: eventTypes });

/** What is absent stays as it is. */
export const updateEndpointBody = z.looseObject({
  name: name.nullish(),
  url: z.string().nullish(),
  event_types: eventTypes.nullish(),
});

export const rotateBody = z.looseObject({ keep_old_secret_active_for_24_hours: z.boolean().nullish() });

export const testBody = z.looseObject({ event_type: eventType });
