/** A catalog that is away: clients are told to come again, in the words of the API that they speak. */

import { openTestGateway, type TestGateway } from '../open-gateway.ts';
import { ROOT_KEY } from '../open-parts.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await openTestGateway();
});
afterAll(async () => gateway.close());

test.each([
  ['no server', Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }), 503],
  ['a server that stops', Object.assign(new Error('terminating connection'), { code: '57P01' }), 503],
  ['a statement that took too long', Object.assign(new Error('canceling statement'), { code: '57014' }), 503],
  ['a password that has changed', Object.assign(new Error('password authentication failed'), { code: '28P01' }), 503],
  ['a standby, which only reads', Object.assign(new Error('cannot execute INSERT'), { code: '25006' }), 503],
  ['a database that is away', Object.assign(new Error('database does not exist'), { code: '3D000' }), 503],
  ['no connection in time', new Error('timeout exceeded when trying to connect'), 503],
  ['a row that cannot be', Object.assign(new Error('null value'), { code: '23502' }), 500],
])('%s', async (_, error, status) => {
  const select = jest.spyOn(gateway.db, 'select').mockImplementation(() => {
    throw new Error('Failed query', { cause: error });
  });
  const headers = { authorization: `Bearer ${ROOT_KEY}` };
  const answers = await Promise.all(
    ['/v1/videos/video_1', '/clipyard/v1/videos/video_1'].map((url) => gateway.app.inject({ url, headers })),
  );
  select.mockRestore();
  expect(answers.map(({ statusCode }) => statusCode)).toEqual([status, status]);
  expect(answers.map((answer) => answer.headers['retry-after'] !== undefined)).toEqual([
    status === 503,
    status === 503,
  ]);
  for (const { body } of answers) expect(body).not.toContain(error.message);
});
