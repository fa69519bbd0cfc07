/** Benchmark `archive`: a large clip brought into the file store against curl to the same disk, and the memory it takes. */

import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { ArchiveClip } from '../src/archive/archive-clip.ts';
import { createPosterMaker } from '../src/archive/poster.ts';
import { createFileStore } from '../src/media/file-store.ts';
import { clipArchiverOf } from '../src/process/activity-dependencies.ts';
import type { BenchContext, Outcome } from './benchmark.ts';
import { watchMemory } from './memory.ts';
import { median } from './statistics.ts';
import { startSandboxProcess } from './subject.ts';

export const MEBIBYTE = 1024 * 1024;
const CLIP_BYTES = 1024 * MEBIBYTE;
const WARM_UP_BYTES = 64 * MEBIBYTE;
const ROUNDS = 3;
const LEAST_SHARE = 0.8;
const MOST_GROWTH_MIB = 64;
/** A task takes milliseconds: what is measured begins when it is done. */
export const SANDBOX_SPEED = 1_000;
const HEADERS = { authorization: 'Bearer benchmark', 'content-type': 'application/json' };

const run = promisify(execFile);

const taskSchema = z.object({ task_id: z.string(), status: z.string(), result_url: z.string().optional() });

async function ask(url: string, body?: object): Promise<unknown> {
  const answer = await fetch(url, {
    headers: HEADERS,
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  return await answer.json();
}

/** Has the sandbox pad the next clip to this size. */
export async function padNextClip(sandboxUrl: string, sizeBytes: number): Promise<void> {
  await ask(`${sandboxUrl}/_sandbox/faults`, { faults: [{ kind: 'large_result', sizeBytes, count: 1 }] });
}

/** Has the sandbox make a clip that is padded to this size; its link. */
export async function makeLargeClip(sandboxUrl: string, sizeBytes: number): Promise<string> {
  await padNextClip(sandboxUrl, sizeBytes);
  const body = { model: 'sandbox-mini', prompt: 'a long film', duration_seconds: 1 };
  const { task_id } = taskSchema.parse(await ask(`${sandboxUrl}/v1/video/generations`, body));
  for (;;) {
    const task = taskSchema.parse(await ask(`${sandboxUrl}/v1/video/tasks/${task_id}`));
    if (task.result_url !== undefined) return task.result_url;
    await sleep(20);
  }
}

/** What each way took, in milliseconds. */
interface Round {
  readonly oursMs: number;
  readonly curlMs: number;
  /** After curl, until its file is as safe as ours is. */
  readonly syncMs: number;
}

/**
 * The same start for every run: as much memory as the clip needs has just been a file's cache and is free again, and
 * nothing is left to be written. Virtual machines give freed memory back, and a process that has to fetch it is slower.
 */
async function levelGround(dataDir: string): Promise<void> {
  const file = join(dataDir, 'ground');
  await run('dd', ['if=/dev/zero', `of=${file}`, 'bs=1M', `count=${CLIP_BYTES / MEBIBYTE}`, 'conv=fsync']);
  await rm(file);
  await run('sync');
}

class Contest {
  readonly #dataDir: string;
  readonly #archiveClip: ArchiveClip;
  readonly #trustedHosts: readonly string[];

  constructor({ dataDir, log }: BenchContext, sandboxUrl: string) {
    const store = createFileStore(join(dataDir, 'media'));
    this.#dataDir = dataDir;
    this.#archiveClip = clipArchiverOf({ store, metrics: null }, createPosterMaker(log));
    this.#trustedHosts = [new URL(sandboxUrl).host];
  }

  async round(url: string, sizeBytes: number): Promise<Round> {
    const oursMs = await this.#archive(url, sizeBytes);
    return { oursMs, ...(await this.#curl(url)) };
  }

  /** The whole step: download, hash, sync, rename, read back as MP4, poster. */
  async #archive(url: string, sizeBytes: number): Promise<number> {
    await levelGround(this.#dataDir);
    const startedMs = performance.now();
    const outcome = await this.#archiveClip({
      source: { url, trustedHosts: this.#trustedHosts },
      clipKey: 'bench/clip.mp4',
      posterKey: 'bench/poster.jpg',
      signal: new AbortController().signal,
      heartbeat: () => undefined,
      resumeFrom: undefined,
      keepsPartial: () => false,
    });
    const tookMs = performance.now() - startedMs;
    if (outcome.kind === 'problem') throw outcome.problem;
    if (outcome.clip.sizeBytes !== sizeBytes) throw new Error(`${outcome.clip.sizeBytes} bytes were archived`);
    await rm(join(this.#dataDir, 'media'), { recursive: true });
    return tookMs;
  }

  async #curl(url: string): Promise<Pick<Round, 'curlMs' | 'syncMs'>> {
    await levelGround(this.#dataDir);
    const file = join(this.#dataDir, 'curl.mp4');
    const startedMs = performance.now();
    await run('curl', ['--silent', '--show-error', '--fail', '--output', file, url]);
    const downloadedMs = performance.now();
    await run('sync', [file]);
    const syncedMs = performance.now();
    await rm(file);
    return { curlMs: downloadedMs - startedMs, syncMs: syncedMs - downloadedMs };
  }
}

function mebibytesPerSecond(tookMs: number): number {
  return CLIP_BYTES / MEBIBYTE / (tookMs / 1000);
}

export async function archive(context: BenchContext): Promise<Outcome> {
  const sandboxUrl = await startSandboxProcess(context, SANDBOX_SPEED);
  const contest = new Contest(context, sandboxUrl);
  await contest.round(await makeLargeClip(sandboxUrl, WARM_UP_BYTES), WARM_UP_BYTES);
  const url = await makeLargeClip(sandboxUrl, CLIP_BYTES);
  const memory = watchMemory();
  // Not counted: the first to fill a gibibyte of page cache pays for those who come after.
  await contest.round(url, CLIP_BYTES);
  const rounds: Round[] = [];
  for (let n = 0; n < ROUNDS; n += 1) rounds.push(await contest.round(url, CLIP_BYTES));
  const growthBytes = memory.stop();
  const ours = mebibytesPerSecond(median(rounds.map(({ oursMs }) => oursMs)));
  return {
    comparisons: [
      {
        what: 'a 1 GiB clip archived and verified, and curl with `sync FILE`',
        unit: 'MiB/s',
        ours,
        baseline: mebibytesPerSecond(median(rounds.map(({ curlMs, syncMs }) => curlMs + syncMs))),
        bar: { atLeast: LEAST_SHARE },
      },
      {
        what: 'the same, and curl that leaves its file unsynced',
        unit: 'MiB/s',
        ours,
        baseline: mebibytesPerSecond(median(rounds.map(({ curlMs }) => curlMs))),
        bar: null,
      },
      {
        what: 'growth of resident memory meanwhile',
        unit: 'MiB',
        ours: growthBytes / MEBIBYTE,
        baseline: null,
        bar: { atMost: MOST_GROWTH_MIB },
      },
    ],
    figures: { rounds },
  };
}
