/** Polling a running task: until it is over, or, once its video has its end, until its bill is known. */

import { ActivityFailure, condition, patched } from '@temporalio/workflow';
import { failureOf } from '../src/domain/failure.ts';
import {
  afterPoll,
  type Finality,
  nextBillPollMs,
  nextPollMs,
  type Poll,
  type Seen,
  seenSoFar,
} from '../src/domain/poll.ts';
import type { NextStep, RunningTask } from '../src/domain/step.ts';
import { deadlineMsOf } from '../src/domain/task-deadline.ts';
import { polling } from './activity-options.ts';
import { continueWhereLong, end, endCancelled, type Run } from './run.ts';

/** After an end that came before the task's, the task is polled this much longer than the upstream keeps it. */
const LATE_WATCH_MS = 60 * 60_000;

/** What an upstream pushes may come in bursts: no poll follows another sooner. */
const LEAST_AFTER_NEWS_MS = 1000;

/** A cancel that the upstream has not obeyed is repeated with so many polls. */
const REPEATED_CANCELS = 10;

/** Older runs did not tell of an end that was given elsewhere, or by a run before, until the task was over as well. */
const TELLS_OF_FOLLOWING = 'tells-of-following';

/** Past the time of an ended video's task the polls themselves may fail, and are not to be repeated at once. */
const WAITS_AT_ITS_END = 'waits-between-last-looks';

/** Polls until the task is over. A failed poll says nothing about the task; only time does, at the deadline. */
export async function watch(run: Run, task: RunningTask): Promise<NextStep> {
  const { account, provider, taskId, submittedAt, timing } = task;
  const { story, wishes } = run;
  story.tell({ state: 'generating', account, provider, taskId, submittedAt }, 'generating upstream');
  const submittedMs = Date.parse(submittedAt);
  const untilMs = deadlineMsOf(task);
  const isInterrupted = () => wishes.cancel || wishes.reopen;
  let seen = seenSoFar(task);
  let polledMs = Date.now();
  for (;;) {
    if (wishes.cancel) return await cancelTask(run, task);
    if (wishes.reopen) return { step: 'open' };
    await continueWhereLong(run);
    const waitMs = nextPollMs(timing, seen, { submittedMs, nowMs: Date.now(), untilMs });
    await waitForPoll(run, { waitMs, polledMs, minPollMs: timing.minPollMs, isInterrupted });
    if (isInterrupted()) continue;
    const isLast = Date.now() >= untilMs;
    const poll = await pollTask(run, task, seen, { finality: 'never' });
    if (poll.kind === 'over') {
      story.tell({ polls: seen.polls + 1 }, 'over upstream');
      return poll.next;
    }
    if (isLast) return await endAtDeadline(run, task);
    polledMs = Date.now();
    seen = afterPoll(seen, poll);
    story.tell({ progress: seen.progress, polls: seen.polls }, describe(poll));
  }
}

/** Polls the task of an ended video at the slowest pace; its upstream is asked to stop it where that can be. */
export async function followBill(
  run: Run,
  { task, end: given, stops = false }: Extract<NextStep, { step: 'watch' }>,
): Promise<NextStep> {
  const { timing, account, provider, taskId, submittedAt } = task;
  const { wishes, story } = run;
  const submittedMs = Date.parse(submittedAt);
  const untilMs = Date.parse(task.expiresAt) + LATE_WATCH_MS;
  if (given && patched(TELLS_OF_FOLLOWING)) {
    const { state, endedAt, failure } = given;
    const told = { account, provider, taskId, submittedAt, progress: task.progress, polls: task.polls };
    story.tell({ ...told, state, endedAt, failure }, 'following its task, which keeps its slot and may be billed');
  }
  const isInterrupted = () => wishes.reopen;
  let seen = seenSoFar(task);
  let polledMs = Date.now();
  for (let cancels = stops ? REPEATED_CANCELS : 0; ; cancels--) {
    if (wishes.reopen) return { step: 'open' };
    await continueWhereLong(run);
    if (cancels > 0) await askToStop(task);
    const waitMs = nextBillPollMs(timing, seen, { submittedMs, nowMs: Date.now(), untilMs });
    await waitForPoll(run, { waitMs, polledMs, minPollMs: timing.minPollMs, isInterrupted });
    if (isInterrupted()) continue;
    const isLast = Date.now() >= untilMs;
    const poll = await pollTask(run, task, seen, { finality: isLast ? 'in any case' : 'never', ended: true });
    if (poll.kind === 'over') return poll.next;
    // An ended video keeps its end; as long as its last poll fails there is another one.
    if (isLast && !patched(WAITS_AT_ITS_END)) return await endAtDeadline(run, task);
    polledMs = Date.now();
    seen = afterPoll(seen, poll);
  }
}

/** The video has its end at once; its task, if it cannot be stopped, is polled on for its bill. */
export async function cancelTask(run: Run, task: RunningTask): Promise<NextStep> {
  if (task.cancels) await askToStop(task);
  return await endCancelled(run);
}

/** Whether the upstream heard it is shown by the polls that follow. */
async function askToStop(task: RunningTask): Promise<void> {
  try {
    await polling('cancel the task').cancelTask({ task });
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
  }
}

async function endAtDeadline(run: Run, task: RunningTask): Promise<NextStep> {
  if (task.onDeadline === 'cancelled') return await cancelTask(run, task);
  const message = `its task at ${task.account} had not ended by ${new Date(deadlineMsOf(task)).toISOString()}, its deadline`;
  return await end(run, 'expired', { failure: failureOf('deadline_exceeded', message) });
}

interface PollWait {
  readonly waitMs: number;
  readonly polledMs: number;
  readonly minPollMs: number;
  isInterrupted(): boolean;
}

/** Waits for the next poll; a hint ends the wait, but no sooner than one poll may follow another. */
async function waitForPoll({ wishes }: Run, { waitMs, polledMs, minPollMs, isInterrupted }: PollWait): Promise<void> {
  const isWoken = () => wishes.news || wishes.recheck || isInterrupted();
  if (waitMs > 0) await condition(isWoken, waitMs, { summary: 'until the next poll' });
  const leastMs = wishes.news ? LEAST_AFTER_NEWS_MS : wishes.recheck ? minPollMs : 0;
  wishes.news = false;
  wishes.recheck = false;
  const leftMs = polledMs + leastMs - Date.now();
  if (leastMs > 0 && leftMs > 0) await condition(isInterrupted, leftMs, { summary: 'until a poll may follow' });
}

async function pollTask(
  { videoId }: Run,
  task: RunningTask,
  seen: Seen,
  how: { readonly finality: Finality; readonly ended?: boolean },
): Promise<Poll> {
  const summary = `poll ${seen.polls + 1}, at ${seen.progress} %`;
  try {
    return await polling(summary).checkTask({ videoId, task, ...how });
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    return { kind: 'unclear', message: error.cause?.message ?? error.message };
  }
}

function describe(poll: Exclude<Poll, { kind: 'over' }>): string {
  switch (poll.kind) {
    case 'pending':
      return `upstream says “${poll.word}”`;
    case 'unclear':
      return `the last poll failed: ${poll.message}`;
    case 'missing':
      return 'the upstream does not know the task yet';
  }
}
