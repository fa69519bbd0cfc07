/** What the catalog knows, read at a scrape: at most once in a while, and given up when it takes too long. */

import { Gauge, type Registry } from 'prom-client';
import type { Figures } from '../../catalog/figures.ts';
import { ACCOUNT_STATES } from '../../domain/account.ts';
import { withDeadline } from '../../domain/deadline.ts';
import { END_STATES, RUNNING_STATES, type VideoState } from '../../domain/video.ts';
import { READ } from './definitions.ts';

export interface CatalogReading {
  read(): Promise<Figures>;
  onProblem(error: unknown): void;
  /** How long to wait for a reading. */
  readonly timeoutMs: number;
  /** For how long a reading answers those who ask next. */
  readonly freshMs: number;
}

type Name = keyof typeof READ;
type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** Every state has its line, also at zero. */
function byState(states: readonly VideoState[], counts: Figures['unended']): Sample[] {
  return states.map((state) => [{ state }, counts.find((entry) => entry.state === state)?.videos ?? 0]);
}

function samplesOf(figures: Figures): Readonly<Record<Exclude<Name, 'clipyard_catalog_up'>, readonly Sample[]>> {
  const { accounts, queues, openSubmissions } = figures;
  const inUse = (id: string) =>
    openSubmissions.filter(({ account }) => account === id).reduce((sum, { submissions }) => sum + submissions, 0);
  return {
    clipyard_videos: byState(RUNNING_STATES, figures.unended),
    clipyard_videos_ended_last_day: byState(END_STATES, figures.endedOfDay),
    clipyard_queue_length: queues.map(({ pool, length }) => [{ pool }, length]),
    clipyard_queue_oldest_wait_seconds: queues.map(({ pool, oldestWaitSeconds }) => [{ pool }, oldestWaitSeconds]),
    clipyard_account_slots_limit: accounts.map(({ id: account, limit }) => [{ account }, limit]),
    clipyard_account_slots_in_use: accounts.map(({ id: account }) => [{ account }, inUse(account)]),
    clipyard_account_state: accounts.flatMap(({ id: account, state: current }) =>
      ACCOUNT_STATES.map((state): Sample => [{ account, state }, state === current ? 1 : 0]),
    ),
    clipyard_submissions: openSubmissions.map(({ account, state, submissions }) => [{ account, state }, submissions]),
    clipyard_orphans: accounts.map(({ id: account, orphans }) => [{ account }, orphans]),
    clipyard_settled_micro_usd: [[{}, figures.settledMicroUsd]],
    clipyard_held_micro_usd: [[{}, figures.heldMicroUsd]],
    clipyard_lost_last_day_micro_usd: [[{}, figures.lostOfDayMicroUsd]],
  };
}

/** One reading at a time, however many ask, and however long the last one takes. */
function sharedReading({ read, freshMs }: CatalogReading): () => Promise<Figures> {
  let running: Promise<Figures> | null = null;
  let last: { readonly figures: Figures; readonly untilMs: number } | null = null;
  return async () => {
    if (last !== null && last.untilMs > Date.now()) return last.figures;
    running ??= read()
      .then((figures) => {
        last = { figures, untilMs: Date.now() + freshMs };
        return figures;
      })
      .finally(() => {
        running = null;
      });
    return await running;
  };
}

/** Adds the figures to a registry; the function returned brings them up to date. */
export function addCatalogMetrics(registry: Registry, reading: CatalogReading): () => Promise<void> {
  const gauge = (name: Name) => {
    const { help, labels } = READ[name];
    return new Gauge<string>({ name, help, labelNames: labels, registers: [registry] });
  };
  const names = Object.keys(READ).filter((name): name is Name => name in READ);
  const gauges = new Map(names.map((name) => [name, gauge(name)]));
  const set = (name: Name, samples: readonly Sample[]) => {
    const one = gauges.get(name);
    // What is gone since the last reading, an account say, has no line any more.
    one?.reset();
    if (READ[name].labels.length === 0) one?.remove();
    for (const [labels, value] of samples) one?.set(labels, value);
  };
  const figures = sharedReading(reading);
  const { timeoutMs } = reading;
  const giveUp = () => {
    throw new Error(`the catalog was not read within ${timeoutMs} ms`);
  };
  return async () => {
    try {
      const samples = samplesOf(await withDeadline(figures(), timeoutMs, giveUp));
      for (const name of names) if (name !== 'clipyard_catalog_up') set(name, samples[name]);
      set('clipyard_catalog_up', [[{}, 1]]);
    } catch (error) {
      reading.onProblem(error);
      for (const name of names) set(name, []);
      set('clipyard_catalog_up', [[{}, 0]]);
    }
  };
}
