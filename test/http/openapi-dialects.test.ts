/** The documented APIs in our OpenAPI document: all routes, examples that run, and answers as they are described. */

import { replacePublishedModels } from '../../src/catalog/models.ts';
import { DIALECTS } from '../../src/dialects/index.ts';
import { buildOpenApi, type OpenApiDocument } from '../../src/http/openapi/document.ts';
import { renderPage } from '../../src/http/openapi/page.ts';
import type { Operation } from '../../src/http/own/operation.ts';
import { makeOffer } from '../builders.ts';
import { type FrontDoor, openFrontDoor } from '../contract/front-door.ts';
import { undocumentedIn } from './own/documented-answers.ts';

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
  expect(operations.map(({ method, path }) => `${method} ${path}`).toSorted()).toEqual(routes.toSorted());
  const ids = [...door.app.operations].map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

test('the document with them is OpenAPI 3.1, and the page shows them', async () => {
  const { Validator } = await import('@seriousme/openapi-schema-validator');
  expect(await new Validator().validate(structuredClone({ ...document }))).toEqual({ valid: true });
  const page = renderPage(document);
  for (const { path } of operations) expect(page).toContain(path.replace(/:(\w+)/g, '{$1}'));
});

test('examples run, and answers and refusals are as described', async () => {
  const undocumented = undocumentedIn(document);
  const [id = ''] = await Promise.all([door.create(key, 'airforce', { model: 'sandbox-mini' })]);
  await door.complete(id);
  const found: string[] = [];
  const statuses: Record<string, readonly number[]> = {};
  for (const { method, path, id: name, example, tag } of operations) {
    const seen: number[] = [];
    const ask = async (subject: string, authorization: string) => {
      const answer = await door.app.inject({
        method,
        url: path.replace(':id', subject),
        headers: { authorization, ...(tag.name === 'ai-gateway' && { 'ai-model-id': 'sandbox-mini' }) },
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
