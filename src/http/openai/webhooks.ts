/** OpenAI's management of webhooks, as its SDKs call it, over the endpoints of our own routes. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import { readBody, refuse } from '../../dialects/read-body.ts';
import { readLimit } from '../../dialects/read-query.ts';
import { Refusal } from '../../domain/failure.ts';
import type { JsonObject } from '../../domain/json.ts';
import { isStorable } from '../../domain/video-request.ts';
import type { Endpoint, Webhooks } from '../../gateway/webhooks.ts';
import {
  createEndpointBody,
  OPENAI_EVENT_TYPES,
  rotateBody,
  testBody,
  updateEndpointBody,
} from '../../wire/openai/webhooks.ts';
import { type Asked, callerOf, openaiFace, page, seconds } from './face.ts';

const LIST_LIMIT = { default: 20, max: 100 } as const;
const KEPT_HOURS = 24;
/** A test is answered with what its receiver answered: for so long, asked for so often. */
const TEST_WAIT_MS = 20_000;
const TEST_READ_MS = 200;

function printEndpoint({ id, url, description, events, createdAt, secretHint }: Endpoint): JsonObject {
  return {
    ...{ id, object: 'webhook_endpoint', name: description ?? '', url, event_types: [...events] },
    ...{ created_at: seconds(createdAt), signing_secret_hint: secretHint },
  };
}

function readName(name: string | null | undefined): string | undefined {
  if (name != null && !isStorable(name)) refuse('name', 'holds characters that cannot be stored');
  return name ?? undefined;
}

function mountEndpoints(app: FastifyInstance, webhooks: Webhooks): void {
  app.get('/v1/webhook_event_types', async () => ({ object: 'list', data: [...OPENAI_EVENT_TYPES] }));

  app.post('/v1/webhook_endpoints', async (request) => {
    const { name, url, event_types: events } = readBody(createEndpointBody, request.body);
    const description = readName(name) ?? null;
    const wanted = { callerId: callerOf(request).id, url, description, events, words: 'openai' as const };
    const { endpoint, secret } = await webhooks.create(wanted);
    return { ...printEndpoint(endpoint), signing_secret: secret };
  });

  app.get('/v1/webhook_endpoints', async (request: Asked) => {
    const { after, limit } = request.query;
    const all = await webhooks.list(callerOf(request).id);
    const start = after ? all.findIndex(({ id }) => id === after) + 1 : 0;
    if (after && start === 0) refuse('after', 'is no webhook endpoint of yours');
    const most = readLimit(limit, LIST_LIMIT);
    return page(all.slice(start, start + most).map(printEndpoint), all.length > start + most);
  });

  app.get('/v1/webhook_endpoints/:id', async (request: Asked) => {
    return printEndpoint(await webhooks.read(callerOf(request).id, request.params.id));
  });

  app.post('/v1/webhook_endpoints/:id', async (request: Asked) => {
    const { name, url, event_types: events } = readBody(updateEndpointBody, request.body ?? {});
    const chosen = { description: readName(name), url: url ?? undefined, events: events ?? undefined };
    return printEndpoint(await webhooks.change(callerOf(request).id, request.params.id, chosen));
  });

  app.delete('/v1/webhook_endpoints/:id', async (request: Asked) => {
    const { id } = request.params;
    await webhooks.delete(callerOf(request).id, id);
    return { id, object: 'webhook_endpoint.deleted', deleted: true };
  });
}

function mountActions(app: FastifyInstance, webhooks: Webhooks): void {
  app.post('/v1/webhook_endpoints/:id/rotate_secret', async (request: Asked) => {
    const { keep_old_secret_active_for_24_hours: keepsOld } = readBody(rotateBody, request.body ?? {});
    const { id } = request.params;
    const { endpoint, secret } = await webhooks.rotate(callerOf(request).id, id, keepsOld ? KEPT_HOURS : 0);
    return { ...printEndpoint(endpoint), signing_secret: secret };
  });

  app.post('/v1/webhook_endpoints/:id/test', async (request: Asked) => {
    const { event_type: type } = readBody(testBody, request.body);
    const { id } = request.params;
    const delivery = await webhooks.test(callerOf(request).id, id, type);
    const status = await firstAnswer(webhooks, callerOf(request).id, delivery);
    const answered = { object: 'webhook_endpoint.test', webhook_endpoint_id: id, event_type: type };
    return { ...answered, success: true, status_code: status };
  });
}

/** The status that a test was answered with. @throws Refusal where no answer came. */
async function firstAnswer(webhooks: Webhooks, callerId: string, deliveryId: string): Promise<number> {
  for (let waitedMs = 0; waitedMs < TEST_WAIT_MS; waitedMs += TEST_READ_MS) {
    const { state, attempts, lastStatus, lastError } = await webhooks.delivery(callerId, deliveryId);
    if (lastStatus !== null) return lastStatus;
    if (attempts > 0) throw new Refusal('invalid_request', `the endpoint gave no answer: ${lastError}`);
    if (state !== 'waiting') throw new Refusal('invalid_request', 'nothing is sent to a disabled endpoint');
    await sleep(TEST_READ_MS);
  }
  throw new Refusal('unavailable', 'the test has not been sent yet; it stands in the deliveries of the endpoint');
}

/** A plugin with all of them. */
export function openaiWebhookRoutes(webhooks: Webhooks): FastifyPluginAsync {
  return openaiFace((scope) => {
    mountEndpoints(scope, webhooks);
    mountActions(scope, webhooks);
  });
}
