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
  deletedEndpointAnswer,
  ENDPOINT_LIST_LIMIT,
  endpointListQuery,
  eventTypesAnswer,
  newOpenaiEndpointAnswer,
  OPENAI_EVENT_TYPES,
  openaiEndpointAnswer,
  openaiEndpointListAnswer,
  openaiTestAnswer,
  rotateBody,
  testBody,
  updateEndpointBody,
  WEBHOOK_PATHS,
} from '../../wire/openai/webhooks.ts';
import { callerOf, mount, openaiFace, page, seconds } from './face.ts';

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
  const types = { id: 'openaiListEventTypes', summary: 'The types of events', answers: { 200: eventTypesAnswer } };
  mount(app, { method: 'GET', path: WEBHOOK_PATHS.types, ...types }, () => {
    return { object: 'list', data: [...OPENAI_EVENT_TYPES] };
  });

  const creating = {
    id: 'openaiCreateWebhookEndpoint',
    summary: 'Makes an endpoint and its secret',
    body: createEndpointBody,
    example: { name: 'ends', url: 'https://hooks.example.com/clips', event_types: ['video.completed'] },
    answers: { 200: newOpenaiEndpointAnswer },
    refusals: ['conflict'],
  } as const;
  mount(app, { method: 'POST', path: WEBHOOK_PATHS.endpoints, ...creating }, async (request) => {
    const { name, url, event_types: events } = readBody(createEndpointBody, request.body);
    const description = readName(name) ?? null;
    const wanted = { callerId: callerOf(request).id, url, description, events, words: 'openai' as const };
    const { endpoint, secret } = await webhooks.create(wanted);
    return { ...printEndpoint(endpoint), signing_secret: secret };
  });

  const listing = {
    id: 'openaiListWebhookEndpoints',
    summary: 'The endpoints of the caller, the oldest first',
    query: endpointListQuery,
    answers: { 200: openaiEndpointListAnswer },
  } as const;
  mount(app, { method: 'GET', path: WEBHOOK_PATHS.endpoints, ...listing }, async (request) => {
    const { after, limit } = request.query;
    const all = await webhooks.list(callerOf(request).id);
    const start = after ? all.findIndex(({ id }) => id === after) + 1 : 0;
    if (after && start === 0) refuse('after', 'is no webhook endpoint of yours');
    const most = readLimit(limit, ENDPOINT_LIST_LIMIT);
    return page(all.slice(start, start + most).map(printEndpoint), all.length > start + most);
  });
}

function mountEndpoint(app: FastifyInstance, webhooks: Webhooks): void {
  const answers = { 200: openaiEndpointAnswer };
  const reading = { id: 'openaiReadWebhookEndpoint', summary: 'An endpoint', answers };
  mount(app, { method: 'GET', path: WEBHOOK_PATHS.endpoint, ...reading }, async (request) => {
    return printEndpoint(await webhooks.read(callerOf(request).id, request.params.id));
  });

  const example = { name: 'all ends' };
  const changing = { id: 'openaiChangeWebhookEndpoint', summary: 'Changes an endpoint', answers };
  const changed = { ...changing, body: updateEndpointBody.optional(), example };
  mount(app, { method: 'POST', path: WEBHOOK_PATHS.endpoint, ...changed }, async (request) => {
    const {
      name,
      url,
      event_types: events,
    } = readBody(updateEndpointBody, request.body === undefined ? {} : request.body);
    const chosen = { description: readName(name), url: url ?? undefined, events: events ?? undefined };
    return printEndpoint(await webhooks.change(callerOf(request).id, request.params.id, chosen));
  });

  const removing = { id: 'openaiDeleteWebhookEndpoint', summary: 'Removes an endpoint' };
  const removed = { ...removing, answers: { 200: deletedEndpointAnswer } };
  mount(app, { method: 'DELETE', path: WEBHOOK_PATHS.endpoint, ...removed }, async (request) => {
    const { id } = request.params;
    await webhooks.delete(callerOf(request).id, id);
    return { id, object: 'webhook_endpoint.deleted', deleted: true };
  });
}

function mountActions(app: FastifyInstance, webhooks: Webhooks): void {
  const rotating = {
    id: 'openaiRotateWebhookSecret',
    summary: 'Makes a new secret',
    body: rotateBody.optional(),
    example: { keep_old_secret_active_for_24_hours: true },
    answers: { 200: newOpenaiEndpointAnswer },
  };
  mount(app, { method: 'POST', path: WEBHOOK_PATHS.rotate, ...rotating }, async (request) => {
    const { keep_old_secret_active_for_24_hours: keepsOld } = readBody(
      rotateBody,
      request.body === undefined ? {} : request.body,
    );
    const { id } = request.params;
    const { endpoint, secret } = await webhooks.rotate(callerOf(request).id, id, keepsOld ? KEPT_HOURS : 0);
    return { ...printEndpoint(endpoint), signing_secret: secret };
  });

  const testing = {
    id: 'openaiTestWebhookEndpoint',
    summary: 'Sends an event and tells what was answered',
    body: testBody,
    example: { event_type: 'video.completed' },
    answers: { 200: openaiTestAnswer },
  };
  mount(app, { method: 'POST', path: WEBHOOK_PATHS.test, ...testing }, async (request) => {
    const { event_type: type } = readBody(testBody, request.body);
    const { id } = request.params;
    // Not a 409: OpenAI's packages send those again by themselves.
    if ((await webhooks.read(callerOf(request).id, id)).disabledAt !== null) throw nothingIsSent();
    const delivery = await webhooks.test(callerOf(request).id, id, type);
    const status = await firstAnswer(webhooks, callerOf(request).id, delivery);
    const answered = { object: 'webhook_endpoint.test', webhook_endpoint_id: id, event_type: type };
    return { ...answered, success: true, status_code: status };
  });
}

const nothingIsSent = () => new Refusal('invalid_request', 'nothing is sent to a disabled endpoint');

/** The status that a test was answered with. @throws Refusal where no answer came. */
async function firstAnswer(webhooks: Webhooks, callerId: string, deliveryId: string): Promise<number> {
  for (let waitedMs = 0; waitedMs < TEST_WAIT_MS; waitedMs += TEST_READ_MS) {
    const { state, attempts, lastStatus, lastError } = await webhooks.delivery(callerId, deliveryId);
    if (lastStatus !== null) return lastStatus;
    if (attempts > 0) throw new Refusal('invalid_request', `the endpoint gave no answer: ${lastError}`);
    if (state !== 'waiting') throw nothingIsSent();
    await sleep(TEST_READ_MS);
  }
  throw new Refusal('unavailable', 'the test has not been sent yet; it stands in the deliveries of the endpoint');
}

/** A plugin with all of them. */
export function openaiWebhookRoutes(webhooks: Webhooks): FastifyPluginAsync {
  return openaiFace((scope) => {
    mountEndpoints(scope, webhooks);
    mountEndpoint(scope, webhooks);
    mountActions(scope, webhooks);
  });
}
