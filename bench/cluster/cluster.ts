/** A large cluster in virtual time: who waits how long, and how often upstreams are asked, by the rules of the product itself. */

import type { ListedTask } from '../../src/domain/adoption.ts';
import { type Doubt, judge } from '../../src/domain/doubt.ts';
import { afterPoll, nextPollMs, type Seen } from '../../src/domain/poll.ts';
import { PROVIDER_FACTS } from '../../src/domain/vendor.ts';
import { FairQueue } from './fair-queue.ts';

/** Callers of one kind, each with as many clips, over all pools. */
export interface CallerKind {
  readonly name: string;
  readonly callers: number;
  readonly clipsEach: number;
  readonly weight: number;
  /** The clips come evenly over this time; all at once where it is 0, as lines of a batch. */
  readonly overMs: number;
}

export interface ClusterOptions {
  readonly pools: number;
  readonly accountsEach: number;
  readonly slotsEach: number;
  readonly kinds: readonly CallerKind[];
  readonly order: 'fair' | 'first come, first served';
}

export interface ClusterReport {
  readonly endMs: number;
  /** Of the time for which slots were taken, the part in which upstreams worked. */
  readonly busy: number;
  /** From a clip's acceptance to its slot, milliseconds, sorted; by kind. */
  readonly waitsMs: ReadonlyMap<string, readonly number[]>;
  readonly polls: number;
  readonly mostPollsInASecond: number;
  /** Creates, polls and lists, of the account that was asked most in a second. */
  readonly mostRequestsAtAnAccount: number;
  /** From a task's end to the poll that sees it, as a share of what the task took. */
  readonly lagShare: number;
  /** Creates whose answers were lost, all of them found again in lists. */
  readonly adopted: number;
}

const TIMING = PROVIDER_FACTS.airforce.timing;
const WINDOW = PROVIDER_FACTS.airforce.listWindow ?? { answeredMs: 0, unansweredMs: 0 };
const SHORTEST_MS = 60_000;
const LONGEST_MS = 120_000;
/** From a grant to the create, and from the create to its answer: the means of benchmark `makespan-batch`. */
const TO_CREATE_MS = 51;
const TO_ANSWER_MS = 10;
/** One create in so many has its answer lost; its account's list shows the task so much later. */
const LOST_EACH = 200;
const LISTED_AFTER_MS = 8_000;
const DAY_MS = 86_400_000;

interface Clip {
  readonly pool: number;
  readonly kind: CallerKind;
  readonly cameMs: number;
  readonly workMs: number;
  /** Its upstream tells of progress. */
  readonly tells: boolean;
}

interface Account {
  free: number;
  second: number;
  requests: number;
}

/** The same numbers each time: mulberry32. */
function randomly(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What happens when, in order: a binary heap. */
class Agenda {
  nowMs = 0;
  readonly #due: { readonly atMs: number; readonly n: number; readonly work: () => void }[] = [];
  #count = 0;

  at(atMs: number, work: () => void): void {
    const due = this.#due;
    const one = { atMs, n: this.#count++, work };
    let place = due.length;
    for (let above = (place - 1) >> 1; place > 0 && this.#isBefore(one, due[above]); above = (place - 1) >> 1) {
      due[place] = due[above] as typeof one;
      place = above;
    }
    due[place] = one;
  }

  run(): void {
    for (let one = this.#take(); one; one = this.#take()) {
      this.nowMs = one.atMs;
      one.work();
    }
  }

  #isBefore(one: { atMs: number; n: number }, other: { atMs: number; n: number } | undefined): boolean {
    return other !== undefined && (one.atMs < other.atMs || (one.atMs === other.atMs && one.n < other.n));
  }

  #take() {
    const due = this.#due;
    const [first] = due;
    const last = due.pop();
    if (!first || !last || due.length === 0) return first;
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      const lesser = this.#isBefore(due[left + 1] ?? last, due[left]) ? left + 1 : left;
      const below = due[lesser];
      if (!below || !this.#isBefore(below, last)) break;
      due[place] = below;
      place = lesser;
    }
    due[place] = last;
    return first;
  }
}

class Cluster {
  readonly #options: ClusterOptions;
  readonly #agenda = new Agenda();
  readonly #random = randomly(1);
  readonly #clips: Clip[] = [];
  readonly #pools: { readonly queue: FairQueue; readonly accounts: Account[] }[];
  readonly #waitsMs = new Map<string, number[]>();
  #takenMs = 0;
  #workMs = 0;
  #lagMs = 0;
  #polls = 0;
  #pollSecond = { second: 0, polls: 0, most: 0 };
  #mostRequests = 0;
  #adopted = 0;

  constructor(options: ClusterOptions) {
    this.#options = options;
    const weights = new Map(options.kinds.map(({ name, weight }) => [name, weight]));
    // The turn of a batch has half its caller's weight.
    const shareOf = (turn: string) => {
      const [kind = '', , isBatch] = turn.split('/');
      return (isBatch ? 2 : 1) / (weights.get(kind) ?? 1);
    };
    this.#pools = Array.from({ length: options.pools }, () => ({
      queue: new FairQueue(shareOf),
      accounts: Array.from({ length: options.accountsEach }, () => ({
        free: options.slotsEach,
        second: 0,
        requests: 0,
      })),
    }));
  }

  run(): ClusterReport {
    for (const kind of this.#options.kinds) this.#expect(kind);
    this.#agenda.run();
    const waitsMs = new Map([...this.#waitsMs].map(([name, waits]) => [name, waits.toSorted((a, b) => a - b)]));
    return {
      endMs: this.#agenda.nowMs,
      busy: this.#workMs / this.#takenMs,
      waitsMs,
      polls: this.#polls,
      mostPollsInASecond: this.#pollSecond.most,
      mostRequestsAtAnAccount: this.#mostRequests,
      lagShare: this.#lagMs / this.#workMs,
      adopted: this.#adopted,
    };
  }

  #expect(kind: CallerKind): void {
    this.#waitsMs.set(kind.name, []);
    for (let n = 0; n < kind.callers * kind.clipsEach; n++) {
      const cameMs = (kind.overMs * (n + this.#random())) / (kind.callers * kind.clipsEach);
      const caller = n % kind.callers;
      this.#agenda.at(cameMs, () => this.#accept(kind, caller));
    }
  }

  #accept(kind: CallerKind, caller: number): void {
    const { pools, order } = this.#options;
    const id = this.#clips.length;
    const pool = Math.floor(this.#random() * pools);
    const workMs = SHORTEST_MS + this.#random() * (LONGEST_MS - SHORTEST_MS);
    this.#clips.push({ pool, kind, cameMs: this.#agenda.nowMs, workMs, tells: pool % 2 === 0 });
    const turn = `${kind.name}/${caller}${kind.overMs === 0 ? '/batches' : ''}`;
    this.#pools[pool]?.queue.queue(order === 'fair' ? turn : 'all', String(id));
    this.#grant(pool);
  }

  #grant(number: number): void {
    const pool = this.#pools[number];
    for (;;) {
      const account = pool?.accounts.reduce((best, one) => (one.free > best.free ? one : best));
      if (!account || account.free === 0) return;
      const id = pool?.queue.next();
      const clip = id === undefined ? undefined : this.#clips[Number(id)];
      if (!clip) return;
      account.free--;
      this.#begin(clip, account);
    }
  }

  #begin(clip: Clip, account: Account): void {
    const { nowMs } = this.#agenda;
    this.#waitsMs.get(clip.kind.name)?.push(nowMs - clip.cameMs);
    this.#takenMs -= nowMs;
    const sentMs = nowMs + TO_CREATE_MS;
    this.#agenda.at(sentMs, () => this.#ask(account));
    const isLost = this.#random() < 1 / LOST_EACH;
    this.#agenda.at(sentMs + TO_ANSWER_MS, () => {
      if (isLost) this.#confirm(clip, account, { sentMs, firstEmptyListAtMs: null });
      else this.#watch(clip, account, this.#agenda.nowMs);
    });
  }

  /** The list is read as often as the judge of doubts has it read, until it shows the task. */
  #confirm(clip: Clip, account: Account, doubt: { sentMs: number; firstEmptyListAtMs: number | null }): void {
    const { nowMs } = this.#agenda;
    const { sentMs } = doubt;
    this.#ask(account);
    const task: ListedTask = { taskId: 'task', createdAtMs: sentMs };
    const isListed = nowMs >= sentMs + LISTED_AFTER_MS;
    const rows: Doubt = {
      ...{ nowMs, sentAtMs: sentMs, sendUntilMs: sentMs, isSending: false, answered: false },
      ...{ lostCreates: 1, isOver: false, expiresAtMs: sentMs + DAY_MS },
    };
    const verdict = judge(rows, {
      kind: 'list',
      ...{ candidates: isListed ? [task] : [], strangers: [], isProven: true, window: WINDOW },
      firstEmptyListAtMs: doubt.firstEmptyListAtMs,
    });
    if (verdict.kind === 'adopt') {
      this.#adopted++;
      this.#watch(clip, account, sentMs + TO_ANSWER_MS);
    } else if (verdict.kind === 'wait') {
      const firstEmptyListAtMs = doubt.firstEmptyListAtMs ?? nowMs;
      this.#agenda.at(nowMs + verdict.afterMs, () => this.#confirm(clip, account, { sentMs, firstEmptyListAtMs }));
    } else {
      throw new Error(`a task that is listed ends as ${verdict.kind}`);
    }
  }

  #watch(clip: Clip, account: Account, submittedMs: number): void {
    const endMs = submittedMs + clip.workMs;
    const untilMs = submittedMs + TIMING.deadlineMs;
    let seen: Seen = { progress: 0, polls: 0, failuresInARow: 0 };
    const later = () => {
      const { nowMs } = this.#agenda;
      this.#agenda.at(nowMs + nextPollMs(TIMING, seen, { submittedMs, nowMs, untilMs }), poll);
    };
    const poll = () => {
      const { nowMs } = this.#agenda;
      this.#ask(account);
      this.#notePoll();
      if (nowMs >= endMs) {
        this.#workMs += clip.workMs;
        this.#lagMs += nowMs - endMs;
        this.#takenMs += nowMs;
        account.free++;
        this.#grant(clip.pool);
        return;
      }
      const progress = clip.tells ? Math.floor((100 * (nowMs - submittedMs)) / clip.workMs) : 0;
      seen = afterPoll(seen, { kind: 'pending', progress, word: '' });
      later();
    };
    later();
  }

  #notePoll(): void {
    this.#polls++;
    const second = Math.floor(this.#agenda.nowMs / 1000);
    const { second: before, polls, most } = this.#pollSecond;
    const now = second === before ? polls + 1 : 1;
    this.#pollSecond = { second, polls: now, most: Math.max(most, now) };
  }

  /** A request of any kind. */
  #ask(account: Account): void {
    const second = Math.floor(this.#agenda.nowMs / 1000);
    account.requests = second === account.second ? account.requests + 1 : 1;
    account.second = second;
    this.#mostRequests = Math.max(this.#mostRequests, account.requests);
  }
}

/** Has all clips made, in virtual time. */
export function runCluster(options: ClusterOptions): ClusterReport {
  return new Cluster(options).run();
}
