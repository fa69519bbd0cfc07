/** Benchmark `streams`: 10,000 clients that follow one video, while nothing happens and when it changes. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { EVENT_PATHS } from '../src/wire/clipyard/events.ts';
import { VIDEO_PATHS, videoListAnswer } from '../src/wire/clipyard/videos.ts';
import { ask, createSingles } from './batch-client.ts';
import type { BenchContext, Outcome } from './benchmark.ts';
import { readResidentKiB } from './process-memory.ts';
import { startProcesses } from './processes.ts';

const STREAMS = 10_000;
const AT_ONCE = 100;
const MOST_KIB_EACH = 20;
/** The second video waits, until it is cancelled. */
const SLOW = { speed: 0.01, slots: 1 };
const LOOK_MS = 250;
const SETTLE_MS = 5000;

/** A client that has read its first event; `ended` resolves at the end of its stream. */
async function follow(url: URL, key: string): Promise<{ readonly socket: Socket; readonly ended: Promise<unknown> }> {
  const socket = connect(Number(url.port), url.hostname);
  socket.setEncoding('utf8');
  socket.write(`GET ${url.pathname} HTTP/1.1\r\nhost: ${url.host}\r\nauthorization: Bearer ${key}\r\n\r\n`);
  const ended = once(socket, 'end');
  let text = '';
  while (!text.includes('data: ')) text += String((await once(socket, 'data'))[0]);
  socket.resume();
  return { socket, ended };
}

export async function streams(context: BenchContext): Promise<Outcome> {
  const { gateway, asking } = await startProcesses(context, SLOW);
  await createSingles(asking, 2);
  const list = `${VIDEO_PATHS.videos}?state=queued`;
  let { items } = await ask(asking, videoListAnswer, list);
  while (items.length !== 1) {
    await sleep(LOOK_MS, undefined, { signal: context.stop });
    items = (await ask(asking, videoListAnswer, list)).items;
  }
  const id = items[0]?.id ?? '';
  const url = new URL(EVENT_PATHS.video.replace(':id', id), asking.url);
  const beforeKiB = readResidentKiB(gateway.pid);
  const open: Awaited<ReturnType<typeof follow>>[] = [];
  context.closers.add('streams', async () => {
    for (const { socket } of open) socket.destroy();
  });
  while (open.length < STREAMS) {
    open.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => follow(url, asking.key)))));
  }
  await sleep(SETTLE_MS, undefined, { signal: context.stop });
  const kibEach = (readResidentKiB(gateway.pid) - beforeKiB) / STREAMS;
  const cancelledMs = performance.now();
  await ask(asking, z.unknown(), VIDEO_PATHS.cancel.replace(':id', id), { type: 'application/json' });
  await Promise.all(open.map(({ ended }) => ended));
  const toldMs = performance.now() - cancelledMs;
  return {
    comparisons: [
      {
        what: `resident memory for each of ${STREAMS} idle event streams`,
        unit: 'KiB',
        ours: kibEach,
        baseline: null,
        bar: { atMost: MOST_KIB_EACH },
      },
      { what: 'from a cancel until all were told the end', unit: 'ms', ours: toldMs, baseline: null, bar: null },
    ],
    figures: { loadAverages: loadavg() },
  };
}
