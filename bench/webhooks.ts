/** Benchmark `webhooks`: a thousand ends in a minute, told to three endpoints of which one is dead. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { loadavg } from 'node:os';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { freePort } from '../src/temporal/dev-server/process.ts';
import { VIDEO_PATHS, videoListAnswer } from '../src/wire/clipyard/videos.ts';
import { deliveryListAnswer, newEndpointAnswer, WEBHOOK_PATHS } from '../src/wire/clipyard/webhooks.ts';
import { ask, type BatchClient, createSingles } from './batch-client.ts';
import type { BenchContext, Outcome } from './benchmark.ts';
import { startProcesses } from './processes.ts';
import { percentile, sum } from './statistics.ts';

const ENDS = 1000;
const WITHIN_MS = 60_000;
const MOST_LAG_MS = 2000;
/** Of a whole minute: the first failures, then now and then one that tries whether it is back. */
const MOST_DEAD_ATTEMPTS = 100;
/** Nothing is generated: the ends are those of videos that wait, cancelled one by one. */
const SLOW = { speed: 0.01, slots: 1 };
const LOOK_MS = 250;
const PAGE = 200;

const toldSchema = z.object({ data: z.object({ id: z.string() }) });

/** When each video was told of first, by its id. */
type Told = Map<string, number>;

async function startReceiver({ closers }: BenchContext): Promise<{ readonly url: string; readonly told: Told }> {
  const told: Told = new Map();
  const server = createServer(async (request, reply) => {
    const at = Date.now();
    const { data } = toldSchema.parse(await json(request));
    if (!told.has(data.id)) told.set(data.id, at);
    reply.writeHead(204).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.add('receiver', async () => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, told };
}

async function addEndpoint(asking: BatchClient, url: string): Promise<string> {
  const body = JSON.stringify({ url, events: ['video.cancelled'] });
  return (await ask(asking, newEndpointAnswer, WEBHOOK_PATHS.endpoints, { body, type: 'application/json' })).id;
}

/** All videos in this state. */
async function listVideos(asking: BatchClient, state: string) {
  const items: z.output<typeof videoListAnswer>['items'][number][] = [];
  let cursor: string | null = null;
  do {
    const from: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page: z.output<typeof videoListAnswer> = await ask(
      asking,
      videoListAnswer,
      `${VIDEO_PATHS.videos}?state=${state}&limit=${PAGE}${from}`,
    );
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return items;
}

/** Cancels them evenly over the time. */
async function cancelPaced(asking: BatchClient, ids: readonly string[]): Promise<void> {
  const beganMs = Date.now();
  const cancels = ids.map(async (id, n) => {
    await sleep((n * WITHIN_MS) / ids.length, undefined, { signal: asking.stop });
    await ask(asking, z.unknown(), VIDEO_PATHS.cancel.replace(':id', id), { type: 'application/json' });
  });
  await Promise.all(cancels);
  process.stderr.write(`${ids.length} cancelled in ${Date.now() - beganMs} ms\n`);
}

async function countAttempts(asking: BatchClient, endpointId: string): Promise<number> {
  let attempts = 0;
  let cursor: string | null = null;
  do {
    const path = WEBHOOK_PATHS.deliveries.replace(':id', endpointId);
    const from: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page: z.output<typeof deliveryListAnswer> = await ask(
      asking,
      deliveryListAnswer,
      `${path}?limit=${PAGE}${from}`,
    );
    attempts += sum(page.items.map((delivery) => delivery.attempts));
    cursor = page.nextCursor;
  } while (cursor !== null);
  return attempts;
}

export async function webhooks(context: BenchContext): Promise<Outcome> {
  const ends = context.options.clips ?? ENDS;
  const receivers = [await startReceiver(context), await startReceiver(context)];
  const dead = `http://127.0.0.1:${await freePort(0)}/hook`;
  const trusted = [...receivers.map(({ url }) => url), dead].map((url) => new URL(url).host);
  const { asking } = await startProcesses(context, SLOW, { CLIPYARD_TRUSTED_HOSTS: trusted.join(',') });
  for (const { url } of receivers) await addEndpoint(asking, url);
  const deadId = await addEndpoint(asking, dead);
  // One takes the slot.
  await createSingles(asking, ends + 1);
  let waiting = await listVideos(asking, 'queued');
  while (waiting.length !== ends) {
    await sleep(LOOK_MS, undefined, { signal: context.stop });
    waiting = await listVideos(asking, 'queued');
  }
  await cancelPaced(
    asking,
    waiting.map(({ id }) => id),
  );
  while (receivers.some(({ told }) => told.size < ends)) await sleep(LOOK_MS, undefined, { signal: context.stop });
  const cancelled = await listVideos(asking, 'cancelled');
  const lags = receivers.flatMap(({ told }) =>
    cancelled.map(({ id, endedAt }) => (told.get(id) ?? Number.NaN) - Date.parse(endedAt ?? '')),
  );
  const attempts = await countAttempts(asking, deadId);
  const held = (what: string, unit: string, ours: number, atMost: number) => {
    return { what, unit, ours, baseline: null, bar: { atMost } };
  };
  return {
    comparisons: [
      held(`${ends} ends in a minute: from the end until it is told, p95`, 'ms', percentile(lags, 0.95), MOST_LAG_MS),
      held('attempts at the dead endpoint', '', attempts, MOST_DEAD_ATTEMPTS),
    ],
    figures: { loadAverages: loadavg(), medianMs: percentile(lags, 0.5), slowestMs: Math.max(...lags) },
  };
}
