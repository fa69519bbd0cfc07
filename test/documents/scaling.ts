/** The tables of docs/scaling.md, of what benchmarks `cluster` and `costs` have written. */

import { z } from 'zod';
import { readProjectFile } from '../source-files.ts';
import { printTable } from './table.ts';

const waits = z.object({ median: z.number(), p95: z.number(), longest: z.number() });
const clusterResult = z.object({
  figures: z.object({
    callers: z.array(
      z.object({
        ...{ callers: z.string(), howMany: z.number(), clips: z.number() },
        ...{ waitSeconds: waits, waitInTurnSeconds: waits },
      }),
    ),
    madeInMinutes: z.number(),
    clipsAnHour: z.number(),
    busy: z.number(),
    pollsAClip: z.number(),
    pollsASecond: z.object({ mean: z.number(), most: z.number() }),
    workers: z.number(),
    pollsASecondAWorker: z.number(),
    mostRequestsAtAnAccountInASecond: z.number(),
    lostAnswersAdopted: z.number(),
  }),
});

const cost = z.object({
  cpuMs: z.object({
    gateway: z.number(),
    worker: z.number(),
    ffmpeg: z.number(),
    temporal: z.number(),
    postgres: z.number(),
  }),
  ...{ historyEvents: z.number(), historyBytes: z.number(), rows: z.number(), bytes: z.number() },
});
type Cost = z.output<typeof cost>;
const costsResult = z.object({ figures: z.object({ single: cost, batch: cost }) });

const figuresOf = <Result>(name: string, schema: z.ZodType<{ readonly figures: Result }>) =>
  schema.parse(JSON.parse(readProjectFile(`bench/results/${name}.json`))).figures;

function inWords(seconds: number): string {
  return seconds < 60 ? `${seconds} s` : `${(seconds / 60).toFixed(1)} min`;
}

const whole = (value: number) => Math.round(value).toLocaleString('en');

function printWaits(): string {
  const rows = figuresOf('cluster', clusterResult).callers.map((one) => {
    const { median, p95, longest } = one.waitSeconds;
    const shown = [median, p95, longest, one.waitInTurnSeconds.median, one.waitInTurnSeconds.p95];
    return [one.callers, String(one.howMany), whole(one.clips), ...shown.map(inWords)];
  });
  const head = [
    'callers',
    'how many',
    'clips',
    'wait, median',
    'p95',
    'longest',
    'first come first served, median',
    'p95',
  ];
  return printTable(head, rows);
}

function printWork(): string {
  const figures = figuresOf('cluster', clusterResult);
  return printTable(
    ['what', 'how much'],
    [
      ['all clips made in', `${figures.madeInMinutes} min`],
      ['clips an hour', whole(figures.clipsAnHour)],
      ['share of the time that slots are taken in which upstreams work', `${(figures.busy * 100).toFixed(1)} %`],
      ['polls of a clip', String(figures.pollsAClip)],
      ['polls a second: mean, most', `${whole(figures.pollsASecond.mean)}, ${whole(figures.pollsASecond.most)}`],
      [`polls a second of each of ${figures.workers} workers`, String(figures.pollsASecondAWorker)],
      ['most requests in a second at one account', String(figures.mostRequestsAtAnAccountInASecond)],
      ['lost answers, each adopted from its account’s list', whole(figures.lostAnswersAdopted)],
    ],
  );
}

function printCosts(): string {
  const { single, batch } = figuresOf('costs', costsResult);
  const row = (what: string, of: (cost: Cost) => number, unit = '') => [
    what,
    `${whole(of(single))}${unit}`,
    `${whole(of(batch))}${unit}`,
  ];
  return printTable(
    ['a clip takes', 'of its own', 'in a batch'],
    [
      row('processor time of the gateway', ({ cpuMs }) => cpuMs.gateway, ' ms'),
      row('processor time of the worker', ({ cpuMs }) => cpuMs.worker, ' ms'),
      row('processor time of ffmpeg, which checks it and makes the poster', ({ cpuMs }) => cpuMs.ffmpeg, ' ms'),
      row('processor time of Temporal, SQLite included', ({ cpuMs }) => cpuMs.temporal, ' ms'),
      row('processor time of PostgreSQL, the catalog', ({ cpuMs }) => cpuMs.postgres, ' ms'),
      row('events of history', ({ historyEvents }) => historyEvents),
      row('bytes of history', ({ historyBytes }) => historyBytes),
      row('rows of the catalog', ({ rows }) => rows),
      row('bytes of the catalog, indexes included', ({ bytes }) => bytes),
    ],
  );
}

const CLIPS_A_DAY = 1_000_000;
const SECONDS_A_DAY = 86_400;
/** The busiest hour has so many times the mean. */
const PEAK = 3;
const RETENTION_DAYS = 7;
const KEEP_DAYS = 30;
const GB = 1e9;

/** Clips of their own, which take the most. */
function printMillion(): string {
  const { cpuMs, historyBytes, historyEvents, bytes } = figuresOf('costs', costsResult).single;
  const perSecond = CLIPS_A_DAY / SECONDS_A_DAY;
  const cores = (ms: number) => ((ms / 1000) * perSecond).toFixed(1);
  const busy = (what: string, ms: number) => [what, `${cores(ms)} cores`, `${cores(ms * PEAK)} cores`];
  const size = (bytesEach: number) => `${whole((bytesEach * CLIPS_A_DAY) / GB)} GB`;
  return printTable(
    ['a million clips a day', `mean, ${perSecond.toFixed(1)} a second`, `${PEAK} times that`],
    [
      busy('gateways', cpuMs.gateway),
      busy('workers', cpuMs.worker),
      busy('ffmpeg, beside the workers', cpuMs.ffmpeg),
      busy('Temporal with its database', cpuMs.temporal),
      busy('catalog', cpuMs.postgres),
      [
        'events of history',
        `${whole(historyEvents * perSecond)} a second`,
        `${whole(historyEvents * perSecond * PEAK)} a second`,
      ],
      [`histories of ${RETENTION_DAYS} days`, size(historyBytes * RETENTION_DAYS), '-'],
      [`rows of ${KEEP_DAYS} days`, size(bytes * KEEP_DAYS), '-'],
    ],
  );
}

export const SCALING_PARTS: Readonly<Record<string, () => string>> = {
  'waits in a large cluster': printWaits,
  'work of a large cluster': printWork,
  'costs of a clip': printCosts,
  'a million clips a day': printMillion,
};
