/** What is wrong with a request is said in sentences of ours, at every route that reads something. */

import type { Operation } from '../../src/http/own/operation.ts';
import { type FrontDoor, openFrontDoor } from '../contract/front-door.ts';
import { LIBRARY_WORDS } from './library-words.ts';

let door: FrontDoor;
let authorization = '';
let operations: readonly Operation[];

beforeAll(async () => {
  door = await openFrontDoor({ rootKey: 'a-root-key-of-20-characters' });
  authorization = 'Bearer a-root-key-of-20-characters';
  await door.app.ready();
  operations = [...door.app.operations];
});
afterAll(() => door.close());

const ask = async ({ method, path }: Operation, query: string, payload?: object) => {
  const url = path.replace(/:id/, 'video_1').replace(/:\w+/g, 'x');
  return await door.app.inject({
    method,
    url: `${url}${query}`,
    headers: { authorization, 'ai-model-id': 'wan-2.6' },
    ...(payload && { payload }),
  });
};

/** Members of the right names and of other types, so that each is refused in turn. */
function wrongBodies({ body, bodies }: Operation): readonly object[] {
  const schema = body ?? bodies?.['application/json']?.schema;
  if (schema === undefined) return [];
  const names = Object.keys((schema as { shape?: object }).shape ?? {});
  const values = [1.5, '', 'x'.repeat(9999), true, [{}], {}];
  const each = names.flatMap((name) => values.map((value) => ({ prompt: 'p', model: 'wan-2.6', [name]: value })));
  return [{}, { no: 'such member' }, { action: 'fly', ids: [] }, { action: 'cancel', filter: { state: 'x' } }, ...each];
}

test('no route says what is wrong with a body in the words of the schema library', async () => {
  const said: string[] = [];
  const reading = operations.filter(({ body, bodies, id }) => (body ?? bodies) && !/createAndWait|Stream/i.test(id));
  expect(reading.length).toBeGreaterThan(20);
  for (const operation of reading) {
    for (const payload of wrongBodies(operation)) {
      const { statusCode, body } = await ask(operation, '', payload);
      if (statusCode >= 500 || LIBRARY_WORDS.test(body)) said.push(`${operation.id} ${statusCode} ${body}`);
    }
  }
  expect(said).toEqual([]);
});

test('nor what is wrong with a query', async () => {
  const said: string[] = [];
  const reading = operations.filter(({ query, isStream }) => query && !isStream);
  for (const operation of reading) {
    for (const name of [...Object.keys(operation.query?.shape ?? {}), 'nosuch']) {
      for (const value of ['', 'x', '-1', '99999', 'x'.repeat(3000)]) {
        const { statusCode, body } = await ask(operation, `?${name}=${value}`);
        if (statusCode >= 500 || LIBRARY_WORDS.test(body)) said.push(`${operation.id} ${name} ${statusCode} ${body}`);
      }
    }
  }
  expect(said).toEqual([]);
});

test.each([
  ['/clipyard/v1/videos?state=flying', 'state: must be one of queued, '],
  ['/clipyard/v1/videos?limit=0', 'limit: must be a whole number from 1 to 200'],
  ['/clipyard/v1/videos?color=red', 'color: is not known here'],
  ['/clipyard/v1/costs?groupBy=day,planet', 'groupBy: must be one of day, model, caller, account, or several'],
  ['/clipyard/v1/ledger?from=yesterday', 'from: must be an ISO 8601 date, or a time with its zone'],
])('%s names its own field', async (url, words) => {
  const { body } = await door.app.inject({ url, headers: { authorization } });
  expect(JSON.parse(body)).toMatchObject({
    status: 400,
    code: 'invalid_request',
    detail: expect.stringContaining(words),
  });
});

test.each(['/clipyard/v1/costs?groupBy=', '/clipyard/v1/videos?state='])(
  '%s asks for nothing in particular',
  async (url) => {
    expect((await door.app.inject({ url, headers: { authorization } })).statusCode).toBe(200);
  },
);

test('a model that does not take the request is told by the names of our own routes', async () => {
  const url = '/clipyard/v1/estimates';
  const payload = { model: 'wan-2.6', durationSeconds: 99 };
  const { body } = await door.app.inject({ method: 'POST', url, headers: { authorization }, payload });
  expect(JSON.parse(body)).toMatchObject({ status: 400, param: 'durationSeconds' });
});
