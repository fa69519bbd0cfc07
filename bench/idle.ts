/** Benchmark `idle`: the memory of all processes of an embedded Clipyard that does nothing, before clips and after. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Table from 'cli-table3';
import { z } from 'zod';
import { packageRoot } from '../src/config/package-root.ts';
import { RUNNING_STATES } from '../src/domain/video.ts';
import { freePort } from '../src/temporal/dev-server/process.ts';
import { ask, type BatchClient } from './batch-client.ts';
import type { BenchContext, Outcome } from './benchmark.ts';
import { type ProcessMemory, readMappingKinds, readProcessTree } from './process-memory.ts';
import { sum } from './statistics.ts';
import { ROOT_KEY, startEmbedded } from './subject.ts';

const CLIPS = 8;
/** From the last thing that happened until memory is read. */
const IDLE_MS = 60_000;
const LOOK_MS = 500;
const MOST_MIB = 530;
/** The sandbox renders in this process too, and V8 keeps the heap that the work has grown. */
const MOST_AFTER_CLIPS_MIB = 800;

/** What Node tells of its own memory in the metrics, in bytes. */
const NODE_FIGURES = {
  heapTotal: 'clipyard_nodejs_heap_size_total_bytes',
  heapUsed: 'clipyard_nodejs_heap_size_used_bytes',
  external: 'clipyard_nodejs_external_memory_bytes',
};

interface Subject extends BatchClient {
  readonly pid: number;
  readonly metricsUrl: string;
}

async function startSubject(context: BenchContext): Promise<Subject> {
  const metricsPort = await freePort(0);
  const started = await startEmbedded(context, { CLIPYARD_METRICS_PORT: String(metricsPort) });
  return { ...started, key: ROOT_KEY, metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`, stop: context.stop };
}

/** Has the clips of the demo made; resolves when all have their end. */
async function makeClips(subject: Subject, clips: number): Promise<void> {
  const orders = readFileSync(join(packageRoot(), 'examples', 'clips.jsonl'), 'utf8')
    .trim()
    .split('\n');
  for (let n = 0; n < clips; n += 1) {
    const posted = { body: orders[n % orders.length] ?? '{}', type: 'application/json' };
    await ask(subject, z.unknown(), '/airforce/v1/video/generations', posted);
  }
  const page = z.object({ items: z.array(z.unknown()) });
  const running = `/clipyard/v1/videos?limit=1&state=${RUNNING_STATES.join(',')}`;
  while ((await ask(subject, page, running)).items.length > 0) {
    await sleep(LOOK_MS, undefined, { signal: subject.stop });
  }
}

async function readNodeFigures({ metricsUrl, stop }: Subject): Promise<Readonly<Record<string, number>>> {
  const text = await (await fetch(metricsUrl, { signal: stop })).text();
  const figureOf = (metric: string) => Number(new RegExp(`^${metric} (\\S+)$`, 'm').exec(text)?.[1]);
  return Object.fromEntries(Object.entries(NODE_FIGURES).map(([name, metric]) => [name, figureOf(metric) / 1024]));
}

const mib = (kib: number) => Math.round(kib / 1024);

/** `node … up`, `temporal server start-dev …`: programs without their folders and settings. */
function nameOf({ command }: ProcessMemory): string {
  const words = command.split(' ').map((word) => word.replace(/^\/.*\//, ''));
  return words.slice(0, 3).join(' ');
}

function renderProcesses(when: string, processes: readonly ProcessMemory[]): string {
  const table = new Table({ head: [when, 'RSS', 'PSS', 'anonymous'], style: { head: [], border: [] } });
  for (const one of processes) table.push([nameOf(one), mib(one.rss), mib(one.pss), mib(one.anonymous)]);
  return table.toString();
}

/** Idles, reads the memory of all processes, and says it. */
async function measure(subject: Subject, when: string) {
  await sleep(IDLE_MS, undefined, { signal: subject.stop });
  const processes = readProcessTree(subject.pid);
  const { large, ...kinds } = readMappingKinds(subject.pid);
  process.stderr.write(`${renderProcesses(when, processes)}\n`);
  // Asked last: an answer is work.
  const node = { ...kinds, ...(await readNodeFigures(subject)) };
  return {
    rssMiB: mib(sum(processes.map(({ rss }) => rss))),
    pssMiB: mib(sum(processes.map(({ pss }) => pss))),
    processesMiB: processes.map((one) => ({
      process: nameOf(one),
      rss: mib(one.rss),
      pss: mib(one.pss),
      anonymous: mib(one.anonymous),
    })),
    nodeMiB: {
      ...Object.fromEntries(Object.entries(node).map(([name, kib]) => [name, mib(kib)])),
      large: large.map(mib),
    },
  };
}

export async function idle(context: BenchContext): Promise<Outcome> {
  const clips = context.options.clips ?? CLIPS;
  const subject = await startSubject(context);
  const before = await measure(subject, 'before any clip');
  await makeClips(subject, clips);
  const after = await measure(subject, `after ${clips} clips`);
  const resident = (what: string, ours: number, atMost: number) => ({
    what,
    unit: 'MiB',
    ours,
    baseline: null,
    bar: { atMost },
  });
  return {
    comparisons: [
      resident(
        'resident memory of all processes after a minute without work, before any clip',
        before.rssMiB,
        MOST_MIB,
      ),
      resident(`the same after ${clips} clips`, after.rssMiB, MOST_AFTER_CLIPS_MIB),
    ],
    figures: { clips, before, after },
  };
}
