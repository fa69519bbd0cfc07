/** The OpenAPI document: the routes that there are, the shapes that they answer, and the page made from it. */

import { syncAccounts } from '../../../src/catalog/accounts.ts';
import { replacePublishedModels } from '../../../src/catalog/models.ts';
import { bookOrphan } from '../../../src/catalog/orphans.ts';
import { REFUSALS } from '../../../src/domain/failure.ts';
import { buildOpenApi, type OpenApiDocument } from '../../../src/http/openapi/document.ts';
import { renderPage } from '../../../src/http/openapi/page.ts';
import type { Operation } from '../../../src/http/own/operation.ts';
import { VERSION } from '../../../src/net/user-agent.ts';
import { makeArchive, makeOffer } from '../../builders.ts';
import { insertVideo, makeAccount } from '../../catalog/rows.ts';
import { readProjectFile } from '../../source-files.ts';
import { undocumentedIn } from './documented-answers.ts';
import { type OwnApp, openOwnApp } from './own-app.ts';
import { mountOwnRoutes } from './own-routes.ts';

const CREATED = new Date('2026-03-01T12:00:00.000Z');

let routes: readonly string[];
let operations: readonly Operation[];
let document: OpenApiDocument;

beforeAll(async () => {
  ({ routes, operations } = await mountOwnRoutes());
  document = buildOpenApi(operations, { url: 'http://gateway.test', version: '1.2.3' });
});

describe('the document', () => {
  test('names every route of ours and no other', () => {
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(documented.toSorted()).toEqual(routes.toSorted());
  });

  test('is valid OpenAPI 3.1', async () => {
    // It is an ES module alone, which jest imports only so.
    const { Validator } = await import('@seriousme/openapi-schema-validator');
    expect(await new Validator().validate(structuredClone({ ...document }))).toEqual({ valid: true });
  });

  test('names each operation once', () => {
    const ids = operations.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('has named shapes alone: generators make no type of one that stands in itself', () => {
    const names = Object.keys(document.components.schemas);
    expect(names.filter((name) => !/^[A-Z]\w*$/.test(name))).toEqual([]);
  });

  test('says of a filter of many videos that it is not empty', () => {
    const { requestBody } = document.paths['/clipyard/v1/videos/bulk']?.['post'] ?? {};
    expect(JSON.stringify(requestBody)).toContain('"minProperties":1');
  });

  test('gives examples that the routes read', () => {
    const bodies = operations.filter(({ body }) => body !== undefined);
    expect(bodies.map(({ id }) => id)).toEqual([
      'resolveVideo',
      'makeVideoAgain',
      'actOnVideos',
      'estimate',
      'settleVideo',
      'createCaller',
      'changeCaller',
      'creditCaller',
      'createStreamToken',
      'createFilm',
      'testWebhookEndpoint',
      'replayDeliveries',
      'createWebhookEndpoint',
      'changeWebhookEndpoint',
      'rotateWebhookSecret',
      'rotateCallbackSecret',
      'decodePayloads',
      'encodePayloads',
      'decodePayloadsOfNamespace',
      'encodePayloadsOfNamespace',
      'signIn',
    ]);
    for (const { body, example } of bodies) expect(body?.parse(example)).toEqual(example);
  });

  test('names each kind of body that a route takes, and the page as well', () => {
    const { requestBody } = document.paths['/clipyard/v1/batches']?.['post'] ?? {};
    expect(requestBody).toMatchObject({
      required: true,
      content: {
        'application/jsonl': { schema: { type: 'string' } },
        'text/csv': { schema: { type: 'string' } },
        'application/json': { schema: { required: ['fileId'] }, example: { fileId: 'file-1' } },
      },
    });
    const page = renderPage(document);
    expect(page).toMatch(/-H &#39;content-type: application\/jsonl&#39; \\\n {2}-d &#39;{&quot;model&quot;:/);
    expect(page).toContain('<code>text/csv</code></th><td>string</td><td>A header and one create a record.</td>');
  });

  test('lists query parameters as they are sent', () => {
    const parameters = document.paths['/clipyard/v1/videos']?.['get']?.parameters ?? [];
    const states = expect.arrayContaining(['queued', 'expired']);
    expect(parameters).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: 'limit', schema: { type: 'integer', minimum: 1, maximum: 200, default: 50 } }),
        expect.objectContaining({
          name: 'state',
          explode: false,
          schema: { type: 'array', items: { type: 'string', enum: states } },
        }),
      ]),
    );
  });

  test('asks for a key where the routes do, and has the codes of what they refuse', () => {
    const { security, responses } = document.paths['/clipyard/v1/callers/{id}']?.['patch'] ?? {};
    expect(security).toEqual([{ rootKey: [] }]);
    expect(responses?.['409']?.description).toBe(`\`conflict\`: ${REFUSALS.conflict.meaning}`);
    expect(responses?.['403']?.content).toEqual({
      'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
    });
    expect(document.paths['/healthz']?.['get']?.security).toEqual([]);
  });
});

test('answers that are not documented are found', () => {
  const undocumented = undocumentedIn(document);
  const given = { method: 'GET', route: '/clipyard/v1/balance', contentType: 'application/json' };
  const balance = { creditMicroUsd: null, heldMicroUsd: 0, spentMicroUsd: 0, availableMicroUsd: -5 };
  expect(undocumented({ ...given, status: 200, body: balance })).toEqual([]);
  expect(undocumented({ ...given, status: 200, body: { ...balance, heldMicroUsd: '0' } })).toHaveLength(1);
  expect(undocumented({ ...given, status: 200, body: { ...balance, more: 1 } })).toHaveLength(1);
  expect(undocumented({ ...given, status: 409, body: {} })).toEqual(['GET /clipyard/v1/balance does not document 409']);
  expect(undocumented({ ...given, route: '/clipyard/v1/balances', status: 200, body: {} })).toHaveLength(1);
});

describe('the routes', () => {
  let own: OwnApp;

  beforeAll(async () => {
    own = await openOwnApp();
  });
  beforeEach(async () => {
    await own.reset();
    const { db } = own.database;
    await syncAccounts(db, [makeAccount({ id: 'airforce-1' })]);
    await replacePublishedModels(db, 'airforce-1', [makeOffer({ upstreamModel: 'sandbox-mini' })]);
    const createdAt = CREATED;
    const orphan = { account: 'airforce-1', credential: 'airforce-1', taskId: 'task_1', upstreamModel: 'wan' };
    await bookOrphan(db, { ...orphan, costMicroUsd: 5, createdAt });
    await insertVideo(db, {
      id: 'video_1',
      state: 'completed',
      provider: 'airforce',
      account: 'airforce-1',
      archive: makeArchive(),
      createdAt,
      endedAt: CREATED,
    });
  });
  afterAll(() => own.close());

  // What `ask` gets is held against the document, here and in every other test of these routes.
  test('answer as documented, each of them', async () => {
    const { id } = await own.join('studio', 500);
    const payload = { url: 'https://studio.example/hook' };
    const endpoint = await own.ask({ method: 'POST', url: '/clipyard/v1/webhook-endpoints', payload });
    const { id: endpoints } = endpoint.body as { id: string };
    const named: Readonly<Record<string, string>> = {
      ...{ videos: 'video_1', callers: id, accounts: 'airforce-1', endpoints },
    };
    const statuses: Record<string, number> = {};
    for (const { method, path, id: name, tag, example } of operations) {
      // Files, streams, messages and a page: no answers in JSON of ours. The console's session has cookies, and tests of its own.
      if (['media', 'events', 'agents', 'console'].includes(tag.name) || name === 'getDocumentation') continue;
      const url = path.replace(/(\w+)\/:id/, (_, kind: string) => `${kind}/${named[kind]}`);
      const payload = example as Record<string, unknown> | undefined;
      const { status } = await own.ask({ method, url, ...(payload && { payload }) });
      statuses[name] = status;
    }
    expect(statuses).toEqual({
      getVideo: 200,
      listVideos: 200,
      cancelVideo: 200,
      recheckVideo: 200,
      rearchiveVideo: 409,
      makeVideoAgain: 400,
      actOnVideos: 200,
      listModels: 200,
      estimate: 200,
      getBalance: 200,
      listEntries: 200,
      getCosts: 200,
      refundVideo: 409,
      resolveVideo: 409,
      settleVideo: 409,
      listCallers: 200,
      testWebhookEndpoint: 202,
      listDeliveries: 200,
      replayDelivery: 404,
      getDelivery: 404,
      listVideoDeliveries: 200,
      replayDeliveries: 200,
      listWebhookEndpoints: 200,
      createWebhookEndpoint: 201,
      getWebhookEndpoint: 200,
      changeWebhookEndpoint: 200,
      rotateWebhookSecret: 200,
      getCallbackSecret: 200,
      rotateCallbackSecret: 200,
      deleteWebhookEndpoint: 200,
      createCaller: 201,
      changeCaller: 200,
      creditCaller: 200,
      createBatch: 400,
      listBatches: 200,
      getBatch: 404,
      listBatchItems: 404,
      getBatchManifest: 404,
      cancelBatch: 404,
      retryBatch: 404,
      createFilm: 404,
      getFilm: 404,
      listAccounts: 200,
      pauseAccount: 200,
      resumeAccount: 200,
      decodePayloads: 200,
      encodePayloads: 200,
      decodePayloadsOfNamespace: 200,
      encodePayloadsOfNamespace: 200,
      getLiveness: 200,
      getReadiness: 200,
      getDocument: 200,
    });
  });

  test('ask for the key that is documented before anything else', async () => {
    const { key } = await own.join('studio');
    const keyed = operations.filter(({ access }) => access !== 'none');
    expect(keyed).not.toEqual([]);
    for (const { method, path, access } of keyed) {
      const url = path.replace(':id', 'none');
      expect((await own.ask({ method, url, key: null })).status).toBe(401);
      if (access === 'root') expect((await own.ask({ method, url, key })).status).toBe(403);
    }
  });

  test('show the document and the page to anybody', async () => {
    const { app } = own;
    const json = await app.inject('/openapi.json');
    expect(json.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(json.json()).toEqual(buildOpenApi(app.operations, { url: 'http://127.0.0.1:8787', version: VERSION }));
    const page = await app.inject('/docs');
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(page.headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/]{43}='; /);
  });
});

describe('the page', () => {
  let page: string;

  beforeAll(() => {
    page = renderPage(document);
  });

  test('shows every route with a command, and every shape', () => {
    for (const { path, id } of operations) {
      expect(page).toContain(`<section class="operation" id="${id}">`);
      expect(page).toContain(`<code>${path.replace(/:(\w+)/g, '{$1}')}</code>`);
    }
    expect(page.match(/<pre><code>curl /g)).toHaveLength(operations.length);
    for (const name of Object.keys(document.components.schemas)) expect(page).toContain(`id="schema-${name}"`);
  });

  test('leads nowhere but to itself and to the document, and runs nothing', () => {
    const links = [...page.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, link = '']) => link);
    const ids = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id = '']) => `#${id}`));
    expect(links.filter((link) => link !== 'openapi.json' && !ids.has(link))).toEqual([]);
    expect(page).not.toMatch(/<script|<link|<img|@import|url\(| on\w+=| style=/);
  });

  test('says within which bounds a value lies', () => {
    expect(page).toContain('<td>integer or null</td><td>Above 0, at most 2147483647.</td>');
  });

  test('shows markup in texts as text', () => {
    const info = { ...document.info, title: '<script>alert("1")</script>' };
    expect(renderPage({ ...document, info })).toContain('<h1>&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;');
  });
});

test('the version is that of the package', () => {
  expect(VERSION).toBe(JSON.parse(readProjectFile('package.json')).version);
});
