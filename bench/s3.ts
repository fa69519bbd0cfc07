/** Benchmark `s3`: a large clip brought into a bucket, also by workers that are killed, against an upload of the same file. */

import { execFile, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { openBucket, type S3Settings } from '../src/media/s3/s3-client.ts';
import { PART_BYTES } from '../src/media/s3/staged-upload.ts';
import { MEBIBYTE, makeLargeClip, SANDBOX_SPEED } from './archive.ts';
import { type ArchiveNews, type ArchiveTask, archiveNews } from './archive-process.ts';
import type { BenchContext, Outcome } from './benchmark.ts';
import { findS3Server, startS3Server } from './s3-server.ts';
import { startSandboxProcess } from './subject.ts';

const CLIP_BYTES = 1024 * MEBIBYTE;
const WARM_UP_BYTES = 64 * MEBIBYTE;
const KILLED_AT = [0.3, 0.7];
/** As `aws s3 cp` does without settings. */
const BASELINE = { partBytes: 8 * MEBIBYTE, partsAtOnce: 10 };
const LEAST_SHARE = 0.8;
const MOST_GROWTH_MIB = 64;
/** One part, and a chunk of the next one. */
const MOST_TWICE_MIB = PART_BYTES / MEBIBYTE + 1;

const run = promisify(execFile);
const PROGRAM = fileURLToPath(new URL('./archive-process.js', import.meta.url));

type Archived = Extract<ArchiveNews, { kind: 'archived' }>;

interface Attempt {
  readonly archived: Archived | null;
  readonly fromBytes: number;
  readonly receivedBytes: number;
  readonly details: unknown;
}

/** Runs a worker until it is done, or kills it once so much of the clip was received. */
async function attempt(task: ArchiveTask, killAtBytes: number | null): Promise<Attempt> {
  const child = fork(PROGRAM, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  let state: Attempt = { archived: null, fromBytes: 0, receivedBytes: 0, details: task.resumeFrom };
  child.on('message', (message) => {
    const news = archiveNews.parse(message);
    if (news.kind === 'asked') state = { ...state, fromBytes: news.fromBytes };
    if (news.kind === 'received') state = { ...state, receivedBytes: news.bytes };
    if (news.kind === 'beat') state = { ...state, details: news.details };
    if (news.kind === 'archived') state = { ...state, archived: news };
    if (killAtBytes !== null && state.fromBytes + state.receivedBytes >= killAtBytes) child.kill('SIGKILL');
  });
  child.send(task);
  await new Promise<void>((resolve) => child.once('close', () => resolve()));
  if (state.archived === null && killAtBytes === null) throw new Error('the clip was not archived');
  return state;
}

/** Archives with kills on the way; how many bytes were fetched twice for each. */
async function archiveWithKills(task: ArchiveTask) {
  const twiceBytes: number[] = [];
  let details: unknown;
  let reachedBytes = 0;
  for (const share of [...KILLED_AT, null]) {
    const killAtBytes = share === null ? null : share * CLIP_BYTES;
    const {
      archived,
      fromBytes,
      receivedBytes,
      details: last,
    } = await attempt({ ...task, resumeFrom: details }, killAtBytes);
    if (details !== undefined) twiceBytes.push(reachedBytes - fromBytes);
    if (archived !== null) return { archived, twiceBytes };
    reachedBytes = fromBytes + receivedBytes;
    details = last;
  }
  throw new Error('the clip was not archived');
}

/** Sends the file's parts side by side, and nothing else. */
async function uploadFile(settings: S3Settings, file: string): Promise<number> {
  const { client, bucket } = openBucket(settings);
  const named = { Bucket: bucket, Key: 'videos/baseline/clip.mp4' };
  const handle = await open(file);
  const startedMs = performance.now();
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(named));
  const count = Math.ceil((await handle.stat()).size / BASELINE.partBytes);
  const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
  const send = async (n: number) => {
    const { buffer, bytesRead } = await handle.read({
      buffer: Buffer.allocUnsafe(BASELINE.partBytes),
      position: n * BASELINE.partBytes,
    });
    const part = { ...named, UploadId, PartNumber: n + 1, Body: buffer.subarray(0, bytesRead) };
    Parts[n] = { PartNumber: n + 1, ETag: (await client.send(new UploadPartCommand(part))).ETag };
  };
  let next = 0;
  const sendAll = async () => {
    for (let n = next++; n < count; n = next++) await send(n);
  };
  await Promise.all(Array.from({ length: BASELINE.partsAtOnce }, sendAll));
  await client.send(new CompleteMultipartUploadCommand({ ...named, UploadId, MultipartUpload: { Parts } }));
  const tookMs = performance.now() - startedMs;
  await handle.close();
  client.destroy();
  return tookMs;
}

async function countUnfinished(settings: S3Settings): Promise<number> {
  const { client, bucket } = openBucket(settings);
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
  client.destroy();
  return Uploads.length;
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

export async function s3(context: BenchContext): Promise<Outcome> {
  const program = await findS3Server();
  if (program === null) throw new Error('the S3 server is built with Go 1.26, or found on PATH as versitygw');
  const server = await startS3Server(program);
  context.closers.add('S3 server', () => server.stop());
  const { settings: store } = server;
  const sandboxUrl = await startSandboxProcess(context, SANDBOX_SPEED);
  const taskOf = (url: string, name: string): ArchiveTask => {
    return { url, store, clipKey: `videos/${name}/clip.mp4`, resumeFrom: undefined, warmUpUrl: null };
  };
  const warmUpUrl = await makeLargeClip(sandboxUrl, WARM_UP_BYTES);
  const url = await makeLargeClip(sandboxUrl, CLIP_BYTES);
  const file = join(context.dataDir, 'clip.mp4');
  await run('curl', ['--silent', '--show-error', '--fail', '--output', file, url]);
  const { archived: whole } = await attempt({ ...taskOf(url, 'whole'), warmUpUrl }, null);
  const baselineMs = await uploadFile(store, file);
  const { archived: killed, twiceBytes } = await archiveWithKills(taskOf(url, 'killed'));
  const sha256 = await sha256Of(file);
  await rm(file);
  const right = [whole?.sha256, killed.sha256].every((each) => each === sha256);
  if (!right) throw new Error('the bucket holds other bytes than the upstream');
  const unfinished = await countUnfinished(store);
  const speedOf = (tookMs: number) => CLIP_BYTES / MEBIBYTE / (tookMs / 1000);
  const bars = [
    {
      what: 'fetched twice by a kill, at most',
      ours: Math.max(...twiceBytes) / MEBIBYTE,
      bar: { atMost: MOST_TWICE_MIB },
    },
    { what: 'growth of resident memory', ours: (whole?.growthBytes ?? 0) / MEBIBYTE, bar: { atMost: MOST_GROWTH_MIB } },
  ];
  return {
    comparisons: [
      {
        what: 'a 1 GiB clip fetched, sent, read back and looked into, and an upload of the file in 10 parts at once',
        unit: 'MiB/s',
        ours: speedOf(whole?.tookMs ?? 0),
        baseline: speedOf(baselineMs),
        bar: { atLeast: LEAST_SHARE },
      },
      ...bars.map((each) => ({ ...each, unit: 'MiB', baseline: null })),
      { what: 'uploads left over', unit: 'uploads', ours: unfinished, baseline: null, bar: { atMost: 0 } },
    ],
    figures: {
      twiceBytes,
      killedAt: KILLED_AT,
      sha256,
      wholeMs: whole?.tookMs,
      baselineMs,
      killedGrowthBytes: killed.growthBytes,
    },
  };
}
