/** Benchmark `download`: a large clip by its signed link, alone and four at once, against a bare file server of Node's. */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { videoAnswer } from '../src/wire/clipyard/videos.ts';
import { MEBIBYTE, padNextClip, SANDBOX_SPEED } from './archive.ts';
import { ask, type BatchClient } from './batch-client.ts';
import type { BenchContext, Comparison, Outcome } from './benchmark.ts';
import { startProcesses } from './processes.ts';
import { median } from './statistics.ts';
import { watchGrowth } from './watch-growth.ts';

const CLIP_BYTES = 200 * MEBIBYTE;
const ROUNDS = 9;
const LEAST_SHARE = 0.6;
const MOST_GROWTH_MIB = 16;
const LOOK_MS = 250;

const listeningSchema = z.object({ url: z.string() });

/** Serves the same bytes from a file in the benchmark's directory. */
async function startFileServer({ dataDir, closers }: BenchContext, bytes: Uint8Array): Promise<string> {
  const file = join(dataDir, 'bare.mp4');
  await writeFile(file, bytes);
  const child = fork(fileURLToPath(new URL('./file-server-process.js', import.meta.url)), [file]);
  closers.add('file server', async () => child.kill());
  const [message] = await once(child, 'message');
  return listeningSchema.parse(message).url;
}

/** Reads a URL to its end and keeps nothing; how many bytes came. */
async function drain(url: string, agent: Agent): Promise<number> {
  const [answer] = await once(get(url, { agent }), 'response');
  let bytes = 0;
  answer.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  await once(answer, 'end');
  if (answer.statusCode !== 200 || bytes !== CLIP_BYTES) throw new Error(`${answer.statusCode} with ${bytes} bytes`);
  return bytes;
}

/** Bytes a second of so many downloads that go side by side. */
async function bytesPerSecond(url: string, agent: Agent, atOnce: number): Promise<number> {
  const startedMs = performance.now();
  const all = await Promise.all(Array.from({ length: atOnce }, () => drain(url, agent)));
  return all.reduce((sum, bytes) => sum + bytes, 0) / ((performance.now() - startedMs) / 1000);
}

/** Both in turns; who goes first changes, and the first round of each counts for nothing. */
async function contest(urls: { readonly ours: string; readonly bare: string }, atOnce: number) {
  const agent = new Agent({ keepAlive: true });
  const rates = { ours: [] as number[], bare: [] as number[] };
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const who of round % 2 === 0 ? (['ours', 'bare'] as const) : (['bare', 'ours'] as const)) {
      const rate = await bytesPerSecond(urls[who], agent, atOnce);
      if (round > 0) rates[who].push(rate);
    }
  }
  agent.destroy();
  return { ours: median(rates.ours) / MEBIBYTE, baseline: median(rates.bare) / MEBIBYTE };
}

/** The clip's signed link, once it is archived. */
async function untilArchived(asking: BatchClient, id: string): Promise<string> {
  for (;;) {
    const { archive, endedAt } = await ask(asking, videoAnswer, `/clipyard/v1/videos/${id}`);
    if (archive?.url) return archive.url;
    if (endedAt !== null) throw new Error('the clip was not archived');
    await sleep(LOOK_MS, undefined, { signal: asking.stop });
  }
}

export async function download(context: BenchContext): Promise<Outcome> {
  const { gateway, asking, baseUrl } = await startProcesses(context, { speed: SANDBOX_SPEED, slots: 1 });
  await padNextClip(baseUrl, CLIP_BYTES);
  const order = { model: 'sandbox-mini', prompt: 'a long film', duration_seconds: 1 };
  const create = { type: 'application/json', body: JSON.stringify(order) };
  const { task_id } = await ask(asking, z.object({ task_id: z.string() }), '/airforce/v1/video/generations', create);
  const link = await untilArchived(asking, task_id);
  const bytes = new Uint8Array(await (await fetch(link)).arrayBuffer());
  const urls = { ours: link, bare: await startFileServer(context, bytes) };
  await contest(urls, 1);
  const growth = watchGrowth(context, gateway.pid);
  const compare = async (what: string, atOnce: number): Promise<Comparison> => {
    return { what, unit: 'MiB/s', ...(await contest(urls, atOnce)), bar: { atLeast: LEAST_SHARE } };
  };
  const comparisons = [
    await compare('one download of 200 MiB and of a bare file server', 1),
    await compare('four at once', 4),
    { what: 'growth of the gateway', unit: 'MiB', ours: growth(), baseline: null, bar: { atMost: MOST_GROWTH_MIB } },
  ];
  return { comparisons, figures: { rounds: ROUNDS } };
}
