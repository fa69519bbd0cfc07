/**
 * The media routes over a real file store: signatures, rows, ranges, conditions, and clients that leave.
 *
 * @jest-environment-options {"timeZone":"Asia/Kathmandu"}
 */

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type FastifyInstance, fastify } from 'fastify';
import type { Video } from '../../../src/domain/video.ts';
import { sendError } from '../../../src/http/errors.ts';
import { mediaRoutes } from '../../../src/http/media/routes.ts';
import { collectOperations } from '../../../src/http/own/operation.ts';
import { createFileStore } from '../../../src/media/file-store.ts';
import { inputImageKeyOf } from '../../../src/media/input-images.ts';
import type { ByteRange, MediaStore } from '../../../src/media/media-store.ts';
import { createLinkSigner, createVideoLinks } from '../../../src/media/signed-links.ts';
import { makeArchive, makeCompletedVideo, makeVideo } from '../../builders.ts';
import { putObject } from '../../media/media-store-contract.ts';
import { holdToDocument } from '../own/documented-answers.ts';

const SIZE = 1000;
const BYTES = randomBytes(SIZE);
const POSTER = Buffer.from('not really a jpeg');
const KEYS = { clipKey: 'videos/video_1/clip.mp4', posterKey: 'videos/video_1/poster.jpg' };
const SHA = 'c0ffee'.padEnd(64, '0');
const ETAG = `"${SHA}"`;
const signer = createLinkSigner(['key'], '');
const video = makeCompletedVideo({
  archive: makeArchive({ ...KEYS, sha256: SHA, sizeBytes: SIZE }),
  endedAt: new Date('2024-05-06T12:56:00.500Z'),
  expiresAt: new Date(Date.now() + 3_600_000),
});
const IMAGE = {
  sha256: 'ab'.repeat(32),
  mediaType: 'image/png',
  sizeBytes: 5,
  storedAt: new Date('2024-05-06T12:00:00Z'),
};
const LAST_MODIFIED = 'Mon, 06 May 2024 12:56:00 GMT';
/** The same in the old form that names no zone. */
const WITHOUT_ZONE = 'Mon May  6 12:56:00 2024';
const { clipUrl, posterUrl } = createVideoLinks(signer)(video);
const CLIP = clipUrl ?? '';
const POSTER_LINK = posterUrl ?? '';

let root: string;
let store: MediaStore;
let app: FastifyInstance;
let logged: string[];
let undocumented: string[];

function build(found: Video | null, media: MediaStore = store): FastifyInstance {
  const stream = { write: (line: string) => void logged.push(line) };
  const built = fastify({ logger: { level: 'trace', stream } });
  collectOperations(built);
  undocumented = holdToDocument(built);
  built.setErrorHandler((error, request, reply) => sendError(error, { request, reply, dialect: null }));
  built.register(
    mediaRoutes({
      store: media,
      links: signer,
      findVideo: async (id) => (id === found?.id ? found : null),
      findFilm: async () => null,
      findInputImage: async (sha256) => (sha256 === IMAGE.sha256 ? IMAGE : null),
    }),
  );
  return built;
}

beforeEach(async () => {
  logged = [];
  root = mkdtempSync(join(tmpdir(), 'clipyard-media-'));
  store = createFileStore(root);
  await putObject(store, KEYS.clipKey, BYTES);
  await putObject(store, KEYS.posterKey, POSTER);
  app = build(video);
});
afterEach(async () => {
  expect(undocumented).toEqual([]);
  await app.close();
  rmSync(root, { recursive: true, force: true });
});

const fetchClip = (headers: Record<string, string> = {}, method: 'GET' | 'HEAD' = 'GET') =>
  app.inject({ method, url: CLIP, headers });

test('a signed link gives the whole clip', async () => {
  const answer = await fetchClip();
  expect(answer.statusCode).toBe(200);
  expect(answer.rawPayload.equals(BYTES)).toBe(true);
  expect(answer.headers).toMatchObject({
    'content-type': 'video/mp4',
    'content-length': '1000',
    'accept-ranges': 'bytes',
    etag: ETAG,
    'last-modified': LAST_MODIFIED,
    'content-disposition': 'inline; filename="video_1.mp4"',
    'cache-control': expect.stringContaining('private'),
  });
});

test('the poster is served as a JPEG', async () => {
  const answer = await app.inject(POSTER_LINK);
  expect(answer.rawPayload.equals(POSTER)).toBe(true);
  expect(answer.headers['content-type']).toBe('image/jpeg');
  expect(answer.headers.etag).not.toBe(ETAG);
});

test('HEAD answers as GET does, without the bytes', async () => {
  const [head, whole] = [await fetchClip({}, 'HEAD'), await fetchClip()];
  expect(head.statusCode).toBe(200);
  expect(head.rawPayload).toHaveLength(0);
  const { date: _headDate, ...headHeaders } = head.headers;
  const { date: _date, ...wholeHeaders } = whole.headers;
  expect(headHeaders).toEqual(wholeHeaders);
});

test.each([
  ['bytes=0-0', 0, 0],
  ['bytes=0-', 0, 999],
  ['bytes=10-19', 10, 19],
  ['BYTES=10-19', 10, 19],
  ['bytes=990-5000', 990, 999],
  ['bytes=-1', 999, 999],
  ['bytes=-5000', 0, 999],
  ['bytes=999-', 999, 999],
])('the range %s gives bytes %d to %d', async (range, start, end) => {
  const answer = await fetchClip({ range });
  expect(answer.statusCode).toBe(206);
  expect(answer.headers['content-range']).toBe(`bytes ${start}-${end}/1000`);
  expect(answer.headers['content-length']).toBe(String(end - start + 1));
  expect(answer.rawPayload.equals(BYTES.subarray(start, end + 1))).toBe(true);
});

test.each(['bytes=1000-', 'bytes=5000-6000', 'bytes=-0'])('the range %s cannot be satisfied', async (range) => {
  const answer = await fetchClip({ range });
  expect(answer.statusCode).toBe(416);
  expect(answer.headers['content-range']).toBe('bytes */1000');
  expect(answer.rawPayload).toHaveLength(0);
});

test.each(['bytes=0-1,5-6', 'bytes=9-3', 'bytes=', 'bytes=-', 'bytes=a-b', 'lines=1-2', '0-5'])(
  'the range %s is answered with the whole',
  async (range) => {
    const answer = await fetchClip({ range });
    expect(answer.statusCode).toBe(200);
    expect(answer.rawPayload).toHaveLength(SIZE);
  },
);

test.each<[string, Record<string, string>, number]>([
  ['the ETag', { 'if-match': ETAG }, 200],
  ['a list with the ETag', { 'if-match': `"a", ${ETAG}` }, 200],
  ['a star', { 'if-match': '*' }, 200],
  ['another ETag', { 'if-match': '"a"' }, 412],
  ['a list of others', { 'if-match': '"a","b"' }, 412],
  ['the ETag made weak', { 'if-match': `W/${ETAG}` }, 412],
  ['nonsense', { 'if-match': SHA }, 412],
  ['another ETag beside the known one', { 'if-match': '"a"', 'if-none-match': ETAG }, 412],
  ['the ETag beside itself as known', { 'if-match': ETAG, 'if-none-match': ETAG }, 304],
  ['another ETag beside a range', { 'if-match': '"a"', range: 'bytes=0-9' }, 412],
  ['the ETag beside a range', { 'if-match': ETAG, range: 'bytes=0-9' }, 206],
])('If-Match with %s decides before all else', async (_what, headers, status) => {
  const answer = await fetchClip(headers);
  expect(answer.statusCode).toBe(status);
  expect((await fetchClip(headers, 'HEAD')).statusCode).toBe(status === 206 ? 200 : status);
  if (status !== 412) return;
  expect(answer.json()).toMatchObject({ status: 412, code: 'precondition_failed' });
  expect(answer.headers).not.toHaveProperty('content-range');
});

test.each<[string, Record<string, string>, number]>([
  ['the date', { 'if-unmodified-since': LAST_MODIFIED }, 200],
  ['the date without a zone', { 'if-unmodified-since': WITHOUT_ZONE }, 200],
  ['a later date', { 'if-unmodified-since': 'Mon, 06 May 2024 12:56:01 GMT' }, 200],
  ['an earlier date', { 'if-unmodified-since': 'Mon, 06 May 2024 12:55:59 GMT' }, 412],
  ['nonsense', { 'if-unmodified-since': 'yesterday' }, 200],
  [
    'an earlier date beside a range',
    { 'if-unmodified-since': 'Mon, 06 May 2024 12:55:59 GMT', range: 'bytes=0-9' },
    412,
  ],
  [
    'an earlier date beside the ETag',
    { 'if-unmodified-since': 'Mon, 06 May 2024 12:55:59 GMT', 'if-match': ETAG },
    200,
  ],
  ['the date beside the known ETag', { 'if-unmodified-since': LAST_MODIFIED, 'if-none-match': ETAG }, 304],
])('If-Unmodified-Since with %s decides where there is no If-Match', async (_what, headers, status) => {
  expect((await fetchClip(headers)).statusCode).toBe(status);
  expect((await fetchClip(headers, 'HEAD')).statusCode).toBe(status);
});

test.each([
  ['the ETag', ETAG, 206],
  ['another ETag', '"other"', 200],
  ['a weak ETag', `W/${ETAG}`, 200],
  ['the date', LAST_MODIFIED, 206],
  ['the date without a zone', WITHOUT_ZONE, 206],
  ['an earlier date', 'Mon, 06 May 2024 12:55:59 GMT', 200],
  ['a later date', 'Mon, 06 May 2024 12:56:01 GMT', 200],
  ['nonsense', 'yesterday', 200],
])('If-Range with %s decides about the range', async (_what, ifRange, status) => {
  expect((await fetchClip({ range: 'bytes=0-9', 'if-range': ifRange })).statusCode).toBe(status);
});

test.each<[string, Record<string, string>, number]>([
  ['the ETag', { 'if-none-match': ETAG }, 304],
  ['a list with the ETag', { 'if-none-match': `"a", W/${ETAG}` }, 304],
  ['a star', { 'if-none-match': '*' }, 304],
  ['another ETag', { 'if-none-match': '"a"' }, 200],
  ['the date', { 'if-modified-since': LAST_MODIFIED }, 304],
  ['the date without a zone', { 'if-modified-since': WITHOUT_ZONE }, 304],
  ['an earlier date', { 'if-modified-since': 'Mon, 06 May 2024 12:55:00 GMT' }, 200],
  ['another ETag beside the date', { 'if-none-match': '"a"', 'if-modified-since': LAST_MODIFIED }, 200],
])('a condition with %s answers as documented', async (_what, headers, status) => {
  const answer = await fetchClip(headers);
  expect(answer.statusCode).toBe(status);
  expect(answer.headers.etag).toBe(ETAG);
  expect(answer.rawPayload).toHaveLength(status === 304 ? 0 : SIZE);
});

test.each([
  ['a changed signature', () => CLIP.slice(0, -2), 403],
  ['no signature', () => '/media/video_1/clip.mp4', 403],
  ['repeated parameters', () => `${CLIP}&expires=1`, 403],
  ['the clip’s signature on the poster', () => CLIP.replace('clip.mp4', 'poster.jpg'), 403],
  ['an expired link', () => signer.sign(video, 'clip', new Date(Date.now() - 1000)), 410],
  ['an unknown file', () => CLIP.replace('clip.mp4', 'clip.webm'), 404],
  ['a file named like a method', () => CLIP.replace('clip.mp4', 'constructor'), 404],
  ['an unknown video', () => signer.sign({ id: 'video_2' }, 'clip', video.expiresAt), 404],
])('%s is refused as a problem (AF-50, AO-19)', async (_what, url, status) => {
  const answer = await app.inject(url());
  expect(answer.statusCode).toBe(status);
  expect(answer.headers['content-type']).toContain('application/problem+json');
  expect(answer.json()).toMatchObject({ status });
});

test.each<[string, Video, number]>([
  ['still runs', makeVideo({ state: 'archiving', expiresAt: video.expiresAt }), 404],
  ['was purged', { ...video, purgedAt: new Date() }, 410],
  ['has expired meanwhile', { ...video, expiresAt: new Date(Date.now() - 1) }, 410],
])('the link of a video that %s is refused (AF-50, X22)', async (_what, found, status) => {
  await app.close();
  app = build(found);
  expect((await fetchClip()).statusCode).toBe(status);
});

test.each(['GET', 'HEAD'] as const)('a file that went before its row is gone to %s', async (method) => {
  await store.remove(KEYS.clipKey);
  const answer = await fetchClip({ range: 'bytes=0-1' }, method);
  expect(answer.statusCode).toBe(410);
  expect(answer.headers['content-type']).toContain('application/problem+json');
  expect(answer.headers['content-range']).toBeUndefined();
  expect(answer.headers.etag).toBeUndefined();
});

test('an unreachable store is an internal error without details', async () => {
  await app.close();
  const broken: MediaStore = Object.assign(Object.create(store), {
    read: async () => {
      throw new Error('the disk is away');
    },
  });
  app = build(video, broken);
  const answer = await fetchClip();
  expect(answer.statusCode).toBe(500);
  expect(answer.body).not.toContain('disk');
  expect(answer.headers.etag).toBeUndefined();
  expect(answer.headers['accept-ranges']).toBeUndefined();
});

test.each([undefined, 'bytes=100-899'])('an answer whose bytes end too soon breaks off (range %s)', async (range) => {
  await putObject(store, KEYS.clipKey, BYTES.subarray(0, 500));
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}${CLIP}`, { headers: range === undefined ? {} : { range } });
  expect(answer.ok).toBe(true);
  await expect(answer.arrayBuffer()).rejects.toThrow('terminated');
});

test('the query with its signature is never logged', async () => {
  await fetchClip();
  await fetchClip({ range: 'bytes=5000-' });
  await app.inject(CLIP.slice(0, -2));
  expect(logged.join()).not.toContain('signature');
});

test('the file is closed when the client leaves', async () => {
  await app.close();
  const big = 8 * 1024 * 1024;
  await putObject(store, KEYS.clipKey, Buffer.alloc(big));
  const opened: Readable[] = [];
  const watching: MediaStore = Object.assign(Object.create(store), {
    read: async (key: string, range?: ByteRange) => {
      const stream = await store.read(key, range);
      if (stream !== null) opened.push(stream);
      return stream;
    },
  });
  app = build({ ...video, archive: makeArchive({ ...KEYS, sizeBytes: big }) }, watching);
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const answer = await new Promise<IncomingMessage>((resolve) => get(`http://127.0.0.1:${port}${CLIP}`, resolve));
  const closed = new Promise((resolve) => opened[0]?.once('close', resolve));
  answer.destroy();
  await closed;
  expect(opened[0]?.destroyed).toBe(true);
  expect(opened[0]?.readableEnded).toBe(false);
});

describe('where callers may fetch from the store themselves', () => {
  beforeEach(async () => {
    await app.close();
    const linkTo: MediaStore['linkTo'] = async (key, { contentType, filename }) =>
      `https://bucket.example/${key}?type=${contentType}&name=${filename}`;
    app = build(video, Object.assign(createFileStore(root), { linkTo }));
  });

  test.each([[{}], [{ range: 'bytes=5-9' }]])('GET with %j is sent there', async (headers) => {
    const answer = await fetchClip(headers);
    expect([answer.statusCode, answer.body]).toEqual([302, '']);
    expect(answer.headers.location).toBe(`https://bucket.example/${KEYS.clipKey}?type=video/mp4&name=video_1.mp4`);
    expect(answer.headers['cache-control']).toBe('private, no-store');
    expect(undocumented).toEqual([]);
  });

  test('HEAD is answered by us', async () => {
    const answer = await app.inject({ method: 'HEAD', url: CLIP });
    expect([answer.statusCode, answer.headers['content-length']]).toEqual([200, String(SIZE)]);
  });

  test.each([
    [{ 'if-none-match': ETAG }, 304],
    [{ 'if-match': ETAG }, 200],
    [{ 'if-match': '"another"' }, 412],
    [{ range: 'bytes=0-1', 'if-range': ETAG }, 206],
  ])('the condition %j is for us to answer: the bucket knows other ETags', async (headers, status) => {
    expect((await fetchClip(headers)).statusCode).toBe(status);
  });

  test('a link that is not signed leads nowhere', async () => {
    expect((await app.inject(CLIP.slice(0, -2))).statusCode).toBe(403);
  });

  test('an input image goes through us: who fetches it need not follow', async () => {
    await putObject(store, inputImageKeyOf(IMAGE.sha256), Buffer.from('image'));
    const answer = await app.inject(signer.signImage(IMAGE, new Date(Date.now() + 60_000)));
    expect([answer.statusCode, answer.body]).toEqual([200, 'image']);
  });
});

describe('an input image', () => {
  const link = () => signer.signImage(IMAGE, new Date(Date.now() + 60_000));

  beforeEach(async () => {
    await putObject(store, inputImageKeyOf(IMAGE.sha256), Buffer.from('image'));
  });

  test('is served by its link', async () => {
    const answer = await app.inject(link());
    expect({ status: answer.statusCode, body: answer.body }).toEqual({ status: 200, body: 'image' });
    expect(answer.headers).toMatchObject({ 'content-type': 'image/png', etag: `"${IMAGE.sha256}"` });
    const part = await app.inject({ url: link(), headers: { range: 'bytes=1-2' } });
    expect({ status: part.statusCode, body: part.body }).toEqual({ status: 206, body: 'ma' });
  });

  test.each<[string, () => string, number]>([
    ['an unsigned link', () => `/input-images/${IMAGE.sha256}.png`, 403],
    ['a link for another image', () => link().replace('abab', 'cdcd'), 403],
    ['a link that has expired', () => signer.signImage(IMAGE, new Date(Date.now() - 1000)), 410],
    [
      'a link to a forgotten image',
      () => signer.signImage({ ...IMAGE, sha256: 'f'.repeat(64) }, new Date(Date.now() + 60_000)),
      410,
    ],
    ['a name that leads elsewhere', () => '/input-images/..%2f..%2fcatalog', 403],
  ])('is not served by %s', async (_what, url, status) => {
    expect((await app.inject(url())).statusCode).toBe(status);
  });

  test('whose bytes have just been removed is gone', async () => {
    await store.remove(inputImageKeyOf(IMAGE.sha256));
    expect((await app.inject(link())).statusCode).toBe(410);
  });
});
