/** A request that is repeated with its key is answered with what it made, also where what it was made from is gone by then. */

import { type FrontDoor, openFrontDoor } from '../contract/front-door.ts';
import { makePng } from '../fixtures/images.ts';

let door: FrontDoor;
let key = '';

beforeAll(async () => {
  door = await openFrontDoor();
  key = await door.join();
});
afterAll(() => door.close());

async function send(method: 'POST' | 'DELETE', url: string, payload?: object | Buffer, headers: object = {}) {
  const answer = await door.app.inject({
    method,
    url,
    headers: { authorization: `Bearer ${key}`, ...headers },
    ...(payload && { payload }),
  });
  return { status: answer.statusCode, body: answer.json() };
}

async function upload(purpose: string, bytes: Buffer): Promise<string> {
  const head = `--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\n${purpose}\r\n--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n`;
  const form = Buffer.concat([Buffer.from(head), bytes, Buffer.from('\r\n--b--\r\n')]);
  const { body } = await send('POST', '/v1/files', form, { 'content-type': 'multipart/form-data; boundary=b' });
  return body.id;
}

const keyed = (name: string) => ({ 'idempotency-key': name });

test('a video whose image was a file that is gone', async () => {
  const file = await upload('vision', makePng());
  const create = { model: 'wan-2.6', prompt: 'a fox', seconds: 5, input_reference: { file_id: file } };
  const first = await send('POST', '/openai/v1/videos', create, keyed('image'));
  expect(first.status).toBe(200);
  expect((await send('DELETE', `/v1/files/${file}`)).status).toBe(200);
  expect(await send('POST', '/openai/v1/videos', create, keyed('image'))).toEqual(first);
  const other = { ...create, prompt: 'another fox' };
  expect((await send('POST', '/openai/v1/videos', other, keyed('image'))).status).toBe(422);
  expect((await send('POST', '/openai/v1/videos', create, keyed('new'))).status).toBe(400);
});

test('a remix whose source is gone', async () => {
  const source = await door.create(key, 'openai');
  await door.fail(source);
  const remix = () => send('POST', `/openai/v1/videos/${source}/remix`, { prompt: 'the same at dawn' }, keyed('remix'));
  const first = await remix();
  expect(first).toMatchObject({ status: 200, body: { remixed_from_video_id: source } });
  expect((await send('DELETE', `/openai/v1/videos/${source}`)).status).toBe(200);
  expect(await remix()).toEqual(first);
});

test('a video that is made again of one that is gone', async () => {
  const source = await door.create(key, 'openai');
  await door.fail(source);
  const again = () => send('POST', `/clipyard/v1/videos/${source}/again`, { prompt: 'once more' }, keyed('again'));
  const first = await again();
  expect(first).toMatchObject({ status: 201, body: { againOf: source } });
  expect((await send('DELETE', `/openai/v1/videos/${source}`)).status).toBe(200);
  expect(await again()).toMatchObject({ status: 201, body: { id: first.body.id } });
});

describe('a batch whose file is gone', () => {
  const line = {
    custom_id: 'a',
    method: 'POST',
    url: '/v1/videos',
    body: { model: 'wan-2.6', prompt: 'p', seconds: 5 },
  };

  test.each(['with its key', 'without one'])('by the words of OpenAI, %s', async (how) => {
    const file = await upload('batch', Buffer.from(`${JSON.stringify({ ...line, custom_id: how })}\n`));
    const body = { input_file_id: file, endpoint: '/v1/videos', completion_window: '24h' };
    const create = () => send('POST', '/v1/batches', body, how === 'with its key' ? keyed('batch') : {});
    const first = await create();
    expect(first).toMatchObject({ status: 200, body: { status: 'in_progress' } });
    await send('DELETE', `/v1/files/${file}`);
    expect(await create()).toMatchObject({ status: 200, body: { id: first.body.id } });
  });

  test.each(['with its key', 'without one'])('by our own words, %s', async (how) => {
    const fileId = await upload('batch', Buffer.from(`${JSON.stringify({ ...line, custom_id: how })}\n`));
    const create = () => send('POST', '/clipyard/v1/batches', { fileId }, how === 'with its key' ? keyed('own') : {});
    const first = await create();
    expect(first).toMatchObject({ status: 202, body: { total: 1 } });
    await send('DELETE', `/v1/files/${fileId}`);
    expect(await create()).toMatchObject({ status: 202, body: { id: first.body.id, total: 1 } });
  });

  test('by our own words, for something else', async () => {
    const fileId = await upload('batch', Buffer.from(`${JSON.stringify(line)}\n`));
    const create = (name: string) => send('POST', `/clipyard/v1/batches?name=${name}`, { fileId });
    const [one, other] = [await create('one'), await create('other')];
    expect([one.status, other.status]).toEqual([202, 202]);
    expect(other.body.id).not.toBe(one.body.id);
  });
});
