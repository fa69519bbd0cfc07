/** Gateway and workers on PostgreSQL and a real S3 server: a worker killed in the middle of an upload is gone on from. */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  type MultipartUpload,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { findPostgresBinaries, type PostgresServer, startPostgres } from '../../bench/postgres-server.ts';
import { findS3Server, type S3Server, startS3Server } from '../../bench/s3-server.ts';
import { openBucket } from '../../src/media/s3/s3-client.ts';
import { PART_BYTES } from '../../src/media/s3/staged-upload.ts';
import { freePort } from '../../src/temporal/dev-server/process.ts';
import { SandboxClient } from '../sandbox/sandbox-client.ts';
import {
  askAs,
  type ClipyardProcess,
  compile,
  createVideos,
  ROOT_KEY,
  startClipyard,
  untilModels,
  untilPrinted,
  untilReady,
  untilVideos,
} from './clipyard-process.ts';
import { writeUpstreams } from './upstreams.ts';

/** At a part a second, so that Temporal has been told of the upload when the worker is killed. */
const CLIP_BYTES = 8 * PART_BYTES + 4321;
const KILLED_AT_PARTS = 5;

let dataDir: string;
let postgres: PostgresServer | null = null;
let s3: S3Server | null = null;
let upstream: Server | null = null;
const processes: ClipyardProcess[] = [];

beforeAll(async () => {
  compile();
  dataDir = await mkdtemp(join(tmpdir(), 'clipyard-s3-'));
}, 300_000);

afterAll(async () => {
  for (const one of processes) await one.killTree();
  upstream?.close();
  upstream?.closeAllConnections();
  await s3?.stop();
  await postgres?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

function start(args: readonly string[], settings: Readonly<Record<string, string>>): ClipyardProcess {
  const one = startClipyard(args, settings);
  processes.push(one);
  return one;
}

/** Passes everything on to the sandbox, and notes from which byte on results are asked for. */
async function noteRanges(sandboxUrl: string) {
  const ranges: string[] = [];
  const server = createServer((asked, reply) => {
    if (asked.url?.includes('/results/')) ranges.push(asked.headers.range ?? 'whole');
    const passed = request(`${sandboxUrl}${asked.url}`, { method: asked.method, headers: asked.headers }, (answer) => {
      reply.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(reply);
    });
    reply.on('close', () => passed.destroy());
    passed.on('error', () => reply.destroy());
    asked.pipe(passed);
  });
  upstream = server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, ranges };
}

/** What is unfinished in the bucket, and how many parts of it are there. */
async function unfinished({ settings }: S3Server): Promise<readonly (MultipartUpload & { readonly parts: number })[]> {
  const { client, bucket: Bucket } = openBucket(settings);
  try {
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: 'videos/' }));
    return await Promise.all(
      Uploads.map(async ({ Key, UploadId, ...upload }) => {
        const listed = await client.send(new ListPartsCommand({ Bucket, Key, UploadId }));
        return { ...upload, Key, UploadId, parts: listed.Parts?.length ?? 0 };
      }),
    );
  } finally {
    client.destroy();
  }
}

async function keysIn({ settings }: S3Server): Promise<readonly (string | undefined)[]> {
  const { client, bucket: Bucket } = openBucket(settings);
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket }));
  client.destroy();
  return Contents.map(({ Key }) => Key);
}

async function startAll() {
  const [binaries, program] = [findPostgresBinaries(), await findS3Server()];
  if (binaries === null || program === null) throw new Error('PostgreSQL or the S3 server is not on this machine');
  postgres = await startPostgres(binaries);
  s3 = await startS3Server(program);
  const sandbox = start(['sandbox', '--port', '0', '--speed', '20'], {});
  const sandboxUrl = await untilPrinted(sandbox, /^sandbox +(\S+)$/m);
  const { url: baseUrl, ranges } = await noteRanges(sandboxUrl);
  const temporal = start(['temporal'], { CLIPYARD_DATA_DIR: join(dataDir, 'temporal') });
  const account = { id: 'one', provider: 'airforce', baseUrl, timing: { firstPollMs: 300, minPollMs: 300 } };
  const port = await freePort(0);
  const { bucket, endpoint, accessKeyId, secretAccessKey } = s3.settings;
  const settings = {
    ...(await writeUpstreams(dataDir, { accounts: [account] })),
    CLIPYARD_DATA_DIR: dataDir,
    CLIPYARD_PORT: String(port),
    CLIPYARD_MEDIA: 'redirect',
    DATABASE_URL: postgres.url,
    TEMPORAL_ADDRESS: await untilPrinted(temporal, /^temporal +(\S+)$/m),
    S3_BUCKET: bucket,
    S3_ENDPOINT: endpoint,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey ?? '',
    // Where callers of the tests have clips delivered.
    CLIPYARD_TRUSTED_HOSTS: new URL(endpoint).host,
  };
  const worker = start(['work'], settings);
  start(['serve'], settings);
  await untilReady(`http://127.0.0.1:${port}/readyz`);
  const ask = askAs(ROOT_KEY, `http://127.0.0.1:${port}`);
  await untilModels(ask);
  return { s3, settings, worker, ask, ranges, sandbox: new SandboxClient(sandboxUrl) };
}

function archiveOf(video: unknown) {
  return (video as { readonly archive: { readonly url: string; readonly sha256: string } }).archive;
}

test('an upload is gone on with by another worker, whose metrics tell of it; clips come from the bucket, and one goes into a place of its caller', async () => {
  const { s3: server, settings, worker, ask, ranges, sandbox } = await startAll();
  await sandbox.configure({
    faults: [
      { kind: 'large_result', sizeBytes: CLIP_BYTES, count: 1 },
      { kind: 'slow_result', bytesPerSecond: PART_BYTES, count: 1 },
    ],
  });
  const [id = ''] = await createVideos(ask, 1, 'a fox in a bucket');
  let uploads = await unfinished(server);
  for (; (uploads[0]?.parts ?? 0) < KILLED_AT_PARTS; uploads = await unfinished(server)) await sleep(50);
  await worker.killTree();
  const [upload] = await unfinished(server);
  const partsBefore = upload?.parts ?? 0;
  const metricsPort = await freePort(0);
  start(['work'], { ...settings, CLIPYARD_METRICS_PORT: String(metricsPort) });
  const [video] = await untilVideos(ask, [id], ([snapshot]) => snapshot?.['endedAt'] !== null);
  expect(video).toMatchObject({ state: 'completed', archive: { sizeBytes: CLIP_BYTES } });
  expect(ranges).toEqual(['whole', `bytes=${partsBefore * PART_BYTES}-`]);
  expect(await unfinished(server)).toEqual([]);
  expect(await keysIn(server)).toEqual([`videos/${id}/clip.mp4`, `videos/${id}/poster.jpg`]);

  const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  expect(metrics).toMatch(/^clipyard_archives_total\{outcome="archived"\} 1$/m);
  expect(metrics).toMatch(/^temporal_worker_task_slots_available\{.*task_queue=.*\} \d+$/m);
  expect(metrics).toMatch(/^temporal_num_pollers\{/m);

  const { url, sha256 } = archiveOf(video);
  const head = await fetch(url, { method: 'HEAD', redirect: 'manual' });
  expect([head.status, head.headers.get('content-length')]).toEqual([200, String(CLIP_BYTES)]);
  const sent = await fetch(url, { redirect: 'manual' });
  expect([sent.status, new URL(sent.headers.get('location') ?? '').origin]).toEqual([302, server.settings.endpoint]);
  const bytes = Buffer.from(await (await fetch(url)).arrayBuffer());
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);

  // By a URL that is signed for one PUT, a caller has it in a place of its own.
  const { client, bucket: Bucket } = openBucket(server.settings);
  const place = { Bucket, Key: 'of-a-caller/clip.mp4' };
  const target = await getSignedUrl(client, new PutObjectCommand({ ...place, ContentType: 'video/mp4' }));
  const body = { model: 'sandbox-mini', prompt: 'delivered', duration_seconds: 1, deliver_to: target };
  const { task_id } = await ask('/airforce/v1/video/generations', body);
  const [delivered] = await untilVideos(ask, [String(task_id)], ([snapshot]) => snapshot?.['endedAt'] !== null);
  expect(delivered).toMatchObject({ state: 'completed', delivery: { state: 'delivered' } });
  const stored = await client.send(new GetObjectCommand(place));
  const copy = (await stored.Body?.transformToByteArray()) ?? '';
  expect(stored.ContentType).toBe('video/mp4');
  expect(createHash('sha256').update(copy).digest('hex')).toBe(archiveOf(delivered).sha256);
  client.destroy();
}, 600_000);

test('wrong keys end the start with a sentence', async () => {
  if (s3 === null || postgres === null) throw new Error('the servers are not there');
  const { bucket, endpoint, accessKeyId } = s3.settings;
  const refused = start(['serve'], {
    CLIPYARD_DATA_DIR: dataDir,
    DATABASE_URL: postgres.url,
    S3_BUCKET: bucket,
    S3_ENDPOINT: endpoint,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: 'another-secret-of-the-tests',
  });
  const [code] = (await once(refused.child, 'exit')) as [number | null];
  expect(code).toBe(1);
  expect(refused.output()).toContain('AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID');
  expect(refused.output()).not.toContain('another-secret-of-the-tests');
});
