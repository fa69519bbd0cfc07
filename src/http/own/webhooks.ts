/** Our own routes for webhooks: a caller's endpoints, their secrets, and what was told to them. */

import type { FastifyInstance } from 'fastify';
import { EVENT_TYPES } from '../../domain/webhook.ts';
import { noQuery } from '../../wire/clipyard/fields.ts';
import {
  callbackSecretAnswer,
  changeEndpointBody,
  deletedAnswer,
  deliveriesQuery,
  deliveryAnswer,
  deliveryListAnswer,
  deliveryLogAnswer,
  endpointAnswer,
  endpointListAnswer,
  newCallbackSecretAnswer,
  newEndpointAnswer,
  newEndpointBody,
  replayedAnswer,
  replayRangeBody,
  rotateSecretBody,
  testAnswer,
  testEndpointBody,
  WEBHOOK_PATHS,
} from '../../wire/clipyard/webhooks.ts';
import type { Tag } from './operation.ts';
import type { OwnRoutesOptions } from './options.ts';
import { own } from './own.ts';

const WEBHOOKS: Tag = {
  name: 'webhooks',
  description: 'Endpoints that are told of ends, signed as Standard Webhooks; each sees its own.',
};

/** Mounts the routes. */
export function webhookRoutes(app: FastifyInstance, options: OwnRoutesOptions): void {
  deliveryRoutes(app, options);
  logRoutes(app, options);
  endpointRoutes(app, options);
  callbackRoutes(app, options);
}

function endpointRoutes(app: FastifyInstance, { webhooks }: OwnRoutesOptions): void {
  own(app, WEBHOOKS, {
    method: 'GET',
    path: WEBHOOK_PATHS.endpoints,
    id: 'listWebhookEndpoints',
    summary: 'All endpoints of the caller, the oldest first',
    access: 'caller',
    query: noQuery,
    answers: { 200: endpointListAnswer },
    handle: async ({ caller }) => ({ items: await webhooks.list(caller.id) }),
  });

  own(app, WEBHOOKS, {
    method: 'POST',
    path: WEBHOOK_PATHS.endpoints,
    id: 'createWebhookEndpoint',
    summary: 'Makes an endpoint and its secret',
    description:
      'The secret is shown this once. The URL has to be HTTPS at a public address, unless its host is trusted.',
    access: 'caller',
    body: newEndpointBody,
    example: { url: 'https://studio.example/hook', events: ['video.completed', 'video.failed'] },
    answers: { 201: newEndpointAnswer },
    refusals: ['conflict'],
    handle: async ({ caller, body: { url, events, description } }) => {
      const wanted = { callerId: caller.id, url, description: description ?? null, words: 'own' as const };
      const { endpoint, secret } = await webhooks.create({ ...wanted, events: events ?? EVENT_TYPES });
      return { ...endpoint, secret };
    },
  });

  own(app, WEBHOOKS, {
    method: 'GET',
    path: WEBHOOK_PATHS.endpoint,
    id: 'getWebhookEndpoint',
    summary: 'An endpoint and its health',
    access: 'caller',
    query: noQuery,
    answers: { 200: endpointAnswer },
    handle: async ({ caller, params }) => webhooks.read(caller.id, params.id),
  });

  own(app, WEBHOOKS, {
    method: 'PATCH',
    path: WEBHOOK_PATHS.endpoint,
    id: 'changeWebhookEndpoint',
    summary: 'Changes what is given of an endpoint',
    access: 'caller',
    body: changeEndpointBody,
    example: { enabled: true },
    answers: { 200: endpointAnswer },
    handle: async ({ caller, params, body }) => webhooks.change(caller.id, params.id, body),
  });

  own(app, WEBHOOKS, {
    method: 'POST',
    path: WEBHOOK_PATHS.rotate,
    id: 'rotateWebhookSecret',
    summary: 'Gives an endpoint a new secret',
    description: 'For so many hours the old one signs as well.',
    access: 'caller',
    body: rotateSecretBody,
    example: { keepOldHours: 24 },
    answers: { 200: newEndpointAnswer },
    handle: async ({ caller, params, body }) => {
      const { endpoint, secret } = await webhooks.rotate(caller.id, params.id, body.keepOldHours);
      return { ...endpoint, secret };
    },
  });

  own(app, WEBHOOKS, {
    method: 'DELETE',
    path: WEBHOOK_PATHS.endpoint,
    id: 'deleteWebhookEndpoint',
    summary: 'Removes an endpoint; what waits for it is not sent any more',
    access: 'caller',
    answers: { 200: deletedAnswer },
    handle: async ({ caller, params: { id } }) => {
      await webhooks.delete(caller.id, id);
      return { id, deleted: true as const };
    },
  });
}

function callbackRoutes(app: FastifyInstance, { webhooks }: OwnRoutesOptions): void {
  own(app, WEBHOOKS, {
    method: 'GET',
    path: WEBHOOK_PATHS.callbackSecret,
    id: 'getCallbackSecret',
    summary: "The end of the secret that signs the caller's callbacks",
    access: 'caller',
    query: noQuery,
    answers: { 200: callbackSecretAnswer },
    handle: async ({ caller }) => ({ secretHint: await webhooks.callbackSecretHint(caller.id) }),
  });

  own(app, WEBHOOKS, {
    method: 'POST',
    path: WEBHOOK_PATHS.callbackSecret,
    id: 'rotateCallbackSecret',
    summary: "Gives the caller a new secret for what is sent to its requests' `callback_url`",
    description: 'For so many hours the old one signs as well.',
    access: 'caller',
    body: rotateSecretBody,
    example: { keepOldHours: 24 },
    answers: { 200: newCallbackSecretAnswer },
    handle: async ({ caller, body }) => ({
      callbackSecret: await webhooks.renewCallbackSecret(caller.id, body.keepOldHours),
    }),
  });
}

/** What was sent and answered, of one delivery and of one video. */
function logRoutes(app: FastifyInstance, { gateway, webhooks }: OwnRoutesOptions): void {
  own(app, WEBHOOKS, {
    method: 'GET',
    path: WEBHOOK_PATHS.delivery,
    id: 'getDelivery',
    summary: 'A delivery with what is sent and what was answered',
    access: 'caller',
    query: noQuery,
    answers: { 200: deliveryLogAnswer },
    handle: async ({ caller, params }) => webhooks.deliveryLog(caller.id, params.id),
  });

  own(app, WEBHOOKS, {
    method: 'GET',
    path: WEBHOOK_PATHS.ofVideo,
    id: 'listVideoDeliveries',
    summary: 'What was to be told of a video, and to whom, the oldest first',
    access: 'caller',
    query: noQuery,
    answers: { 200: deliveryListAnswer },
    handle: async ({ caller, params }) => {
      const { id } = await gateway.read(caller, params.id, { includeHidden: caller.isRoot });
      return { items: await webhooks.deliveriesOf(id), nextCursor: null };
    },
  });
}

function deliveryRoutes(app: FastifyInstance, { webhooks }: OwnRoutesOptions): void {
  own(app, WEBHOOKS, {
    method: 'POST',
    path: WEBHOOK_PATHS.test,
    id: 'testWebhookEndpoint',
    summary: 'Sends an event of no real video to an endpoint',
    access: 'caller',
    body: testEndpointBody,
    example: { type: 'video.completed' },
    answers: { 202: testAnswer },
    refusals: ['conflict'],
    handle: async ({ caller, params, body }) => ({
      deliveryId: await webhooks.test(caller.id, params.id, body.type),
    }),
  });

  own(app, WEBHOOKS, {
    method: 'GET',
    path: WEBHOOK_PATHS.deliveries,
    id: 'listDeliveries',
    summary: 'What was to be told to an endpoint, newest first',
    access: 'caller',
    query: deliveriesQuery,
    answers: { 200: deliveryListAnswer },
    handle: ({ caller, params, query }) => webhooks.deliveries(caller.id, params.id, query),
  });

  own(app, WEBHOOKS, {
    method: 'POST',
    path: WEBHOOK_PATHS.replay,
    id: 'replayDelivery',
    summary: 'Sends a delivery again: the same id and bytes with a new timestamp',
    access: 'caller',
    answers: { 200: deliveryAnswer },
    refusals: ['conflict'],
    handle: async ({ caller, params }) => webhooks.replay(caller.id, params.id),
  });

  own(app, WEBHOOKS, {
    method: 'POST',
    path: WEBHOOK_PATHS.replayRange,
    id: 'replayDeliveries',
    summary: 'Sends again what was to be told to an endpoint in a time',
    access: 'caller',
    body: replayRangeBody,
    example: { from: '2026-03-01T00:00:00Z', to: '2026-03-02T00:00:00Z' },
    answers: { 200: replayedAnswer },
    refusals: ['conflict'],
    handle: async ({ caller, params, body: { from, to } }) => ({
      replayed: await webhooks.replayRange(caller.id, params.id, { from: new Date(from), to: new Date(to) }),
    }),
  });
}
