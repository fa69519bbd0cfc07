/** The store in a bucket of a real S3 server: the contract, and the dangers of its own. */

import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { findS3Server, type S3Server, startS3Server } from '../../bench/s3-server.ts';
import { isStoreAway } from '../../src/media/media-store.ts';
import { abortAbandonedUploads } from '../../src/media/s3/abandoned-uploads.ts';
import { readObject as readPart } from '../../src/media/s3/read-object.ts';
import { type Bucket, openBucket, problemOfBucket, type S3Settings } from '../../src/media/s3/s3-client.ts';
import { openS3Store, type S3Store } from '../../src/media/s3/s3-store.ts';
import { PART_BYTES } from '../../src/media/s3/staged-upload.ts';
import { describeMediaStore, putObject, readObject } from './media-store-contract.ts';

let server: S3Server | null = null;
const stores: S3Store[] = [];
const onTestEnd: (() => void)[] = [];

beforeAll(async () => {
  const program = await findS3Server();
  if (program === null)
    throw new Error('the S3 server of the tests is built with Go 1.26, or found on PATH as versitygw');
  server = await startS3Server(program);
}, 900_000);
afterEach(() => {
  for (const end of onTestEnd.splice(0)) end();
});
afterAll(async () => {
  for (const store of stores) store.close();
  await server?.stop();
});

function settings(): S3Server['settings'] {
  if (server === null) throw new Error('the server is not there');
  return server.settings;
}

function open(changes: Partial<S3Settings & { redirects: boolean }> = {}): S3Store {
  const store = openS3Store({ ...settings(), redirects: false, onProblem: () => undefined, ...changes });
  stores.push(store);
  return store;
}

const bucket = (): Bucket => openBucket(settings());
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function unfinishedUploads(prefix: string): Promise<number> {
  const { client, bucket: name } = bucket();
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: name, Prefix: prefix }));
  return Uploads.length;
}

describeMediaStore('a bucket', () => ({ open }));

describe('an object of several parts', () => {
  const bytes = randomBytes(3 * PART_BYTES + 12_345);
  const write = async (store: S3Store, key: string, endBytes: number) => {
    const staged = await store.stage(key);
    for (let at = 0; at < endBytes; at += 700_001)
      await staged.write(bytes.subarray(at, Math.min(at + 700_001, endBytes)));
    return staged;
  };

  test('reads back whole, and leaves no upload behind', async () => {
    const store = open();
    const staged = await write(store, 'videos/whole/clip.mp4', bytes.length);
    expect(await staged.commit()).toEqual({ sha256: sha256(bytes), sizeBytes: bytes.length });
    expect((await readObject(open(), 'videos/whole/clip.mp4'))?.equals(bytes)).toBe(true);
    expect(await unfinishedUploads('videos/whole/')).toBe(0);
  });

  test('goes on in another process from the parts that the server has', async () => {
    const first = await write(open(), 'videos/resumed/clip.mp4', 2 * PART_BYTES + 99);
    await first.suspend();
    const checkpoint = await first.checkpoint();
    const second = await open().stage('videos/resumed/clip.mp4', checkpoint);
    expect(second.sizeBytes).toBe(2 * PART_BYTES);
    await second.write(bytes.subarray(second.sizeBytes));
    expect(await second.commit()).toEqual({ sha256: sha256(bytes), sizeBytes: bytes.length });
    expect(await unfinishedUploads('videos/resumed/')).toBe(0);
  });

  test('goes on where every byte was sent and the upload was not completed', async () => {
    const key = 'videos/sent/clip.mp4';
    const whole = bytes.subarray(0, 2 * PART_BYTES);
    const first = await write(open(), key, whole.length);
    await first.suspend();
    const second = await open().stage(key, await first.checkpoint());
    expect(second.sizeBytes).toBe(whole.length);
    expect(await second.commit()).toEqual({ sha256: sha256(whole), sizeBytes: whole.length });
  });

  test('a checkpoint of another key starts anew', async () => {
    const first = await write(open(), 'videos/one/clip.mp4', PART_BYTES);
    await first.suspend();
    const other = await open().stage('videos/other/clip.mp4', await first.checkpoint());
    expect(other.sizeBytes).toBe(0);
    await other.discard();
    await first.discard();
    expect(await unfinishedUploads('videos/one/')).toBe(0);
  });

  test('a discarded one leaves no upload behind', async () => {
    const staged = await write(open(), 'videos/discarded/clip.mp4', 2 * PART_BYTES);
    await staged.discard();
    expect(await unfinishedUploads('videos/discarded/')).toBe(0);
  });

  test('whose upload is ended by another process fails at the commit', async () => {
    const staged = await write(open(), 'videos/ended/clip.mp4', 2 * PART_BYTES);
    await staged.suspend();
    expect(await abortAbandonedUploads(bucket(), new Date(Date.now() + 60_000))).toBeGreaterThan(0);
    await expect(staged.commit()).rejects.toThrow();
    expect(await open().sizeBytes('videos/ended/clip.mp4')).toBeNull();
  });
});

test('only old uploads of ours are ended', async () => {
  const { client, bucket: name } = bucket();
  const begin = (Key: string) => client.send(new CreateMultipartUploadCommand({ Bucket: name, Key }));
  const other = await begin('others/backup.tar');
  await begin('videos/abandoned/clip.mp4');
  expect(await abortAbandonedUploads(bucket(), new Date(Date.now() - 60_000))).toBe(0);
  expect(await unfinishedUploads('videos/abandoned/')).toBe(1);
  expect(await abortAbandonedUploads(bucket(), new Date(Date.now() + 60_000))).toBe(1);
  expect(await unfinishedUploads('videos/')).toBe(0);
  const parts = await client.send(
    new ListPartsCommand({ Bucket: name, Key: 'others/backup.tar', UploadId: other.UploadId }),
  );
  expect(parts.UploadId).toBe(other.UploadId);
});

test('parts behind a gap are sent again', async () => {
  const { client, bucket: name } = bucket();
  const at = { Bucket: name, Key: 'videos/gap/clip.mp4' };
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(at));
  const Body = randomBytes(PART_BYTES);
  for (const PartNumber of [1, 3]) await client.send(new UploadPartCommand({ ...at, UploadId, PartNumber, Body }));
  const staged = await open().stage(at.Key, { uploadId: UploadId ?? '' });
  expect(staged.sizeBytes).toBe(PART_BYTES);
  await staged.discard();
});

const PAGE = '<html><body>Sign in to go on</body></html>';
const EMPTY =
  '<ListBucketResult><Name>clips</Name><MaxKeys>1</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>';

test.each([
  ['a page', 200, PAGE, 'no S3 server: it lists no bucket'],
  ['a page', 502, PAGE, 'an answer 502 that is none of S3'],
  ['an empty list', 200, EMPTY, 'no S3 server: what is written there cannot be read back'],
])('the check tells %s that something answers everything with, as %i', async (_what, status, body, problem) => {
  const page = createServer((request, reply) => {
    request.resume();
    reply.writeHead(status, { 'content-type': 'text/html' }).end(body);
  });
  onTestEnd.push(() => void page.close());
  await new Promise<void>((resolve) => void page.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(page.address() as AddressInfo).port}`;
  const error = await open({ endpoint })
    .check()
    .catch((caught: unknown) => caught);
  expect(isStoreAway(error)).toBe(true);
  expect(String(error)).toContain(problem);
});

test('the check leaves nothing in the bucket', async () => {
  await open().check();
  const { client, bucket: name } = bucket();
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: name, Prefix: '.check' }));
  expect(Contents).toEqual([]);
});

test.each<[string, Partial<S3Settings>, string]>([
  ['a wrong secret', { secretAccessKey: 'another-secret-of-the-tests' }, 'AWS_SECRET_ACCESS_KEY does not belong'],
  ['a wrong key', { accessKeyId: 'nobody' }, 'AWS_ACCESS_KEY_ID is not known'],
  ['a bucket that is not there', { bucket: 'not-there' }, 'S3_BUCKET names a bucket that does not exist'],
  ['another region', { region: 'eu-central-1' }, 'AWS_REGION is not the region'],
])('the check tells %s in words', async (_what, wrong, problem) => {
  const error = await open(wrong)
    .check()
    .catch((caught: unknown) => caught);
  expect(problemOfBucket(error)).toContain(problem);
});

test('what may pass by itself is no problem of the settings', async () => {
  const error = await open({ endpoint: 'http://127.0.0.1:1' })
    .check()
    .catch((caught: unknown) => caught);
  expect(isStoreAway(error)).toBe(true);
  expect(problemOfBucket(error)).toBeNull();
});

test.each<[string, Partial<S3Settings>]>([
  ['is not there', { endpoint: 'http://127.0.0.1:1' }],
  ['refuses the keys', { secretAccessKey: 'another-secret-of-the-tests' }],
])('a server that %s is told from an object that is not', async (_what, wrong) => {
  const store = open(wrong);
  const reading = store.read('videos/any/clip.mp4').catch((error: unknown) => error);
  expect(isStoreAway(await reading)).toBe(true);
  const writing = putObject(store, 'videos/any/clip.mp4', Buffer.from('bytes')).catch((error: unknown) => error);
  expect(isStoreAway(await writing)).toBe(true);
});

test('a server that falls silent within an object is given up, and a reader who rests is not', async () => {
  const half = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': 2_000_000 });
    response.write(Buffer.alloc(1_000_000));
  });
  await new Promise<void>((resolve) => half.listen(0, '127.0.0.1', resolve));
  const { port } = half.address() as AddressInfo;
  const at = { ...openBucket({ ...settings(), endpoint: `http://127.0.0.1:${port}` }), silenceMs: 50 };
  onTestEnd.push(() => {
    at.client.destroy();
    half.closeAllConnections();
    half.close();
  });
  const body = await readPart(at, 'videos/silent/clip.mp4');
  await sleep(500);
  expect(body?.destroyed).toBe(false);
  let sizeBytes = 0;
  const reading = async () => {
    const chunks: AsyncIterable<Uint8Array> = body ?? Readable.from([]);
    for await (const { byteLength } of chunks) sizeBytes += byteLength;
  };
  await expect(reading()).rejects.toThrow('said nothing for 50 ms');
  expect(sizeBytes).toBe(1_000_000);
});

test('a range behind the end of an object is not there', async () => {
  const store = open();
  await putObject(store, 'videos/short/clip.mp4', Buffer.from('0123456789'));
  expect(await store.read('videos/short/clip.mp4', { start: 10, end: 12 })).toBeNull();
});

test('a link gives the bytes, ranges of them and their names, to those alone who have it whole', async () => {
  const store = open({ redirects: true });
  await putObject(store, 'videos/linked/clip.mp4', Buffer.from('0123456789'));
  const link = (await store.linkTo?.('videos/linked/clip.mp4', { contentType: 'video/mp4', filename: 'v.mp4' })) ?? '';
  expect(store.linkOrigin).toBe(new URL(link).origin);
  const answer = await fetch(link, { headers: { range: 'bytes=2-4' } });
  expect([answer.status, await answer.text()]).toEqual([206, '234']);
  expect(answer.headers.get('content-type')).toBe('video/mp4');
  expect(answer.headers.get('content-disposition')).toBe('inline; filename="v.mp4"');
  const tampered = await fetch(link.replace('linked', 'whole'));
  expect(tampered.status).toBe(403);
  await tampered.body?.cancel();
});

test('a link to AWS leads to the host of its bucket', async () => {
  const store = open({ redirects: true, endpoint: null, region: 'eu-central-1' });
  const link = (await store.linkTo?.('videos/linked/clip.mp4', { contentType: 'video/mp4', filename: 'v.mp4' })) ?? '';
  expect(store.linkOrigin).toBe(new URL(link).origin);
});

test('clips go through us unless callers may fetch them', () => {
  expect(open().linkTo).toBeUndefined();
});
