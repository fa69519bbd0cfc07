/** Result links: whole and partial downloads, and what is refused. */

import { readRange } from '../../src/sandbox/byte-range.ts';
import { readClip } from './mp4-reader.ts';
import { closeSandboxes, download, MINI, type SandboxClient, startFast } from './sandbox-client.ts';

let client: SandboxClient;
let url: string;
beforeAll(async () => {
  client = await startFast();
  url = (await client.finish({ ...MINI, duration_seconds: 2 })).result_url ?? '';
});
afterAll(closeSandboxes);

test('a download is the clip in its length', async () => {
  const { response, bytes } = await download(url);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('video/mp4');
  expect(response.headers.get('accept-ranges')).toBe('bytes');
  expect(Number(response.headers.get('content-length'))).toBe(bytes.length);
  expect(await readClip(bytes)).toMatchObject({ durationSeconds: 2, width: 640, height: 360 });
});

test('HEAD answers the headers without a body', async () => {
  const { bytes, response } = await download(url);
  const head = await fetch(url, { method: 'HEAD' });
  expect(head.headers.get('content-length')).toBe(String(bytes.length));
  expect(head.headers.get('etag')).toBe(response.headers.get('etag'));
  expect(await head.text()).toBe('');
});

test('parts put together are the whole', async () => {
  const whole = await download(url);
  const etag = whole.response.headers.get('etag') ?? '';
  const first = await download(url, { range: 'bytes=0-999' });
  const rest = await download(url, { range: 'bytes=1000-', 'if-range': etag });
  expect([first.response.status, rest.response.status]).toEqual([206, 206]);
  expect(first.response.headers.get('content-range')).toBe(`bytes 0-999/${whole.bytes.length}`);
  expect(Buffer.concat([first.bytes, rest.bytes])).toEqual(whole.bytes);
});

test('another If-Range tag gets the whole again', async () => {
  const { response } = await download(url, { range: 'bytes=1000-', 'if-range': '"other"' });
  expect(response.status).toBe(200);
});

test('a range beyond the end is 416 with the size', async () => {
  const { bytes } = await download(url);
  const { response } = await download(url, { range: `bytes=${bytes.length}-` });
  expect(response.status).toBe(416);
  expect(response.headers.get('content-range')).toBe(`bytes */${bytes.length}`);
});

test('a link that was changed or is over is 403', async () => {
  const longer = url.replace(/expires=\d+/, `expires=${Math.floor(Date.now() / 1000) + 1_000_000}`);
  expect((await fetch(longer)).status).toBe(403);
  expect((await fetch(url.split('?')[0] ?? '')).status).toBe(403);
  jest.useFakeTimers({ now: Date.now() + 86_401_000, advanceTimers: true, doNotFake: ['setTimeout', 'setImmediate'] });
  const late = await fetch(url).finally(() => jest.useRealTimers());
  expect(late.status).toBe(403);
});

test.each([
  ['bytes=0-0', { kind: 'part', first: 0, last: 0 }],
  ['bytes=90-', { kind: 'part', first: 90, last: 99 }],
  ['bytes=-10', { kind: 'part', first: 90, last: 99 }],
  ['bytes=-200', { kind: 'part', first: 0, last: 99 }],
  ['bytes=50-500', { kind: 'part', first: 50, last: 99 }],
  ['bytes=100-', { kind: 'unsatisfiable' }],
  ['bytes=-0', { kind: 'unsatisfiable' }],
  ['bytes=5-2', { kind: 'all' }],
  ['bytes=0-1,5-6', { kind: 'all' }],
  ['lines=1-2', { kind: 'all' }],
])('the header %s over 100 bytes is read', (range, expected) => {
  expect(readRange({ range }, { sizeBytes: 100, etag: '"x"' })).toEqual(expected);
});
