/** OpenAI's management of webhooks: what its routes take, as both of its SDKs send it, and what they answer. */

import { z } from 'zod';
import type { EventType } from '../../domain/webhook.ts';
import { deletedOf, listQuery, pageOf } from './pages.ts';

export const WEBHOOK_PATHS = {
  types: '/v1/webhook_event_types',
  endpoints: '/v1/webhook_endpoints',
  endpoint: '/v1/webhook_endpoints/:id',
  rotate: '/v1/webhook_endpoints/:id/rotate_secret',
  test: '/v1/webhook_endpoints/:id/test',
} as const;

export const ENDPOINT_LIST_LIMIT = { default: 20, max: 100 } as const;
export const endpointListQuery = listQuery(ENDPOINT_LIST_LIMIT);

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

const endpointShape = {
  id: z.string(),
  object: z.literal('webhook_endpoint'),
  name: z.string(),
  url: z.string(),
  event_types: z.array(z.string()),
  created_at: z.int(),
  signing_secret_hint: z.string(),
};
export const openaiEndpointAnswer = z.object(endpointShape).meta({ id: 'OpenaiWebhookEndpoint' });
export const newOpenaiEndpointAnswer = z
  .object({ ...endpointShape, signing_secret: z.string().describe('What signs, shown this once.') })
  .meta({ id: 'OpenaiNewWebhookEndpoint' });
export const openaiEndpointListAnswer = pageOf(openaiEndpointAnswer).meta({ id: 'OpenaiWebhookEndpoints' });
export const deletedEndpointAnswer = deletedOf('webhook_endpoint.deleted').meta({
  id: 'OpenaiDeletedWebhookEndpoint',
});
export const eventTypesAnswer = z
  .object({ object: z.literal('list'), data: z.array(eventType) })
  .meta({ id: 'OpenaiEventTypes' });
export const openaiTestAnswer = z
  .object({
    object: z.literal('webhook_endpoint.test'),
    webhook_endpoint_id: z.string(),
    event_type: eventType,
    success: z.literal(true),
    status_code: z.int().describe('What the receiver answered.'),
  })
  .meta({ id: 'OpenaiWebhookTest' });
