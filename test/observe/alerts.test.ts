/** The alerts, evaluated by Prometheus' own promtool on what `/metrics` says before and after each fault is made. */

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { sql } from 'drizzle-orm';
import { readFigures } from '../../src/catalog/figures.ts';
import { orphans } from '../../src/catalog/tables/accounts.ts';
import { waiting } from '../../src/catalog/tables/queue.ts';
import { addCatalogMetrics } from '../../src/observe/metrics/catalog-metrics.ts';
import { createProcessMetrics, type ProcessMetrics } from '../../src/observe/metrics/process-metrics.ts';
import { openMemoryCatalog } from '../catalog/memory-catalog.ts';
import { type Stack, startStack } from '../stack.ts';
import { ALERTS_FILE, metricsAskedFor, readAlertRules, readBoardQuestions } from './alert-rules.ts';

const run = promisify(execFile);
const ROOT = resolve(__dirname, '../..');

/** Lines of `/metrics` by what stands before the value, of the metrics that rules ask for. */
type Scraped = ReadonlyMap<string, string>;

interface Case {
  readonly name: string;
  readonly before: Scraped;
  readonly after: Scraped;
  /** All that fire afterwards. */
  readonly firing: readonly string[];
}

const ASKED = new Set(readAlertRules().flatMap(({ expr }) => metricsAskedFor(expr).map(({ name }) => name)));
const UP = 'up{job="clipyard",instance="gateway"}';

function scrapedFrom(text: string, isUp = true): Scraped {
  const samples = text.split('\n').flatMap((line): [string, string][] => {
    const [, series = '', value = ''] = /^(\S.*) (\S+)$/.exec(line) ?? [];
    const [name = ''] = series.split('{');
    return ASKED.has(name) ? [[series, value]] : [];
  });
  return new Map([...samples, [UP, isUp ? '1' : '0']]);
}

/** What the registry says, the catalog read anew. */
function scraperOf({ registry }: ProcessMetrics, read: Parameters<typeof addCatalogMetrics>[1]['read']) {
  const refresh = addCatalogMetrics(registry, { read, timeoutMs: 10_000, freshMs: 0, onProblem: () => undefined });
  return async () => {
    await refresh();
    return scrapedFrom(await registry.metrics());
  };
}

const FAULT_AT = 20;
const LOOKED_AT = 32;

/** The case in promtool's words: a scrape each minute, and the fault in the twentieth. */
function testOf({ name, before, after, firing }: Case) {
  const seen = (scraped: Scraped, series: string, minutes: number) =>
    scraped.has(series) ? `${scraped.get(series)}x${minutes - 1}` : `_x${minutes}`;
  return {
    name,
    interval: '1m',
    input_series: [...new Set([...before.keys(), ...after.keys()])].map((series) => ({
      series,
      values: `${seen(before, series, FAULT_AT)} ${seen(after, series, 40)}`,
    })),
    promql_expr_test: [
      {
        expr: 'group by (alertname) (ALERTS{alertstate="firing"})',
        eval_time: `${LOOKED_AT}m`,
        exp_samples: firing.map((alertname) => ({ labels: `{alertname="${alertname}"}`, value: 1 })),
      },
    ],
  };
}

let folder: string;
let stack: Stack;
let metrics: ProcessMetrics;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clipyard-alerts-'));
  // Without a list a lost answer ends its clip.
  const account = { list: false, onLostAnswer: 'fail', lostAnswerHoldMs: 100 } as const;
  stack = await startStack({ account, config: { metricsPort: 9464 } });
  if (stack.parts.metrics === null) throw new Error('nothing is counted');
  metrics = stack.parts.metrics;
}, 120_000);

afterAll(async () => {
  await stack.close();
  await rm(folder, { recursive: true, force: true });
});

/** Evaluates the cases, each with rules of its own. @throws what promtool says of those that come out otherwise. */
async function evaluate(cases: readonly Case[]): Promise<void> {
  const file = join(folder, 'cases.json');
  const tests = cases.map(testOf);
  await writeFile(file, JSON.stringify({ rule_files: [join(ROOT, ALERTS_FILE)], evaluation_interval: '1m', tests }));
  await run('promtool', ['test', 'rules', file]).catch(
    (error: { readonly stdout: string; readonly stderr: string }) => {
      throw new Error(`${error.stdout}${error.stderr}`);
    },
  );
}

/** Faults as they happen, one after the other, and the alerts that each one adds. */
const FAULTS: readonly {
  readonly name: string;
  readonly adds: readonly string[];
  readonly make: () => Promise<unknown>;
}[] = [
  {
    name: 'an upstream says a word that is not known',
    adds: ['ClipyardUnknownWords'],
    async make() {
      // A slow machine may look too late to see it said.
      for (let isSeen = false; !isSeen; ) {
        await stack.faults([{ kind: 'unknown_status', count: 1 }], { speed: 1 });
        const id = await stack.create();
        const { lastWord } = await stack.until(
          id,
          (video) => video.lastWord === 'warming_up' || video.endedAt !== null,
        );
        isSeen = lastWord === 'warming_up';
        await stack.ended(id);
      }
    },
  },
  {
    name: 'the answer to a create is lost, and nothing tells what became of it',
    adds: ['ClipyardAnswersLost', 'ClipyardAnswersGivenUp', 'ClipyardClipsFail'],
    async make() {
      await stack.faults([{ kind: 'lost_create_answer', answer: 'reset', recorded: 'now', count: 1 }], { speed: 20 });
      await stack.ended(await stack.create());
    },
  },
  {
    name: 'a task that no caller asked for is found, and billed',
    adds: ['ClipyardOrphans', 'ClipyardMoneyLost'],
    make: () =>
      stack.db.insert(orphans).values({
        ...{ account: 'sandbox', credential: 'another', taskId: 'task_9' },
        ...{ costMicroUsd: 6_000_000, createdAt: new Date() },
      }),
  },
  {
    name: 'a key is refused, and what waits for it waits long',
    adds: ['ClipyardAccountSuspended', 'ClipyardQueueWaits'],
    async make() {
      await stack.faults(['create', 'list', 'models'].map((on) => ({ kind: 'http_error', on, status: 401 })));
      const id = await stack.create();
      await stack.until(id, ({ state, submissions }) => state === 'queued' && submissions > 0);
      await stack.db.update(waiting).set({ queuedAt: sql`now() - interval '2 hours'` });
    },
  },
  {
    name: 'a request meets a defect',
    adds: ['ClipyardDefects'],
    async make() {
      await stack.db.execute(sql`alter table films rename to lost_films`);
      const answer = await stack.app.inject({ url: '/clipyard/v1/films/film_1', headers: stack.headers });
      expect(answer.statusCode).toBe(500);
    },
  },
  {
    // How these come to be counted takes minutes: tests of the parts that count them hold it.
    name: 'a doubt, a slot and a task keep operators busy',
    adds: ['ClipyardLaneOpened', 'ClipyardGrantsTakenBack', 'ClipyardTasksVanish'],
    async make() {
      for (const kind of ['lane_opened', 'grant_taken_back', 'task_missing'] as const) {
        metrics.countIncident(kind, 'sandbox');
      }
    },
  },
];

test('each fault fires its alerts and no others', async () => {
  await stack.ended(await stack.create());
  const scrape = scraperOf(metrics, () => readFigures(stack.db));
  const healthy = await scrape();
  const cases: Case[] = [{ name: 'nothing is wrong', before: new Map(), after: healthy, firing: [] }];
  let before = healthy;
  let firing: readonly string[] = [];
  for (const { name, adds, make } of FAULTS) {
    await make();
    const after = await scrape();
    // Counters that have stood still for a quarter of an hour fire no more; what the catalog says does.
    firing = [...firing.filter((alert) => !isCounted(alert)), ...adds];
    cases.push({ name, before, after, firing });
    before = after;
  }
  const catalog = await openMemoryCatalog();
  const scrapeCatalog = scraperOf(createProcessMetrics(), () => readFigures(catalog.db));
  const there = await scrapeCatalog();
  await catalog.close();
  const away = {
    name: 'the catalog is away',
    before: there,
    after: await scrapeCatalog(),
    firing: ['ClipyardCatalogAway'],
  };
  const stopped = {
    name: 'a process is away',
    before: healthy,
    after: scrapedFrom('', false),
    firing: ['ClipyardAway'],
  };
  await evaluate([...cases, away, stopped]);
  const fired = [...cases, away, stopped].flatMap(({ firing: names }) => names);
  expect(new Set(fired)).toEqual(new Set(readAlertRules().map(({ alert }) => alert)));
}, 180_000);

function isCounted(name: string): boolean {
  return readAlertRules().some(({ alert, expr }) => alert === name && expr.includes('offset'));
}

test('promtool takes the questions of the board, the rules and the configuration', async () => {
  const file = join(folder, 'board.json');
  const rules = readBoardQuestions().map((expr) => ({ record: 'question', expr }));
  await writeFile(file, JSON.stringify({ groups: [{ name: 'board', rules }] }));
  await run('promtool', ['check', 'rules', '--lint=none', file]);

  const { stdout } = await run('promtool', ['check', 'config', join(ROOT, 'deploy/prometheus/prometheus.yml')]);
  expect(stdout).toContain(`${readAlertRules().length} rules found`);
});
