/** `checkTask` looks at a running task once and records what it saw; `cancelTask` asks the upstream to stop it. */

import { noteAccountError } from '../src/catalog/accounts.ts';
import { inTransaction } from '../src/catalog/driver/database.ts';
import { closeSubmission, ensureRunning } from '../src/catalog/submissions.ts';
import { changeVideo, lockVideo, type VideoRow } from '../src/catalog/videos.ts';
import type { MicroUsd } from '../src/domain/money.ts';
import type { ProviderCall, TaskStatus } from '../src/domain/provider.ts';
import type { Finality, Look, RunningTask } from '../src/domain/step.ts';
import type { TaskEnd } from '../src/domain/submission.ts';
import { HeldBack, UpstreamError } from '../src/domain/upstream-error.ts';
import type { VideoState } from '../src/domain/video.ts';
import { findAccount } from '../src/submissions/dependencies.ts';
import { freeSlot } from '../src/submissions/free-slot.ts';
import { readNextStep } from '../src/submissions/next-step.ts';
import type { ActivityDependencies } from './dependencies.ts';

export interface CheckTaskInput {
  readonly videoId: string;
  readonly task: RunningTask;
  readonly finality: Finality;
}

/** Followers are told of progress in steps of this many per cent. */
const PROGRESS_STEP = 5;

/** While the clip is archived the task shows as almost done. */
const ARCHIVING_PROGRESS = 99;

type Ended = Extract<TaskStatus, { kind: 'succeeded' | 'failed' }>;

function toTaskEnd(status: Ended, resultTtlMs: number): TaskEnd {
  if (status.kind === 'failed') return { kind: 'failed', upstream: status.upstream };
  const expiresAt = new Date(status.result?.expiresAtMs ?? Date.now() + resultTtlMs).toISOString();
  return {
    kind: 'succeeded',
    resultUrl: status.result?.url ?? null,
    needsKey: status.result?.needsKey ?? false,
    expiresAt,
  };
}

/** What a task that ended is taken to have cost: what the upstream says, and nothing for a failure without a figure. */
function costOf(status: Ended, video: VideoRow): MicroUsd {
  return status.costMicroUsd ?? (status.kind === 'succeeded' ? video.estimateMicroUsd : 0);
}

const BEFORE_GENERATING: readonly VideoState[] = ['queued', 'submitting', 'unconfirmed'];

/** What an old copy of the catalog does not know of a video whose task runs; nothing where it does. */
function healed(video: VideoRow, { account, provider, taskId, submittedAt }: RunningTask): Partial<VideoRow> {
  if (!BEFORE_GENERATING.includes(video.state)) return {};
  return { state: 'generating', account, provider, taskId, submittedAt: video.submittedAt ?? new Date(submittedAt) };
}

/** The catalog is an older copy without the video: its workflow enters it again, and the task with it. */
const LOST: Look = { kind: 'over', next: { step: 'open' } };

export function createCheckActivities(dependencies: ActivityDependencies) {
  const { db, providers, follower } = dependencies;

  function callFor(task: RunningTask): ProviderCall | null {
    const account = findAccount(dependencies, task.account);
    if (!account) return null;
    return {
      baseUrl: task.baseUrl,
      apiKey: account.apiKey,
      signal: AbortSignal.timeout(dependencies.exchangeTimeoutMs),
    };
  }

  /** The progress to show; null when the catalog has lost the video. */
  async function recordPending({ videoId, task }: CheckTaskInput, progress: number | null): Promise<number | null> {
    return await inTransaction(db, async (tx) => {
      const video = await lockVideo(tx, videoId);
      await ensureRunning(tx, videoId, task);
      if (!video) return null;
      const shown = Math.min(Math.max(video.progress, Math.round(progress ?? 0)), ARCHIVING_PROGRESS);
      const seen = { polls: video.polls + 1, polledAt: new Date() };
      const isNews = Math.floor(shown / PROGRESS_STEP) !== Math.floor(video.progress / PROGRESS_STEP);
      await changeVideo(
        tx,
        videoId,
        { ...seen, ...(video.endedAt === null && { ...healed(video, task), progress: shown }) },
        { silent: !isNews && !BEFORE_GENERATING.includes(video.state) },
      );
      return shown;
    });
  }

  /** False when the catalog has lost the video. */
  async function recordFailedLook({ videoId, task }: CheckTaskInput): Promise<boolean> {
    return await inTransaction(db, async (tx) => {
      const video = await lockVideo(tx, videoId);
      await ensureRunning(tx, videoId, task);
      if (video) await changeVideo(tx, videoId, { polls: video.polls + 1, polledAt: new Date() }, { silent: true });
      return video !== null;
    });
  }

  /** Closes the submission, moves the video on and frees its slot in one transaction. */
  async function recordEnd({ videoId, task }: CheckTaskInput, status: Ended): Promise<void> {
    await freeSlot(dependencies, { account: task.account, videoId }, async (tx, video) => {
      await ensureRunning(tx, videoId, task);
      if (!video) return null;
      const taskEnd = toTaskEnd(status, providers[task.provider].facts.resultTtlMs);
      const closed = await closeSubmission(tx, task.submissionId, { taskEnd, costMicroUsd: costOf(status, video) });
      if (!closed) return null;
      const now = new Date();
      const seen = { polls: video.polls + 1, polledAt: now, upstreamMicroUsd: closed.costMicroUsd };
      const archiving = video.endedAt === null && taskEnd.kind === 'succeeded' && taskEnd.resultUrl !== null;
      const moved = archiving ? ({ state: 'archiving', progress: ARCHIVING_PROGRESS, generatedAt: now } as const) : {};
      await changeVideo(tx, videoId, { ...seen, ...(video.endedAt === null && healed(video, task)), ...moved });
      return closed;
    });
  }

  async function over(input: CheckTaskInput, status: Ended): Promise<Look> {
    follower.leave(input.task.submissionId);
    await recordEnd(input, status);
    return { kind: 'over', next: await readNextStep(dependencies, input.videoId) };
  }

  /** For a task that cannot be waited for any longer. */
  async function giveUp(input: CheckTaskInput, message: string): Promise<Look> {
    return await over(input, { kind: 'failed', upstream: { message }, costMicroUsd: null });
  }

  async function look(input: CheckTaskInput): Promise<TaskStatus | Extract<Look, { kind: 'unclear' }>> {
    const call = callFor(input.task);
    if (!call)
      return { kind: 'unclear', message: `account ${input.task.account} is not in the configuration any more` };
    try {
      return await providers[input.task.provider].check(input.task.taskId, call);
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      if (!(error instanceof HeldBack)) {
        await noteAccountError(db, input.task.account, `a task could not be looked at: ${error.message}`);
      }
      return { kind: 'unclear', message: error.message, retryAfterMs: error.retryAfterMs };
    }
  }

  return {
    async checkTask(input: CheckTaskInput): Promise<Look> {
      const status = await look(input);
      if (status.kind === 'succeeded' || status.kind === 'failed') return await over(input, status);
      if (status.kind === 'missing' && input.finality !== 'never') {
        return await giveUp(input, 'the upstream does not know the task any more');
      }
      if (input.finality === 'in any case') return await giveUp(input, 'the upstream never showed how the task ended');
      if (status.kind === 'pending') {
        follower.follow(input.videoId, input.task);
        const progress = await recordPending(input, status.progress);
        if (progress === null) return LOST;
        return { kind: 'pending', progress, word: status.word, retryAfterMs: status.retryAfterMs };
      }
      if (!(await recordFailedLook(input))) return LOST;
      return status.kind === 'missing' ? { kind: 'missing' } : status;
    },

    /** Asks once; the polls that follow show whether it was heard. */
    async cancelTask({ task }: { readonly task: RunningTask }): Promise<void> {
      const call = callFor(task);
      if (call) await providers[task.provider].cancel?.(task.taskId, call);
    },
  };
}
