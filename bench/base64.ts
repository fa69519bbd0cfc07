/** Benchmark `base64`: the memory that a 100 MB clip takes on its way out of and into a whole Clipyard, as base64 in JSON. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';
import { findVideo } from '../src/catalog/videos.ts';
import type { Config } from '../src/config/settings.ts';
import { isEnded } from '../src/domain/video.ts';
import { type AllInOne, startAllInOne } from '../src/process/all-in-one.ts';
import type { BenchContext, Outcome } from './benchmark.ts';
import { watchMemory } from './memory.ts';
import { openSubjectLog, startSandboxProcess, subjectConfig } from './subject.ts';

const MEBIBYTE = 1024 * 1024;
const CLIP_BYTES = 100_000_000;
const WARM_UP_BYTES = 16 * MEBIBYTE;
const WARM_UPS = 2;
const ROUNDS = 3;
const MOST_GROWTH_MIB = 64;
/** A task takes milliseconds: what is measured begins when it is done. */
const SANDBOX_SPEED = 1_000;

const run = promisify(execFile);
const createdSchema = z.object({ task_id: z.string() });

/** Each way passes base64 on one side of us alone. */
const WAYS = {
  out: { path: '/a4f/v1/video/generations', model: 'from-airforce', words: { duration: 1, quality: '720p' } },
  in: { path: '/airforce/v1/video/generations', model: 'from-a4f', words: { duration_seconds: 1, quality: '720p' } },
} as const;
type Way = keyof typeof WAYS;

function configure(config: Config, sandboxUrl: string): Config {
  const [account] = config.accounts;
  if (account === undefined) throw new Error('there is no account to start from');
  const model = {
    pricePerSecondMicroUsd: 10_000,
    durationsSeconds: null,
    minDurationSeconds: 1,
    maxDurationSeconds: 5,
    aspectRatios: ['9:16'],
    qualities: ['720p'],
    modes: ['text'],
  } as const;
  return {
    ...config,
    accounts: [
      { ...account, id: 'airforce', provider: 'airforce', baseUrl: `${sandboxUrl}/airforce` },
      { ...account, id: 'a4f', provider: 'a4f', baseUrl: `${sandboxUrl}/a4f` },
    ],
    models: [
      { ...model, id: WAYS.out.model, accounts: ['airforce'], upstreamModel: 'sandbox-mini' },
      { ...model, id: WAYS.in.model, accounts: ['a4f'], upstreamModel: 'provider-2/kling-v2.1' },
    ],
  };
}

class Subject {
  readonly #clipyard: AllInOne;
  readonly #config: Config;
  readonly #sandboxUrl: string;

  constructor(clipyard: AllInOne, config: Config, sandboxUrl: string) {
    this.#clipyard = clipyard;
    this.#config = config;
    this.#sandboxUrl = sandboxUrl;
  }

  /** Has a clip of this size made and passed on; resolves when it has arrived. */
  async pass(way: Way, sizeBytes: number): Promise<void> {
    await this.#enlargeNext(sizeBytes);
    const { path, model, words } = WAYS[way];
    const answer = await this.#post(path, { model, prompt: `a long film on its way ${way}`, ...words });
    if (way === 'out') return requireBytes(Number(answer), Math.ceil(sizeBytes / 3) * 4);
    await this.#untilArchived(createdSchema.parse(JSON.parse(answer)).task_id, sizeBytes);
  }

  async #enlargeNext(sizeBytes: number): Promise<void> {
    const answer = await fetch(`${this.#sandboxUrl}/_sandbox/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ faults: [{ kind: 'large_result', sizeBytes, count: 1 }] }),
      signal: AbortSignal.timeout(10_000),
    });
    if (!answer.ok) throw new Error(`the sandbox answered ${answer.status}: ${await answer.text()}`);
  }

  /** In another program, so that the reader's memory is not counted: the answer, or how long it was where it is a clip. */
  async #post(path: string, body: object): Promise<string> {
    const asLength = path === WAYS.out.path ? ['--output', '/dev/null', '--write-out', '%{size_download}'] : [];
    const { stdout } = await run('curl', [
      '--silent',
      '--show-error',
      '--fail-with-body',
      ...asLength,
      ...['--header', `authorization: Bearer ${this.#clipyard.parts.rootKey.key ?? ''}`],
      ...['--header', 'content-type: application/json'],
      ...['--data', JSON.stringify(body)],
      this.#config.publicUrl + path,
    ]);
    return stdout;
  }

  async #untilArchived(id: string, sizeBytes: number): Promise<void> {
    const { db } = this.#clipyard.parts.database;
    for (;;) {
      const video = await findVideo(db, id);
      if (video && isEnded(video.state)) {
        if (video.archive === null) throw new Error(`the video is ${video.state}: ${video.failure?.message ?? ''}`);
        return requireBytes(video.archive.sizeBytes, sizeBytes);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function requireBytes(foundBytes: number, leastBytes: number): void {
  if (foundBytes < leastBytes) throw new Error(`${foundBytes} bytes arrived, not ${leastBytes}`);
}

async function startSubject(context: BenchContext): Promise<Subject> {
  const sandboxUrl = await startSandboxProcess(context, SANDBOX_SPEED);
  const timing = { firstPollMs: 50, minPollMs: 50 };
  const config = configure(await subjectConfig(context, { timing }), sandboxUrl);
  const log = openSubjectLog(context);
  const clipyard = await startAllInOne(config, { ...context, log });
  await clipyard.working;
  return new Subject(clipyard, config, sandboxUrl);
}

/** The most that resident memory grows, over all rounds; the first clips fill what is kept for the next. */
async function growthOf(subject: Subject, way: Way): Promise<number> {
  for (let n = 0; n < WARM_UPS; n += 1) await subject.pass(way, WARM_UP_BYTES);
  const memory = watchMemory();
  for (let n = 0; n < ROUNDS; n += 1) await subject.pass(way, CLIP_BYTES);
  return memory.stop();
}

export async function base64(context: BenchContext): Promise<Outcome> {
  const subject = await startSubject(context);
  const growthBytes = { out: await growthOf(subject, 'out'), in: await growthOf(subject, 'in') };
  const grown = (what: string, bytes: number) => ({
    what,
    unit: 'MiB',
    ours: bytes / MEBIBYTE,
    baseline: null,
    bar: { atMost: MOST_GROWTH_MIB },
  });
  return {
    comparisons: [
      grown('growth of resident memory for 100 MB clips answered in the a4f dialect', growthBytes.out),
      grown('the same for 100 MB clips from an a4f upstream', growthBytes.in),
    ],
    figures: { clipBytes: CLIP_BYTES, rounds: ROUNDS, growthBytes },
  };
}
