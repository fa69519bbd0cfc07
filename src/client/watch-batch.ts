/** Following a batch to its end: counts, pace, expected end, cost, and the clips that failed last. */

import { LINE_STATES } from '../domain/batch.ts';
import { BATCH_PATHS, batchItemsAnswer } from '../wire/clipyard/batches.ts';
import { PAGE_LIMIT } from '../wire/clipyard/fields.ts';
import { pathOf } from '../wire/path.ts';
import {
  type BatchAnswer,
  countLines,
  describeCounts,
  describeExpectedEnd,
  lookAtBatch,
  requireAllCompleted,
} from './batch-answers.ts';
import { watchProgress } from './follow.ts';
import { type GatewayClient, readAnswer } from './gateway-client.ts';
import { dollars, instant, oneLine, type Stream, shorten } from './output.ts';
import { drawBar, type Picture } from './progress.ts';
import { queryOf } from './query.ts';
import type { Session } from './run-command.ts';

/** The pace is that of the latest minutes. */
const PACE_MS = 600_000;
const MOST_FAILURES = 3;
const FAILURE_LENGTH = 120;

/** A batch as it is followed. */
export interface WatchedBatch extends BatchAnswer {
  /** Lines that ended, by the minute; null before any was seen to end. */
  readonly perMinute: number | null;
  /** The last ones, each in a line. */
  readonly failures: readonly string[];
}

/** How many things end in a minute, by what was seen of their number lately. */
export class Pace {
  readonly #seen: { readonly atMs: number; readonly ended: number }[] = [];

  /** Null before any was seen to end. */
  perMinute(ended: number, atMs: number): number | null {
    const seen = this.#seen;
    seen.push({ atMs, ended });
    while (atMs - (seen[1]?.atMs ?? atMs) >= PACE_MS) seen.shift();
    const [first] = seen;
    if (first === undefined || first.ended === ended) return null;
    return ((ended - first.ended) / (atMs - first.atMs)) * 60_000;
  }
}

/** Reads each failed line once, as far as lines fail about in their order. */
class Failures {
  readonly #gateway: GatewayClient;
  readonly #path: string;
  readonly #seen = new Set<number>();
  #cursor: string | undefined;
  #count = 0;
  #last: readonly string[] = [];

  constructor(gateway: GatewayClient, id: string) {
    this.#gateway = gateway;
    this.#path = pathOf(BATCH_PATHS.batchItems, id);
  }

  async read(count: number): Promise<readonly string[]> {
    while (this.#count < count) {
      const query = queryOf({ state: 'failed', limit: PAGE_LIMIT.max, cursor: this.#cursor });
      const answer = await this.#gateway.ask({ method: 'GET', path: this.#path + query });
      const { items, nextCursor } = readAnswer(batchItemsAnswer, answer);
      const fresh = items.filter(({ line }) => !this.#seen.has(line));
      for (const { line } of fresh) this.#seen.add(line);
      const said = fresh.map(({ line, customId, failure }) => {
        const named = customId === String(line) ? '' : ` (${customId})`;
        return shorten(`line ${line}${named} failed: ${failure?.message ?? 'no reason'}`, FAILURE_LENGTH);
      });
      this.#last = [...this.#last, ...said].slice(-MOST_FAILURES);
      if (nextCursor === null) this.#count = count;
      else this.#cursor = nextCursor;
    }
    return this.#last;
  }
}

const WIDTH = 11;

export const BATCH_PICTURE: Picture<WatchedBatch> = {
  draw({ batch, perMinute, failures }, { bold, dim, cyan, green, red }) {
    const { id, name, state, counts, endedAt, expectedEndAt, costMicroUsd, estimateMicroUsd } = batch;
    const { all, ended } = countLines(batch);
    const endColor = counts.completed === all ? green : red;
    const facts = [
      endedAt === null ? describeExpectedEnd(expectedEndAt) : `ended ${instant(endedAt)}`,
      perMinute === null ? null : `${perMinute.toFixed(1)} clips a minute`,
      `${dollars(costMicroUsd)} of about ${dollars(estimateMicroUsd)}`,
    ];
    return [
      `${bold(id)} ${name === null ? '' : `${oneLine(name)} `}${state}`,
      `${drawBar((ended / Math.max(all, 1)) * 100, endedAt === null ? cyan : endColor)} ${ended} of ${all}`,
      dim(LINE_STATES.map((each) => each.padStart(WIDTH)).join('')),
      LINE_STATES.map((each) => String(counts[each]).padStart(WIDTH)).join(''),
      facts.filter((fact) => fact !== null).join(' · '),
      ...failures.map(red),
    ];
  },
  say({ batch, failures }) {
    return [`${batch.state}: ${describeCounts(batch)}, ${dollars(batch.costMicroUsd)}`, ...failures];
  },
};

/** Shows a batch's progress until it has ended. @throws as `watchProgress`. */
export function watchBatch(gateway: GatewayClient, id: string, notes: Stream): Promise<BatchAnswer> {
  const pace = new Pace();
  const failures = new Failures(gateway, id);
  return watchProgress(gateway, {
    notes,
    picture: BATCH_PICTURE,
    goesOn: `${id} goes on; to come back to it: clipyard batch watch ${id}`,
    look: async () => {
      const seen = await lookAtBatch(gateway, id);
      const perMinute = pace.perMinute(countLines(seen.batch).ended, Date.now());
      return { ...seen, perMinute, failures: await failures.read(seen.batch.counts.failed) };
    },
    hasEnded: ({ batch }) => batch.endedAt !== null,
  });
}

/** Follows a batch and tells what came of it. @throws CommandFailure unless all of its lines completed. */
export async function watchToEnd(session: Session, id: string): Promise<void> {
  const { answer, batch } = await watchBatch(session.gateway, id, session.output.notes);
  const { all } = countLines(batch);
  session.output.show(answer, () => {
    return `${id} ${batch.state}: ${batch.counts.completed} of ${all} completed, charged ${dollars(batch.costMicroUsd)}`;
  });
  requireAllCompleted(batch);
}
