/** `submitTask`: sends a video's create at most once per submission, and finds out what became of it. */

import { Context } from '@temporalio/activity';
import { pauseUntil, recover, suspend, suspendModel } from '../src/catalog/accounts.ts';
import { type Db, inTransaction } from '../src/catalog/database.ts';
import { bookOrphan } from '../src/catalog/orphans.ts';
import { type Grant, grantIn, lockPoolOf, returnToQueue } from '../src/catalog/slots.ts';
import type { TaskEnd } from '../src/catalog/submission-states.ts';
import {
  beginSending,
  closeDelivered,
  findSubmission,
  isInDoubt,
  markRunning,
  markUnconfirmed,
  type SubmissionRow,
  takeBack,
  voidSubmission,
} from '../src/catalog/submissions.ts';
import { changeVideo, findVideo, lockVideo, noteDoubt } from '../src/catalog/videos.ts';
import { type UpstreamWords, VIDEO_FAILURES, type VideoFailure } from '../src/domain/failure.ts';
import type { NextStep } from '../src/domain/step.ts';
import { ANSWERS_AT_END } from '../src/domain/vendor.ts';
import type { StartOutcome, StoredClip } from '../src/providers/provider.ts';
import { storeClip } from '../src/storage/store-clip.ts';
import { confirmSubmission } from './confirm-submission.ts';
import { type ActivityDependencies, announceGrants, findAccount } from './dependencies.ts';
import { freeSlot } from './free-slot.ts';
import { readNextStep } from './next-step.ts';
import { probeAccount } from './probe-account.ts';
import { askAgain, isVerdict } from './send-again.ts';

const HEARTBEAT_MS = 3000;

/** Pauses of an account that cannot be reached or asks for less, doubled with each trouble in a row. */
const SHORTEST_PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 5 * 60_000;

/** How long a model is not asked for again at an account that may not use it. */
const MODEL_SUSPENSION_MS = 10 * 60_000;

type Refused = Extract<StartOutcome, { kind: 'refused' }>;
type Lost = Extract<StartOutcome, { kind: 'lost' }>;

/** A create that is ours to send, until then by the worker's clock. */
interface Claim {
  readonly submission: SubmissionRow;
  readonly untilMs: number;
}

/** How a submission becomes void; null when it has moved on. */
type Void = (tx: Db, id: string, error: { [word: string]: string | number }) => Promise<SubmissionRow | null>;

export function createSubmitActivities(dependencies: ActivityDependencies) {
  const { db, providers, log } = dependencies;

  const timeoutOf = ({ provider }: SubmissionRow) =>
    ANSWERS_AT_END[provider] ? dependencies.deliveryTimeoutMs : dependencies.createTimeoutMs;

  const nextStep = (videoId: string) => readNextStep(dependencies, videoId);

  /** granted → sending; null when this submission is not ours to send. */
  async function claim(granted: SubmissionRow): Promise<Claim | null> {
    const { id, videoId, provider } = granted;
    const timeoutMs = timeoutOf(granted);
    return await inTransaction(db, async (tx) => {
      const video = await lockVideo(tx, videoId);
      if (!video || video.endedAt !== null) return null;
      // Taken before the row's own end of sending, which others rely on.
      const untilMs = Date.now() + timeoutMs;
      const submission = await beginSending(tx, id, timeoutMs);
      if (!submission) return null;
      // Where the answer is the clip, sending is all of the generating that can be seen.
      const begun = ANSWERS_AT_END[provider]
        ? ({ state: 'generating', submittedAt: submission.sentAt } as const)
        : ({ state: 'submitting' } as const);
      await changeVideo(tx, videoId, { ...begun, submissions: video.submissions + 1 });
      return { submission, untilMs };
    });
  }

  async function send({ submission, untilMs }: Claim): Promise<StartOutcome> {
    const account = findAccount(dependencies, submission.account);
    const video = await findVideo(db, submission.videoId);
    if (!account || !video) return { kind: 'not sent', message: `account ${submission.account} is not configured` };
    const timeoutMs = untilMs - Date.now();
    if (timeoutMs <= 0) {
      // The machine was suspended, say: by now others may have concluded that no create can be on its way.
      const message = 'the worker was held up before it could send the create';
      return { kind: 'lost', answered: false, upstream: { message } };
    }
    const signal = AbortSignal.timeout(timeoutMs);
    return await providers[submission.provider].start(video.request, {
      baseUrl: submission.baseUrl,
      apiKey: account.apiKey,
      upstreamModel: submission.upstreamModel,
      idempotencyKey: submission.id,
      timeoutMs,
      // Never the attempt's own signal: an answer that comes late is still written down.
      signal,
      storeClip: (pieces) => storeClip(dependencies.store, submission.videoId, pieces),
      loadImage: (image) => dependencies.loadImage(image, signal),
      linkImage: (image) => dependencies.linkImage(image, submission),
    });
  }

  /** unconfirmed or sending → running, which frees the account's lane; null when the submission had moved on. */
  async function enterTask(submission: SubmissionRow, taskId: string): Promise<readonly Grant[] | null> {
    return await inTransaction(db, async (tx) => {
      const pool = await lockPoolOf(tx, submission.account);
      const video = await lockVideo(tx, submission.videoId);
      const running = await markRunning(tx, submission.id, taskId);
      if (!running) return null;
      await recover(tx, submission.account);
      if (video?.endedAt === null) {
        const submittedAt = video.submittedAt ?? running.runningAt;
        await changeVideo(tx, video.id, { state: 'generating', taskId, submittedAt, lastError: null });
      }
      return await grantIn(tx, pool);
    });
  }

  async function recordStarted(submission: SubmissionRow, taskId: string): Promise<NextStep> {
    const grants = await enterTask(submission, taskId);
    if (grants) await announceGrants(dependencies, grants);
    else await reportOrphan(submission, taskId);
    return await nextStep(submission.videoId);
  }

  /** An answer that came after everybody had given it up: the task runs and is billed, and no submission has it. */
  async function reportOrphan({ id, videoId, account, upstreamModel }: SubmissionRow, taskId: string): Promise<void> {
    const row = await findSubmission(db, id);
    if (row?.taskId === taskId) return;
    log.error({ videoId, account, taskId, submissionId: id }, 'a task was made that no submission waits for');
    const video = await findVideo(db, videoId);
    const costMicroUsd = video?.estimateMicroUsd ?? null;
    await bookOrphan(db, { account, taskId, upstreamModel, costMicroUsd, createdAt: new Date() });
  }

  /** A 401 that the account's own free GET does not repeat says nothing of the key: it concerns the model alone. */
  async function examined({ account: id, baseUrl }: SubmissionRow, refused: Refused): Promise<Refused> {
    if (refused.reason !== 'unauthenticated') return refused;
    const problem = await probeAccount(dependencies, { id, baseUrl });
    return problem === null ? { ...refused, reason: 'model not allowed' } : refused;
  }

  /** The account's state after a refusal that is not about the video. */
  async function noteAccountTrouble(tx: Db, submission: SubmissionRow, refused: Refused) {
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
  async function moveOn(submission: SubmissionRow, error: UpstreamWords, note: (tx: Db) => Promise<unknown>) {
    await freeSlot(dependencies, submission, async (tx, video) => {
      const taken = await takeBack(tx, submission.id, { ...error });
      if (!taken) return null;
      await note(tx);
      if (video?.endedAt === null) await returnToQueue(tx, video);
      return taken;
    });
    return await nextStep(submission.videoId);
  }

  /** The upstream will not make this video. */
  async function refuse(submission: SubmissionRow, refused: Refused, makeVoid: Void): Promise<NextStep> {
    const words = { ...refused.upstream };
    const freed = await freeSlot(dependencies, submission, (tx) => makeVoid(tx, submission.id, words));
    if (!freed) return await nextStep(submission.videoId);
    return { step: 'end', state: 'failed', failure: refusedFailure(refused) };
  }

  /** The create's answer was the task's end: its slot is free before the clip is read back. */
  async function recordDelivered(submission: SubmissionRow, taskEnd: TaskEnd): Promise<NextStep> {
    await freeSlot(dependencies, submission, async (tx, video) => {
      const costMicroUsd = taskEnd.kind === 'succeeded' ? (video?.estimateMicroUsd ?? 0) : 0;
      const closed = await closeDelivered(tx, submission.id, { taskEnd, costMicroUsd });
      if (!closed) return null;
      await recover(tx, submission.account);
      if (video?.endedAt === null) {
        const archiving = taskEnd.kind === 'succeeded' && taskEnd.stored !== undefined;
        const moved = archiving ? ({ state: 'archiving', progress: 99, generatedAt: new Date() } as const) : {};
        await changeVideo(tx, video.id, { taskId: closed.taskId, upstreamMicroUsd: costMicroUsd, ...moved });
      }
      return closed;
    });
    return await nextStep(submission.videoId);
  }

  function deliveredEnd(submission: SubmissionRow, clip: StoredClip | null): TaskEnd {
    // Nothing lies at a link that could die; what is stored stays until it is archived.
    const expiresAt = new Date(Date.now() + providers[submission.provider].facts.resultTtlMs).toISOString();
    return { kind: 'succeeded', resultUrl: null, needsKey: false, expiresAt, ...(clip && { stored: clip }) };
  }

  async function record(submission: SubmissionRow, outcome: StartOutcome): Promise<NextStep> {
    switch (outcome.kind) {
      case 'started':
        return await recordStarted(submission, outcome.taskId);
      case 'delivered':
        return await recordDelivered(submission, deliveredEnd(submission, outcome.clip));
      case 'failed':
        return await recordDelivered(submission, { kind: 'failed', upstream: outcome.upstream });
      case 'not sent': {
        const { message } = outcome;
        const pause = { ...pauseBounds(undefined), error: message };
        return await moveOn(submission, { message }, (tx) => pauseUntil(tx, submission.account, pause));
      }
      case 'refused': {
        if (isAboutVideo(outcome)) return await refuse(submission, outcome, takeBack);
        const refused = await examined(submission, outcome);
        return await moveOn(submission, refused.upstream, (tx) => noteAccountTrouble(tx, submission, refused));
      }
      case 'lost':
        return await recordLost(submission, outcome);
    }
  }

  async function enterDoubt(submission: SubmissionRow, { answered, upstream }: Omit<Lost, 'kind'>) {
    return await inTransaction(db, async (tx) => {
      const video = await lockVideo(tx, submission.videoId);
      const row = await markUnconfirmed(tx, submission.id, { answered, lastError: { ...upstream } });
      if (row && video?.endedAt === null) await changeVideo(tx, video.id, { state: 'unconfirmed' });
      return row;
    });
  }

  async function recordLost(submission: SubmissionRow, lost: Lost): Promise<NextStep> {
    const unconfirmed = await enterDoubt(submission, lost);
    if (!unconfirmed) return await nextStep(submission.videoId);
    return honoursKey(submission) ? askAgain(unconfirmed, lost.upstream) : await inspect(unconfirmed);
  }

  function honoursKey({ provider }: SubmissionRow): boolean {
    return providers[provider].facts.honoursIdempotencyKey;
  }

  /** What became of the create, as the account's list shows it. */
  async function inspect(submission: SubmissionRow): Promise<NextStep> {
    const confirmed = await confirmSubmission(dependencies, submission);
    switch (confirmed.kind) {
      case 'found':
        return await recordStarted(submission, confirmed.taskId);
      case 'moved on':
        return await nextStep(submission.videoId);
      case 'doubtful':
        // The submission becomes void with the video's end: a worker killed in between must not find it sendable.
        return { step: 'end', state: 'failed', failure: confirmed.failure };
      case 'look again': {
        const { lookAgainMs, reason } = confirmed;
        return { step: 'confirm', submissionId: submission.id, provider: submission.provider, lookAgainMs, reason };
      }
    }
  }

  /** The same create under the same key: its answer is the task of the first one, or the task that it makes now. */
  async function sendAgain(submission: SubmissionRow): Promise<NextStep> {
    // In doubt before it is sent: what an earlier attempt still learns of its own create says nothing of this one.
    const { answered, lastError } = submission;
    const upstream = lastError ?? { message: 'the create was interrupted' };
    const unconfirmed = await enterDoubt(submission, { answered: answered ?? false, upstream });
    if (!unconfirmed) return await nextStep(submission.videoId);
    const outcome = await send({ submission: unconfirmed, untilMs: Date.now() + timeoutOf(unconfirmed) });
    if (outcome.kind === 'started') return await recordStarted(unconfirmed, outcome.taskId);
    if (outcome.kind === 'lost') return await recordLost(unconfirmed, outcome);
    if (outcome.kind === 'delivered' || outcome.kind === 'failed') return await record(unconfirmed, outcome);
    if (outcome.kind === 'not sent') return askAgain(unconfirmed, { message: outcome.message });
    if (isVerdict(outcome)) return await refuse(unconfirmed, outcome, voidSubmission);
    if (!isAboutVideo(outcome)) await noteAccountTrouble(db, unconfirmed, await examined(unconfirmed, outcome));
    return askAgain(unconfirmed, outcome.upstream, outcome.retryAfterMs);
  }

  async function advance(videoId: string, submissionId: string): Promise<NextStep> {
    const found = await findSubmission(db, submissionId);
    const claimed = found && (await claim(found));
    if (claimed) return await record(claimed.submission, await send(claimed));
    const submission = await findSubmission(db, submissionId);
    // An older copy of the catalog: only the workflow knows of this submission, and perhaps it was sent.
    if (!submission) return { step: 'open' };
    if (!isInDoubt(submission)) return await nextStep(videoId);
    return honoursKey(submission) ? await sendAgain(submission) : await inspect(submission);
  }

  return {
    /**
     * The first execution that finds the submission granted sends its create; every other one only finds out what
     * became of it (by sending it again only where the provider takes that for the same create), so this may be retried
     * for ever.
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
        const next = await advance(videoId, submissionId);
        if (next.step === 'confirm') await noteDoubt(db, videoId, next.reason);
        return next;
      } finally {
        clearInterval(beat);
      }
    },
  };
}

function pauseBounds(retryAfterMs: number | undefined) {
  return { retryAfterMs, shortestMs: SHORTEST_PAUSE_MS, longestMs: LONGEST_PAUSE_MS };
}

/** Whether the refusal would be the same at any other time and with any other key. */
function isAboutVideo({ reason }: Refused): boolean {
  return reason === 'request' || reason === 'image';
}

function refusedFailure({ reason, upstream }: Refused): VideoFailure {
  if (reason === 'image') {
    const message = upstream.message ?? VIDEO_FAILURES.input_image_unusable.meaning;
    return { kind: 'input_image_unusable', message, upstream: null };
  }
  const message = upstream.message ?? `the upstream refused the create with status ${upstream.status ?? 'unknown'}`;
  return { kind: 'upstream_refused', message, upstream };
}
