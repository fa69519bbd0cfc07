/** The documented APIs in our OpenAPI document: all routes, examples that run, and answers as they are described. */

import type { InjectOptions } from 'fastify';
import { replacePublishedModels } from '../../src/catalog/models.ts';
import { DIALECTS } from '../../src/dialects/index.ts';
import { buildOpenApi, type OpenApiDocument, type OperationObject } from '../../src/http/openapi/document.ts';
import { renderPage } from '../../src/http/openapi/page.ts';
import type { Operation } from '../../src/http/own/operation.ts';
import { makeOffer } from '../builders.ts';
import { type FrontDoor, openFrontDoor } from '../contract/front-door.ts';
import { undocumentedIn } from './own/documented-answers.ts';

/** OpenAI's routes that are not about single videos. */
const BESIDES: Readonly<Record<string, readonly string[]>> = {
  '/v1/files': ['GET', 'POST'],
  '/v1/files/:id': ['DELETE', 'GET'],
  '/v1/files/:id/content': ['GET'],
  '/v1/batches': ['GET', 'POST'],
  '/v1/batches/:id': ['GET'],
  '/v1/batches/:id/cancel': ['POST'],
  '/v1/webhook_event_types': ['GET'],
  '/v1/webhook_endpoints': ['GET', 'POST'],
  '/v1/webhook_endpoints/:id': ['DELETE', 'GET', 'POST'],
  '/v1/webhook_endpoints/:id/rotate_secret': ['POST'],
  '/v1/webhook_endpoints/:id/test': ['POST'],
};

let door: FrontDoor;
let key = '';
let operations: readonly Operation[];
let document: OpenApiDocument;

beforeAll(async () => {
  door = await openFrontDoor();
  const { pricePerSecondMicroUsd, capabilities } = makeOffer();
  const offered = { pricePerSecondMicroUsd, capabilities: { ...capabilities, minDurationSeconds: 1 } };
  await replacePublishedModels(door.db, 'airforce-1', [{ upstreamModel: 'sandbox-mini', ...offered }]);
  key = await door.join();
  await door.app.ready();
  // What removes all videos comes last.
  operations = [...door.app.operations]
    .filter(({ rendersRefusal }) => rendersRefusal !== undefined)
    .toSorted((a, b) => Number(a.id === 'infraiDeleteAll') - Number(b.id === 'infraiDeleteAll'));
  document = buildOpenApi(door.app.operations, { url: 'http://gateway', version: '1' });
});
afterAll(() => door.close());

test('every route that does something is described under its prefix, by an id of its own', () => {
  const routes = Object.values(DIALECTS).flatMap(({ name, routes: all }) =>
    all
      .filter(({ kind, path }) => kind !== 'unsupported' && !path.startsWith('/v1/openai/'))
      .map(({ method, path }) => `${method} /${name}${path}`),
  );
  const besides = Object.entries(BESIDES).flatMap(([path, methods]) =>
    methods.map((method) => `${method} /openai${path}`),
  );
  expect(operations.map(({ method, path }) => `${method} ${path}`).toSorted()).toEqual(
    [...routes, ...besides].toSorted(),
  );
  const ids = [...door.app.operations].map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

test('the document with them is OpenAPI 3.1, and the page shows them', async () => {
  const { Validator } = await import('@seriousme/openapi-schema-validator');
  expect(await new Validator().validate(structuredClone({ ...document }))).toEqual({ valid: true });
  const page = renderPage(document);
  for (const { path } of operations) expect(page).toContain(path.replace(/:(\w+)/g, '{$1}'));
});

test('the document begins with a create, and what only the Temporal UI calls is behind all that takes a key', () => {
  const paths = Object.keys(document.paths);
  expect(paths[0]).toBe('/airforce/v1/video/generations');
  const needsKey = Object.entries(document.paths).filter(([, methods]) =>
    Object.values(methods).some(({ security }) => security.length > 0),
  );
  expect(needsKey.at(-1)?.[0]).toBe('/temporal-codec/{namespace}/encode');
});

/** The headers without which the document says that an operation is none, as its examples have them. */
function neededHeaders(operation: OperationObject | undefined): Record<string, string> {
  const needed = operation?.parameters.filter((parameter) => parameter.in === 'header' && parameter.required) ?? [];
  return Object.fromEntries(needed.map(({ name, example }) => [name, String(example)]));
}

/** Everything that is answered, held against the document. */
function asking() {
  const undocumented = undocumentedIn(document);
  const found: string[] = [];
  const ask = async (id: string, params: Readonly<Record<string, string>>, sent: InjectOptions = {}) => {
    const operation = operations.find((one) => one.id === id);
    if (!operation) throw new Error(`${id} is not described`);
    const { method, path: route, example } = operation;
    const url = `${route.replace(/:(\w+)/g, (_, name: string) => params[name] ?? '')}${params['query'] ?? ''}`;
    const headers = { authorization: `Bearer ${key}`, ...sent.headers };
    const payload = sent.payload ?? (example as object | undefined);
    const answer = await door.app.inject({ ...sent, method, url, headers, ...(payload !== undefined && { payload }) });
    const contentType = String(answer.headers['content-type']);
    const body = contentType.includes('json') ? answer.json() : undefined;
    found.push(...undocumented({ method, route, status: answer.statusCode, contentType, body }));
    return { status: answer.statusCode, body };
  };
  return { ask, found };
}

const FORM = { 'content-type': 'multipart/form-data; boundary=b' };
const field = (name: string, value: string) =>
  `--b\r\ncontent-disposition: form-data; name="${name}"${name === 'file' ? '; filename="f.jsonl"' : ''}\r\n\r\n${value}\r\n`;
const formOf = (fields: Readonly<Record<string, string>>) =>
  `${Object.entries(fields)
    .map(([name, value]) => field(name, value))
    .join('')}--b--\r\n`;

test.each([
  [{ 'expires_after[anchor]': 'created_at' }, 'expires_after[seconds]'],
  [{ 'expires_after[seconds]': '7200' }, 'expires_after[anchor]'],
  [{ 'expires_after[anchor]': 'last_active_at', 'expires_after[seconds]': '7200' }, 'expires_after[anchor]'],
  [{ 'expires_after[anchor]': 'created_at', 'expires_after[seconds]': '3599' }, 'expires_after[seconds]'],
])('an upload that is to expire after %j is refused for %s', async (expiry, param) => {
  const { ask, found } = asking();
  const payload = formOf({ purpose: 'batch', ...(expiry as Readonly<Record<string, string>>), file: '{}\n' });
  const { status, body } = await ask('openaiUploadFile', {}, { payload, headers: FORM });
  expect({ status, error: body.error }).toMatchObject({ status: 400, error: { param, code: 'invalid_request' } });
  expect(found).toEqual([]);
});

test('an upload that is to expire does so that long after its creation', async () => {
  const expiry = { 'expires_after[anchor]': 'created_at', 'expires_after[seconds]': '7200' };
  const payload = formOf({ purpose: 'batch', ...expiry, file: '{}\n' });
  const { ask } = asking();
  const { body } = await ask('openaiUploadFile', {}, { payload, headers: FORM });
  expect(body.expires_at - body.created_at).toBe(7200);
  expect((await ask('openaiDeleteFile', { id: body.id })).status).toBe(200);
});

test('files and batches are answered as they are described', async () => {
  const { ask, found } = asking();
  const line = { custom_id: 'a', method: 'POST', url: '/v1/videos', body: { model: 'sandbox-mini', prompt: 'p' } };
  const payload = formOf({ purpose: 'batch', file: `${JSON.stringify(line)}\n` });
  const { body: file } = await ask('openaiUploadFile', {}, { payload, headers: FORM });
  const id = file.id;
  expect((await ask('openaiUploadFile', {}, { payload: { purpose: 'batch' } })).status).toBe(415);
  for (const type of ['multipart/form-data', 'multipart/form-data; boundary=other']) {
    expect((await ask('openaiUploadFile', {}, { payload, headers: { 'content-type': type } })).status).toBe(400);
  }
  expect((await ask('openaiUploadFile', {}, { payload: payload.slice(0, -3), headers: FORM })).status).toBe(400);
  expect((await ask('openaiListFiles', { query: '?limit=1&order=asc' })).body.data).toMatchObject([{ id }]);
  expect((await ask('openaiListFiles', { query: '?limit=x' })).status).toBe(400);
  expect((await ask('openaiReadFile', { id })).body).toEqual(file);
  expect((await ask('openaiReadFileContent', { id })).status).toBe(200);
  const created = await ask(
    'openaiCreateBatch',
    {},
    {
      payload: { input_file_id: id, endpoint: '/v1/videos', completion_window: '24h' },
    },
  );
  expect(created).toMatchObject({ status: 200, body: { status: 'in_progress', input_file_id: id } });
  expect((await ask('openaiCreateBatch', {})).status).toBe(400);
  expect((await ask('openaiListBatches', {})).body.data).toMatchObject([{ id: created.body.id }]);
  expect((await ask('openaiReadBatch', { id: created.body.id })).status).toBe(200);
  expect((await ask('openaiReadBatch', { id: '%00' })).status).toBe(404);
  expect((await ask('openaiCancelBatch', { id: created.body.id })).body.status).toBe('cancelling');
  expect((await ask('openaiDeleteFile', { id })).body).toEqual({ id, object: 'file', deleted: true });
  expect((await ask('openaiReadFile', { id })).status).toBe(404);
  expect(found).toEqual([]);
});

test('webhook endpoints are answered as they are described', async () => {
  const { ask, found } = asking();
  expect((await ask('openaiListEventTypes', {})).status).toBe(200);
  const { body: created } = await ask('openaiCreateWebhookEndpoint', {});
  const { id } = created;
  expect((await ask('openaiCreateWebhookEndpoint', {}, { payload: { name: 'x' } })).status).toBe(400);
  expect((await ask('openaiListWebhookEndpoints', {})).body.data).toMatchObject([{ id }]);
  expect((await ask('openaiChangeWebhookEndpoint', { id })).body).toMatchObject({ id, name: 'all ends' });
  expect((await ask('openaiReadWebhookEndpoint', { id })).status).toBe(200);
  expect((await ask('openaiRotateWebhookSecret', { id })).body.signing_secret).toMatch(/^whsec_/);
  expect((await ask('openaiTestWebhookEndpoint', { id: 'none' })).status).toBe(404);
  expect((await ask('openaiDeleteWebhookEndpoint', { id })).status).toBe(200);
  expect((await ask('openaiDeleteWebhookEndpoint', { id })).status).toBe(404);
  expect(found).toEqual([]);
});

test('a create may be a form, which is described with its file', async () => {
  const { ask, found } = asking();
  const payload = formOf({ model: 'sandbox-mini', prompt: 'p', seconds: '4' });
  expect((await ask('openaiCreate', {}, { payload, headers: FORM })).status).toBe(200);
  const { requestBody } = document.paths['/openai/v1/videos']?.['post'] ?? {};
  expect(Object.keys(requestBody?.content ?? {})).toEqual(['application/json', 'multipart/form-data']);
  expect(document.components.schemas['OpenaiCreateForm']?.properties?.['input_reference']).toMatchObject({
    type: 'string',
    format: 'binary',
  });
  expect(found).toEqual([]);
});

test('headers that orders and streams take are described, and the command has those that are needed', () => {
  const headersOf = (method: string, path: string) =>
    (document.paths[path]?.[method]?.parameters ?? [])
      .filter((parameter) => parameter.in === 'header')
      .map(({ name, required = false }) => `${name}${required ? '' : '?'}`);
  const orders = Object.keys(document.paths).filter((path) =>
    /(again|bulk|films|batches|generations|generate|openai\/v1\/videos|remix|video-model|start)$/.test(path),
  );
  const taking = orders.filter((path) => headersOf('post', path).includes('Idempotency-Key?'));
  expect(taking).toEqual(orders);
  expect(headersOf('post', '/ai-gateway/v4/ai/video-model/start')).toContain('ai-model-id');
  expect(headersOf('get', '/clipyard/v1/events')).toEqual(['Last-Event-ID?']);
  expect(headersOf('get', '/clipyard/v1/videos')).toEqual([]);
  expect(renderPage(document)).toMatch(/video-model\/start&#39; (?:.*\n)+? {2}-H &#39;ai-model-id: sandbox-mini&#39; /);
});

test('what a route says of itself does not repeat its headline', () => {
  const said = ({ summary, description }: Operation) => [summary, description];
  const ofOpenai = (id: string) => said(operations.find((operation) => operation.id === id) as Operation);
  expect(ofOpenai('openaiCreate')).toEqual(['Creates a video', 'JSON or multipart']);
  expect(ofOpenai('airforceModels')).toEqual(['The models on offer', undefined]);
  const repeating = operations.map(said).filter(([summary = '', description = '']) => description.startsWith(summary));
  expect(repeating).toEqual([]);
});

test('parameters have the bounds that the routes hold them to', () => {
  const schemaOf = (method: string, path: string, named: string) =>
    document.paths[path]?.[method]?.parameters?.find(({ name }) => name === named)?.schema;
  expect(schemaOf('get', '/airforce-2024/v1/video/tasks', 'limit')).toMatchObject({ minimum: 1, maximum: 200 });
  expect(schemaOf('get', '/airforce-2024/v1/video/tasks', 'status')).toMatchObject({
    enum: expect.arrayContaining(['running']),
  });
  expect(schemaOf('post', '/ai-gateway/v4/ai/video-model/start', 'ai-model-id')).toMatchObject({ minLength: 1 });
  expect(schemaOf('get', '/infrai/v1/video/list', 'limit')).toMatchObject({ minimum: 1, maximum: 100 });
  expect(schemaOf('get', '/openai/v1/videos', 'limit')).toMatchObject({ minimum: 1, maximum: 100 });
  const takenAs = (named: string, values: readonly string[]) => {
    const { pattern } = schemaOf('post', '/openai/v1/videos', named) as { pattern: string };
    return values.filter((value) => new RegExp(pattern).test(value));
  };
  const keys = ['k', 'k'.repeat(255)];
  expect(takenAs('Idempotency-Key', ['', ...keys, 'k'.repeat(256), 'naïve'])).toEqual(keys);
  const times = ['60', '2030-01-31', '2030-01-31T10:00:00Z'];
  for (const named of ['x-start-before', 'x-end-before']) {
    expect(takenAs(named, ['', '0', '-1', 'soon', ...times, '1e3'])).toEqual(times);
  }
  expect(schemaOf('post', '/clipyard/v1/batches', 'dryRun')).toMatchObject({ type: 'boolean', enum: [false, true] });
});

test('examples run, and answers and refusals are as described', async () => {
  const undocumented = undocumentedIn(document);
  const [id = ''] = await Promise.all([door.create(key, 'airforce', { model: 'sandbox-mini' })]);
  await door.complete(id);
  const found: string[] = [];
  const statuses: Record<string, readonly number[]> = {};
  const creating = operations.filter(({ path }) => !Object.hasOwn(BESIDES, path.replace('/openai', '')));
  for (const { method, path, id: name, example } of creating) {
    const seen: number[] = [];
    const ask = async (subject: string, authorization: string) => {
      const answer = await door.app.inject({
        method,
        url: path.replace(':id', subject),
        headers: {
          authorization,
          ...neededHeaders(document.paths[path.replace(':id', '{id}')]?.[method.toLowerCase()]),
        },
        ...(example !== undefined && { payload: example as object }),
      });
      const contentType = String(answer.headers['content-type']);
      const body = contentType.includes('json') ? answer.json() : undefined;
      found.push(...undocumented({ method, route: path, status: answer.statusCode, contentType, body }));
      seen.push(answer.statusCode);
    };
    if (!['createManyAndStream', 'stream'].some((kind) => name.toLowerCase().endsWith(kind.toLowerCase()))) {
      if (method !== 'DELETE') await ask(id, `Bearer ${key}`);
      if (path.includes(':id')) await ask('video_none', `Bearer ${key}`);
    }
    await ask(id, 'Bearer nobody');
    statuses[name] = seen;
  }
  expect(found).toEqual([]);
  for (const [name, seen] of Object.entries(statuses)) expect({ name, last: seen.at(-1) }).toEqual({ name, last: 401 });
  expect(statuses).toMatchObject({
    airforceCreate: [200, 401],
    airforceRead: [200, 404, 401],
    infraiCreate: [200, 401],
    openaiCreate: [200, 401],
    openaiContent: [200, 404, 401],
    aiGatewayCreateMany: [200, 401],
  });
});
