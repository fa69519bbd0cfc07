/** `submitTask`: sends a video's create at most once per submission, and finds out what became of it. */

import { Context } from '@temporalio/activity';
import { pauseUntil, recover, suspend, suspendModel } from '../src/catalog/accounts.ts';
import { inTransaction } from '../src/catalog/database.ts';
import { type Grant, grantSlotsOfAccount, returnToQueue } from '../src/catalog/slots.ts';
import {
  beginSending,
  findSubmission,
  markRunning,
  markUnconfirmed,
  type SubmissionRow,
  voidSubmission,
} from '../src/catalog/submissions.ts';
import { changeVideo, findVideo, lockVideo } from '../src/catalog/videos.ts';
import type { UpstreamWords, VideoFailure } from '../src/domain/failure.ts';
import type { NextStep } from '../src/domain/step.ts';
import type { StartOutcome } from '../src/providers/provider.ts';
import { readInputImage } from '../src/storage/input-images.ts';
import { confirmSubmission } from './confirm-submission.ts';
import { type ActivityDependencies, announceGrants, findAccount } from './dependencies.ts';
import { readNextStep } from './next-step.ts';

const HEARTBEAT_MS = 3000;

/** Pauses of an account that cannot be reached or asks for less, doubled with each trouble in a row. */
const SHORTEST_PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 5 * 60_000;

/** How long a model is not asked for again at an account that may not use it. */
const MODEL_SUSPENSION_MS = 10 * 60_000;

type Refused = Extract<StartOutcome, { kind: 'refused' }>;

export function createSubmitActivities(dependencies: ActivityDependencies) {
  const { db, providers } = dependencies;

  const nextStep = (videoId: string) => readNextStep(dependencies, videoId);

  /** granted → sending; null when this submission is not ours to send. */
  async function claim(submissionId: string, videoId: string): Promise<SubmissionRow | null> {
    return await inTransaction(db, async (tx) => {
      const sentAt = new Date();
      const sendUntil = new Date(sentAt.getTime() + dependencies.createTimeoutMs);
      const video = await lockVideo(tx, videoId);
      if (!video || video.endedAt !== null) return null;
      const claimed = await beginSending(tx, submissionId, { sentAt, sendUntil });
      if (claimed) await changeVideo(tx, videoId, { state: 'submitting', submissions: video.submissions + 1 });
      return claimed;
    });
  }

  async function send(submission: SubmissionRow): Promise<StartOutcome> {
    const account = findAccount(dependencies, submission.account);
    const video = await findVideo(db, submission.videoId);
    if (!account || !video) return { kind: 'not sent', message: `account ${submission.account} is not configured` };
    return await providers[submission.provider].start(video.request, {
      baseUrl: submission.baseUrl,
      apiKey: account.apiKey,
      upstreamModel: submission.upstreamModel,
      idempotencyKey: submission.id,
      timeoutMs: dependencies.createTimeoutMs,
      // Never the attempt's own signal: an answer that comes late is still written down.
      signal: AbortSignal.timeout(dependencies.createTimeoutMs),
      readImage: (image) => readInputImage(dependencies.store, image),
    });
  }

  async function recordStarted(submission: SubmissionRow, taskId: string): Promise<readonly Grant[]> {
    return await inTransaction(db, async (tx) => {
      const video = await lockVideo(tx, submission.videoId);
      const running = await markRunning(tx, submission.id, taskId);
      if (!running || !video) return [];
      await recover(tx, submission.account);
      if (video.endedAt === null) {
        const submittedAt = video.submittedAt ?? running.runningAt;
        await changeVideo(tx, video.id, { state: 'generating', taskId, submittedAt });
      }
      return await grantSlotsOfAccount(tx, submission.account);
    });
  }

  /** The account's state after a refusal that is not about the video. */
  async function noteAccountTrouble(tx: ActivityDependencies['db'], submission: SubmissionRow, refused: Refused) {
    const { account } = submission;
    const error = refused.upstream.message ?? refused.reason;
    switch (refused.reason) {
      case 'unauthenticated':
        return await suspend(tx, account, error);
      case 'no credit':
      case 'model not allowed': {
        const video = await findVideo(tx, submission.videoId);
        const until = new Date(Date.now() + MODEL_SUSPENSION_MS);
        return video && (await suspendModel(tx, { account, model: video.request.model, until, error }));
      }
      default:
        return await pauseUntil(tx, account, { ...pauseBounds(refused.retryAfterMs), error });
    }
  }

  /** Gives the slot back and queues the video again at the head. */
  async function moveOn(
    submission: SubmissionRow,
    note: (tx: ActivityDependencies['db']) => Promise<unknown>,
    error: UpstreamWords,
  ) {
    const grants = await inTransaction(db, async (tx) => {
      const video = await lockVideo(tx, submission.videoId);
      const voided = await voidSubmission(tx, submission.id, { ...error });
      await note(tx);
      if (!video || !voided || video.endedAt !== null) return [];
      const requeued = await returnToQueue(tx, video);
      return requeued.kind === 'queued' ? requeued.grants : [];
    });
    await announceGrants(
      dependencies,
      grants.filter(({ videoId }) => videoId !== submission.videoId),
    );
    return await nextStep(submission.videoId);
  }

  async function end(submission: SubmissionRow, failure: VideoFailure): Promise<NextStep> {
    const grants = await inTransaction(db, async (tx) => {
      await lockVideo(tx, submission.videoId);
      await voidSubmission(tx, submission.id, { ...failure.upstream });
      return await grantSlotsOfAccount(tx, submission.account);
    });
    await announceGrants(dependencies, grants);
    return { step: 'end', state: 'failed', failure };
  }

  async function record(submission: SubmissionRow, outcome: StartOutcome): Promise<NextStep> {
    switch (outcome.kind) {
      case 'started':
        await announceGrants(dependencies, await recordStarted(submission, outcome.taskId));
        return await nextStep(submission.videoId);
      case 'not sent': {
        const error = { message: outcome.message };
        const pause = { ...pauseBounds(undefined), error: outcome.message };
        return await moveOn(submission, (tx) => pauseUntil(tx, submission.account, pause), error);
      }
      case 'refused':
        if (outcome.reason === 'request') return await end(submission, refusedFailure(outcome));
        return await moveOn(submission, (tx) => noteAccountTrouble(tx, submission, outcome), outcome.upstream);
      case 'lost':
        return await recordLost(submission, outcome);
    }
  }

  async function recordLost(
    submission: SubmissionRow,
    { answered, upstream }: Extract<StartOutcome, { kind: 'lost' }>,
  ) {
    const unconfirmed = await inTransaction(db, async (tx) => {
      await lockVideo(tx, submission.videoId);
      const row = await markUnconfirmed(tx, submission.id, { answered, lastError: { ...upstream } });
      if (row) await changeVideo(tx, submission.videoId, { state: 'unconfirmed' });
      return row;
    });
    return unconfirmed ? await confirm(unconfirmed) : await nextStep(submission.videoId);
  }

  async function confirm(submission: SubmissionRow): Promise<NextStep> {
    const confirmed = await confirmSubmission(dependencies, submission);
    switch (confirmed.kind) {
      case 'found':
        await announceGrants(dependencies, await recordStarted(submission, confirmed.taskId));
        return await nextStep(submission.videoId);
      case 'moved on':
        return await nextStep(submission.videoId);
      case 'doubtful':
        return await end(submission, confirmed.failure);
      case 'look again': {
        const { lookAgainMs, reason } = confirmed;
        return { step: 'confirm', submissionId: submission.id, lookAgainMs, reason };
      }
    }
  }

  return {
    /**
     * The first execution that finds the submission granted sends its create; every other one only finds out what
     * became of it, so this may be retried for ever.
     */
    async submitTask({
      videoId,
      submissionId,
    }: {
      readonly videoId: string;
      readonly submissionId: string;
    }): Promise<NextStep> {
      const context = Context.current();
      const beat = setInterval(() => context.heartbeat(), HEARTBEAT_MS);
      try {
        const claimed = await claim(submissionId, videoId);
        if (claimed) return await record(claimed, await send(claimed));
        const submission = await findSubmission(db, submissionId);
        const inDoubt = submission?.state === 'sending' || submission?.state === 'unconfirmed';
        return submission && inDoubt ? await confirm(submission) : await nextStep(videoId);
      } finally {
        clearInterval(beat);
      }
    },
  };
}

function pauseBounds(retryAfterMs: number | undefined) {
  return { retryAfterMs, shortestMs: SHORTEST_PAUSE_MS, longestMs: LONGEST_PAUSE_MS };
}

function refusedFailure({ upstream }: Refused): VideoFailure {
  const message = upstream.message ?? `the upstream refused the create with status ${upstream.status ?? 'unknown'}`;
  return { kind: 'upstream_refused', message, upstream };
}
