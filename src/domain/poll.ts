/** Polls of a task as its workflow makes them: what one shows, and when the next one follows. */

import { nextPollDelayMs, type PollTiming } from './poll-schedule.ts';
import type { NextStep, RunningTask } from './step.ts';

/** When a poll may take the task for over although the upstream does not say so; `if missing` in older runs. */
export type Finality = 'never' | 'if missing' | 'in any case';

/** What one poll of a task means for its workflow. */
export type Poll =
  | {
      readonly kind: 'pending';
      readonly progress: number;
      readonly word: string;
      readonly retryAfterMs?: number | undefined;
    }
  /** The poll itself failed, which says nothing about the task. */
  | { readonly kind: 'unclear'; readonly message: string; readonly retryAfterMs?: number | undefined }
  | { readonly kind: 'missing' }
  /** The polling is over: the task ended and its slot is free, or the rows say something else by now. */
  | { readonly kind: 'over'; readonly next: NextStep };

/** What the polls of a task have shown so far. */
export interface Seen {
  /** 0 to 100. */
  readonly progress: number;
  /** Polls made, failed ones included. */
  readonly polls: number;
  readonly failuresInARow: number;
  /** The upstream's own hint. */
  readonly retryAfterMs?: number | undefined;
}

/** What was seen of a task when a run begins to poll it. */
export function seenSoFar({ progress, polls }: Pick<RunningTask, 'progress' | 'polls'>): Seen {
  return { progress, polls, failuresInARow: 0 };
}

/** The same after one more poll. */
export function afterPoll({ progress, polls, failuresInARow }: Seen, poll: Exclude<Poll, { kind: 'over' }>): Seen {
  if (poll.kind === 'pending') {
    return { progress: poll.progress, polls: polls + 1, failuresInARow: 0, retryAfterMs: poll.retryAfterMs };
  }
  const retryAfterMs = poll.kind === 'unclear' ? poll.retryAfterMs : undefined;
  return { progress, polls: polls + 1, failuresInARow: failuresInARow + 1, retryAfterMs };
}

/** The instants, in milliseconds, between which a task is polled. */
export interface PollTimes {
  readonly submittedMs: number;
  readonly nowMs: number;
  /** The last poll is made then. */
  readonly untilMs: number;
}

/** Milliseconds to the next poll of a task that is waited for. */
export function nextPollMs(timing: PollTiming, seen: Seen, { submittedMs, nowMs, untilMs }: PollTimes): number {
  return Math.min(nextPollDelayMs(timing, { elapsedMs: nowMs - submittedMs, ...seen }), untilMs - nowMs);
}

/** The same where the video has its end, and only the bill is waited for. */
export function nextBillPollMs(timing: PollTiming, seen: Seen, times: PollTimes): number {
  const isPast = times.nowMs >= times.untilMs;
  // Past its time the polls themselves may fail, and are not to be repeated at once.
  if (!isPast) return Math.min(timing.maxPollMs, times.untilMs - times.nowMs);
  return seen.failuresInARow > 0 ? nextPollDelayMs(timing, { elapsedMs: times.nowMs - times.submittedMs, ...seen }) : 0;
}

/** So many instants of polls are kept of a video at most. */
export const MOST_OFFSETS = 64;
/** The largest offset that is kept: as much as a column of whole numbers holds, 24 days. */
const LAST_OFFSET_MS = 2 ** 31 - 1;

/** Of so many polls each so many-th is kept: a power of two. */
function strideOf(polls: number): number {
  return 2 ** Math.max(0, Math.ceil(Math.log2(polls / MOST_OFFSETS)));
}

/** The instants of polls that are kept, after the `polls`-th one; those of every second one go as they become too many. */
export function withPoll(offsetsMs: readonly number[], polls: number, offsetMs: number): number[] {
  const stride = strideOf(polls);
  const isWider = stride > strideOf(polls - 1);
  const kept = isWider ? offsetsMs.filter((_, index) => index % 2 === 1) : [...offsetsMs];
  if (polls % stride !== 0) return kept;
  return [...kept, Math.min(LAST_OFFSET_MS, Math.max(0, offsetMs))].slice(-MOST_OFFSETS);
}
