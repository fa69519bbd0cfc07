/** Polling a running task once: what was seen is recorded, and says how its workflow goes on. */

import { noteAccountError } from '../catalog/account-health.ts';
import { readClock } from '../catalog/clock.ts';
import { type Db, inTransaction } from '../catalog/driver/database.ts';
import { bookOrphan } from '../catalog/orphans.ts';
import {
  closeSubmission,
  ensureRunning,
  findSubmission,
  noteMissing,
  type SubmissionRow,
} from '../catalog/submissions.ts';
import { changeVideo, lockVideo, type VideoRow } from '../catalog/videos.ts';
import type { MicroUsd } from '../domain/money.ts';
import { type Finality, type Poll, withPoll } from '../domain/poll.ts';
import { providerOf, type TaskStatus } from '../domain/provider.ts';
import type { RunningTask } from '../domain/step.ts';
import type { TaskEnd } from '../domain/submission.ts';
import { deadlineMsOf } from '../domain/task-deadline.ts';
import { HeldBack, UpstreamError } from '../domain/upstream-error.ts';
import type { VideoState } from '../domain/video.ts';
import type { WaitingFor } from '../domain/waiting-for.ts';
import { readList } from './account-list.ts';
import { callFor, isConfigured, type SubmissionDependencies } from './dependencies.ts';
import { freeSlot } from './free-slot.ts';
import { readNextStep } from './next-step.ts';

export interface CheckTaskInput {
  readonly videoId: string;
  readonly task: RunningTask;
  readonly finality: Finality;
  /** The workflow knows that the video has its end, and polls for the bill. */
  readonly ended?: boolean;
}

/** While the clip is archived the task shows as almost done. */
const ARCHIVING_PROGRESS = 99;

/** How long a task has to be unknown to be given up: where the list lacks it as well, and where no list tells. */
const MISSING_IN_LIST_MS = 60_000;
const MISSING_MS = 10 * 60_000;

type Ended = Extract<TaskStatus, { kind: 'succeeded' | 'failed' }>;
type Pending = Extract<TaskStatus, { kind: 'pending' }>;
type Unclear = Extract<Poll, { kind: 'unclear' }>;

function toTaskEnd(status: Ended, resultTtlMs: number): TaskEnd {
  if (status.kind === 'failed') return { kind: 'failed', upstream: status.upstream };
  const expiresAt = new Date(status.result?.expiresAtMs ?? Date.now() + resultTtlMs).toISOString();
  return {
    kind: 'succeeded',
    resultUrl: status.result?.url ?? null,
    needsKey: status.result?.needsKey ?? false,
    otherwise: status.result?.otherwise,
    expiresAt,
  };
}

/** What a task that ended is taken to have cost: what the upstream says, and nothing for a failure without a figure. */
function costOf(status: Ended, video: VideoRow): MicroUsd {
  return status.costMicroUsd ?? (status.kind === 'succeeded' ? video.estimateMicroUsd : 0);
}

/** Whether a video in this state is known to have a task, or has had its end. */
const KNOWS_TASK: Readonly<Record<VideoState, boolean>> = {
  queued: false,
  submitting: false,
  unconfirmed: false,
  generating: true,
  archiving: true,
  completed: true,
  failed: true,
  cancelled: true,
  expired: true,
};

/** What an old copy of the catalog does not know of a video whose task runs; nothing where it does. */
function healed(video: VideoRow, { account, provider, taskId, submittedAt }: RunningTask): Partial<VideoRow> {
  if (KNOWS_TASK[video.state]) return {};
  return { state: 'generating', account, provider, taskId, submittedAt: video.submittedAt ?? new Date(submittedAt) };
}

/** What one more poll leaves in the row. */
function polled({ polls, pollOffsetsMs, createdAt }: VideoRow, polledAt: Date) {
  const offsetMs = polledAt.getTime() - createdAt.getTime();
  return { polls: polls + 1, pollOffsetsMs: withPoll(pollOffsetsMs, polls + 1, offsetMs), polledAt };
}

/** The wait for an account that the configuration leaves out, or has at another base URL: only one that has it asks on. */
function unasked({ waitingFor }: VideoRow, { account, baseUrl }: RunningTask, now: Date): WaitingFor {
  return {
    kind: 'account_suspended',
    since: waitingFor?.since ?? now.toISOString(),
    until: null,
    detail: `its task is at account ${account}, which is not configured any more with the base URL ${baseUrl}`,
  };
}

/** The catalog is an older copy without the video: its workflow enters it again, and the task with it. */
const LOST: Poll = { kind: 'over', next: { step: 'open' } };

/** What was seen of the video's row: how to go on beside what the upstream said. */
type Seen = 'lost' | 'changed' | { readonly progress: number };

/** Enters a poll that showed no end; `changed` where the row says more than the workflow knows: an end, or a wish. */
async function recordPoll(
  dependencies: SubmissionDependencies,
  { videoId, task, ended = false }: CheckTaskInput,
  status: Pending | null,
): Promise<Seen> {
  const { db } = dependencies;
  const canAsk = isConfigured(dependencies, task);
  return await inTransaction(db, async (tx) => {
    const video = await lockVideo(tx, videoId);
    const submission = await ensureRunning(tx, videoId, task);
    if (!video) return 'lost';
    if (status && submission.missingSince !== null) await noteMissing(tx, submission.id, null);
    const progress = shownProgress(video, status?.progress ?? null);
    const shows = status !== null && video.endedAt === null;
    const now = new Date();
    const change = {
      ...polled(video, now),
      ...(status && { lastWord: status.word }),
      ...(shows && { ...healed(video, task), progress }),
      ...(video.endedAt === null && { waitingFor: canAsk ? null : unasked(video, task, now) }),
    };
    await changeVideo(tx, videoId, change);
    const isWanted = ended || (video.endedAt === null && video.cancelRequestedAt === null);
    return isWanted ? { progress } : 'changed';
  });
}

type WithEnd = (tx: Db, closed: SubmissionRow) => Promise<void>;

/** Closes the submission, moves the video on and frees its slot in one transaction, with what else belongs to it. */
async function recordEnd(
  dependencies: SubmissionDependencies,
  { videoId, task }: CheckTaskInput,
  status: Ended,
  also?: WithEnd,
): Promise<void> {
  const { resultTtlMs } = providerOf(dependencies.providers, task).facts;
  await freeSlot(dependencies, { account: task.account, videoId }, async (tx, video) => {
    await ensureRunning(tx, videoId, task);
    if (!video) return null;
    const taskEnd = toTaskEnd(status, resultTtlMs);
    const closed = await closeSubmission(tx, task.submissionId, { taskEnd, costMicroUsd: costOf(status, video) });
    if (!closed) return null;
    const now = new Date();
    const seen = { ...polled(video, now), upstreamMicroUsd: closed.costMicroUsd, waitingFor: null };
    const archiving = video.endedAt === null && taskEnd.kind === 'succeeded' && taskEnd.resultUrl !== null;
    const moved = archiving ? ({ state: 'archiving', progress: ARCHIVING_PROGRESS, generatedAt: now } as const) : {};
    await changeVideo(tx, videoId, { ...seen, ...(video.endedAt === null && healed(video, task)), ...moved });
    await also?.(tx, closed);
    return closed;
  });
}

async function over(
  dependencies: SubmissionDependencies,
  input: CheckTaskInput,
  status: Ended,
  also?: WithEnd,
): Promise<Poll> {
  dependencies.follower.leave(input.task.submissionId);
  await recordEnd(dependencies, input, status, also);
  return { kind: 'over', next: await readNextStep(dependencies, input.videoId) };
}

/** A task that cannot be waited for any longer; it is followed on for its bill, and keeps its slot meanwhile. */
async function giveUp(dependencies: SubmissionDependencies, input: CheckTaskInput, message: string): Promise<Poll> {
  const { account, taskId, upstreamModel, submittedAt } = input.task;
  dependencies.countIncident('task_missing', account);
  const status: Ended = { kind: 'failed', upstream: { message }, costMicroUsd: null };
  return await over(dependencies, input, status, async (tx, { credential, videoId }) => {
    const found = { account, credential, taskId, videoId, upstreamModel, createdAt: new Date(submittedAt) };
    await bookOrphan(tx, { ...found, costMicroUsd: 0 });
  });
}

async function ask(dependencies: SubmissionDependencies, { task }: CheckTaskInput): Promise<TaskStatus | Unclear> {
  const call = callFor(dependencies, task);
  if (!call) return { kind: 'unclear', message: `account ${task.account} is not in the configuration any more` };
  try {
    return await providerOf(dependencies.providers, task).poll(task.taskId, call);
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    if (!(error instanceof HeldBack)) {
      await noteAccountError(dependencies.db, task.account, `a task could not be polled: ${error.message}`);
    }
    return { kind: 'unclear', message: error.message, retryAfterMs: error.retryAfterMs };
  }
}

/** A task that its upstream does not know: gone only when its list lacks it as well, or after minutes. */
async function missing(dependencies: SubmissionDependencies, input: CheckTaskInput): Promise<Poll> {
  const { db } = dependencies;
  const submission = await findSubmission(db, input.task.submissionId);
  if (submission?.state === 'running') {
    const now = await readClock(db);
    const since = submission.missingSince ?? now;
    if (submission.missingSince === null) await noteMissing(db, submission.id, now);
    const forMs = now.getTime() - since.getTime();
    const isGone = forMs >= MISSING_MS || (forMs >= MISSING_IN_LIST_MS && (await isUnlisted(dependencies, input.task)));
    if (isGone) return await giveUp(dependencies, input, 'the upstream does not know the task any more');
  }
  return await goOn(dependencies, input, { status: null, shown: { kind: 'missing' } });
}

/** Whether the account's list can be read and does not show the task. */
async function isUnlisted(
  dependencies: SubmissionDependencies,
  { account, baseUrl, taskId }: RunningTask,
): Promise<boolean> {
  const { list } = await readList(dependencies, { account, baseUrl });
  return list !== null && list.tasks.length > 0 && !list.tasks.some((task) => task.taskId === taskId);
}

async function goOn(
  dependencies: SubmissionDependencies,
  input: CheckTaskInput,
  { status, shown }: { readonly status: Pending | null; readonly shown: Poll },
): Promise<Poll> {
  const seen = await recordPoll(dependencies, input, status);
  if (seen === 'lost') return LOST;
  if (seen === 'changed') return { kind: 'over', next: await readNextStep(dependencies, input.videoId) };
  return shown.kind === 'pending' ? { ...shown, progress: seen.progress } : shown;
}

async function pending(dependencies: SubmissionDependencies, input: CheckTaskInput, status: Pending): Promise<Poll> {
  const { videoId, task } = input;
  const { word, known, retryAfterMs } = status;
  dependencies.follower.follow(videoId, task);
  if (!known) noteUnknownWord(dependencies, task.account, word);
  return await goOn(dependencies, input, { status, shown: { kind: 'pending', progress: 0, word, retryAfterMs } });
}

/**
 * At its deadline a clip that is there under a word which is not known is fetched: it is paid for, and its bytes tell
 * whether it is one. Not where its caller has bounded the time.
 */
function clipAtDeadline({ task, ended }: CheckTaskInput, { result }: Pending): Ended | null {
  if (!result || ended || task.onDeadline === 'cancelled' || Date.now() < deadlineMsOf(task)) return null;
  return { kind: 'succeeded', result, costMicroUsd: null };
}

/** Polls the task once. */
export async function pollTask(dependencies: SubmissionDependencies, input: CheckTaskInput): Promise<Poll> {
  const status = await ask(dependencies, input);
  if (status.kind === 'succeeded' || status.kind === 'failed') return await over(dependencies, input, status);
  if (input.finality === 'in any case') {
    return await giveUp(dependencies, input, 'the upstream never showed how the task ended');
  }
  if (status.kind === 'pending') {
    const clip = clipAtDeadline(input, status);
    return clip ? await over(dependencies, input, clip) : await pending(dependencies, input, status);
  }
  if (status.kind === 'missing') return await missing(dependencies, input);
  return await goOn(dependencies, input, { status: null, shown: status });
}

function shownProgress({ progress }: VideoRow, told: number | null): number {
  return Math.min(Math.max(progress, Math.round(told ?? 0)), ARCHIVING_PROGRESS);
}

/** Words that were logged by this process, each once for an account. */
const loggedWords = new Set<string>();
const MOST_LOGGED_WORDS = 1000;

/** An unknown word keeps the state of a task, and may be an end that is not recognised. */
function noteUnknownWord({ log, countIncident }: SubmissionDependencies, account: string, word: string): void {
  countIncident('unknown_word', account, word);
  const key = `${account} ${word}`;
  if (loggedWords.has(key) || loggedWords.size >= MOST_LOGGED_WORDS) return;
  loggedWords.add(key);
  log.warn({ account, word }, 'an upstream told a state of a task in a word that is not known');
}
