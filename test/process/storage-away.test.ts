/** A media store that is away: clients are told to come again, and of the store; what is no fault of the store stays one of ours. */

import { StoreAway } from '../../src/media/media-store.ts';
import { openTestGateway, type TestGateway } from '../open-gateway.ts';
import { ROOT_KEY } from '../open-parts.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await openTestGateway();
});
afterAll(async () => gateway.close());

const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });

test.each([
  ['a bucket that cannot be reached', new StoreAway(refused), 503],
  ['a bucket that refuses the keys', new StoreAway(new Error('AccessDenied')), 503],
  ['a full disk', Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }), 503],
  ['a mistake in the code', new TypeError('not a function'), 500],
])('%s', async (_, error, status) => {
  const stage = jest.spyOn(gateway.parts.store, 'stage').mockRejectedValue(error);
  const form = new FormData();
  form.append('purpose', 'batch');
  form.append('file', new Blob(['{}\n']), 'lines.jsonl');
  const body = new Response(form);
  const answer = await gateway.app.inject({
    method: 'POST',
    url: '/openai/v1/files',
    headers: { authorization: `Bearer ${ROOT_KEY}`, 'content-type': body.headers.get('content-type') ?? '' },
    payload: Buffer.from(await body.arrayBuffer()),
  });
  stage.mockRestore();
  expect(answer.statusCode).toBe(status);
  expect(answer.headers['retry-after'] !== undefined).toBe(status === 503);
  expect(answer.body.includes('media store')).toBe(status === 503);
  expect(answer.body).not.toContain(error.message);
});
