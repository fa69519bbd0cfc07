/** What the outcome of a create changes: the submission, its slot, its account and its video, in one transaction each. */

import { recover } from '../catalog/account-health.ts';
import { listClaimedTasks } from '../catalog/claims.ts';
import { type Db, inTransaction } from '../catalog/driver/database.ts';
import { endVideo } from '../catalog/ends.ts';
import { bookOrphan } from '../catalog/orphans.ts';
import { grantIn, lockPoolOf, type Return, returnToQueue } from '../catalog/slots.ts';
import {
  closeDelivered,
  findSubmission,
  markRunning,
  markUnconfirmed,
  type SubmissionRow,
  takeBack,
  type voidSubmission,
} from '../catalog/submissions.ts';
import { changeVideo, findVideo, findVideoRow, lockVideo, type VideoRow } from '../catalog/videos.ts';
import { failureOf, type UpstreamWords, type VideoFailure } from '../domain/failure.ts';
import { providerOf, type StartOutcome } from '../domain/provider.ts';
import type { Grant } from '../domain/slot.ts';
import type { NextStep } from '../domain/step.ts';
import type { TaskEnd } from '../domain/submission.ts';
import type { StoredClip } from '../domain/video.ts';
import { removeUnshown } from '../media/remove-media.ts';
import { examined, noteTrouble, noteUnreachable } from './account-trouble.ts';
import { announceGrants } from './announce-grants.ts';
import type { SubmissionDependencies } from './dependencies.ts';
import { freeSlot } from './free-slot.ts';
import { readNextStep } from './next-step.ts';
import { probeAccount } from './probe.ts';

/** Before the next tries of a clip whose refusals may be about it; the one after them is its end. */
const UNDECIDED_WAITS_MS: readonly number[] = [5_000, 30_000];

type Refused = Extract<StartOutcome, { kind: 'refused' }>;
type Lost = Extract<StartOutcome, { kind: 'lost' }>;

/** Refusals that any other clip would meet at the account as well; what is too dear, or not for a plan, may be one clip alone. */
const MET_BY_ALL: readonly Refused['reason'][] = ['unauthenticated', 'rate limited'];

/** Where a clip waits whose account could not take it: one that meets trouble again lets the others try. */
function placeOf({ n }: SubmissionRow): Return['to'] {
  return n === 1 ? 'head' : 'behind';
}

/** Writes down how a create ended; null when its answer was lost, and the submission is in doubt. */
export async function record(
  dependencies: SubmissionDependencies,
  submission: SubmissionRow,
  outcome: StartOutcome,
): Promise<NextStep | null> {
  switch (outcome.kind) {
    case 'started': {
      const { taskId } = outcome;
      if (!(await isTaskOfAnother(dependencies, submission, taskId)))
        return await recordStarted(dependencies, submission, taskId);
      const upstream = { message: `the upstream names ${taskId}, which is the task of another create` };
      return await record(dependencies, submission, { kind: 'lost', answered: true, upstream });
    }
    case 'delivered': {
      const taskEnd = deliveredEnd(dependencies, submission, outcome.clip);
      const next = await recordDelivered(dependencies, submission, taskEnd);
      // The clip came to a video that had ended without one.
      if (next.step === 'ended') await removeUnshown(dependencies.store, submission.videoId, next.end);
      return next;
    }
    case 'failed':
      return await recordDelivered(dependencies, submission, { kind: 'failed', upstream: outcome.upstream });
    case 'not sent': {
      const { message } = outcome;
      return await moveOn(dependencies, submission, {
        error: { message },
        to: placeOf(submission),
        note: (tx) => noteUnreachable(tx, submission, message),
      });
    }
    case 'refused': {
      if (isAboutVideo(outcome))
        return await refuse(dependencies, submission, { refused: outcome, makeVoid: takeBack });
      const refused = await examined(dependencies, submission, outcome);
      if (refused.reason === 'undecided') return await stepBehind(dependencies, submission, refused);
      return await moveOn(dependencies, submission, {
        error: refused.upstream,
        to: MET_BY_ALL.includes(refused.reason) ? placeOf(submission) : 'behind',
        note: (tx) => noteTrouble(tx, submission, refused),
      });
    }
    case 'lost': {
      if (await isWebsites(dependencies, submission, outcome)) {
        const { upstream } = outcome;
        return await record(dependencies, submission, { kind: 'refused', reason: 'no route', upstream });
      }
      const isInDoubt = await enterDoubt(dependencies, submission, outcome);
      if (!isInDoubt) return await readNextStep(dependencies, submission.videoId);
      dependencies.countIncident('lost_answer', submission.account);
      return null;
    }
  }
}

/** Whether a create was answered by a website, which makes no tasks: its free GET is answered so as well. */
async function isWebsites(
  dependencies: SubmissionDependencies,
  { account: id, baseUrl, state }: SubmissionRow,
  { isPage }: Lost,
): Promise<boolean> {
  if (!isPage || state !== 'sending') return false;
  return (await probeAccount(dependencies, { id, baseUrl })).kind === 'no route';
}

/** Whether an answer names a task that another submission has; its own one has it where it was recorded before. */
async function isTaskOfAnother({ db }: SubmissionDependencies, own: SubmissionRow, taskId: string): Promise<boolean> {
  const claimed = await listClaimedTasks(db, own, [taskId]);
  return claimed.has(taskId) && (await findSubmission(db, own.id))?.taskId !== taskId;
}

/** unconfirmed or sending → running, which frees the account's lane; null when the submission had moved on. */
async function enterTask(
  { db }: SubmissionDependencies,
  submission: SubmissionRow,
  taskId: string,
): Promise<readonly Grant[] | null> {
  return await inTransaction(db, async (tx) => {
    const pool = await lockPoolOf(tx, submission.account);
    const video = await lockVideo(tx, submission.videoId);
    const running = await markRunning(tx, submission.id, taskId);
    if (!running) return null;
    await recover(tx, submission.account, submission.sentAt);
    if (video?.endedAt === null) {
      const submittedAt = video.submittedAt ?? running.runningAt;
      await changeVideo(tx, video.id, { state: 'generating', taskId, submittedAt, waitingFor: null });
    }
    return await grantIn(tx, pool);
  });
}

/** The task is known, from the create's own answer or from the account's list. */
export async function recordStarted(
  dependencies: SubmissionDependencies,
  submission: SubmissionRow,
  taskId: string,
): Promise<NextStep> {
  const grants = await enterTask(dependencies, submission, taskId);
  if (grants) await announceGrants(dependencies, grants);
  else await reportOrphan(dependencies, submission, taskId);
  return await readNextStep(dependencies, submission.videoId);
}

/** An answer that came after the submission had been given up: the task runs and is billed, and no submission has it. */
async function reportOrphan(
  { db, log }: SubmissionDependencies,
  { id, videoId, account, credential, upstreamModel }: SubmissionRow,
  taskId: string,
): Promise<void> {
  const row = await findSubmission(db, id);
  if (row?.taskId === taskId) return;
  log.error({ videoId, account, taskId, submissionId: id }, 'a task was made that no submission waits for');
  const video = await findVideo(db, videoId);
  const costMicroUsd = video?.estimateMicroUsd ?? null;
  await bookOrphan(db, { account, credential, taskId, upstreamModel, costMicroUsd, createdAt: new Date() });
}

/** How a video leaves an account that did not take it. */
interface Leaving extends Return {
  readonly error: UpstreamWords;
  /** What is noted of the account, or of the video. */
  note(tx: Db, video: VideoRow | null): Promise<unknown>;
}

/** Gives the slot back and queues the video again. */
async function moveOn(
  dependencies: SubmissionDependencies,
  submission: SubmissionRow,
  { error, note, ...back }: Leaving,
): Promise<NextStep> {
  await freeSlot(dependencies, submission, async (tx, video) => {
    const taken = await takeBack(tx, submission.id, { ...error });
    if (!taken) return null;
    await note(tx, video);
    if (video?.endedAt === null) await returnToQueue(tx, video, back);
    return taken;
  });
  return await readNextStep(dependencies, submission.videoId);
}

/**
 * A refusal that may be about the clip or about the account: the clip goes behind the others, so that it keeps none of
 * them waiting, and ends with its third.
 */
async function stepBehind(
  dependencies: SubmissionDependencies,
  submission: SubmissionRow,
  refused: Refused,
): Promise<NextStep> {
  const before = (await findVideoRow(dependencies.db, submission.videoId))?.undecidedRefusals ?? 0;
  const notBeforeMs = UNDECIDED_WAITS_MS[before];
  if (notBeforeMs === undefined) return await refuse(dependencies, submission, { refused, makeVoid: takeBack });
  return await moveOn(dependencies, submission, {
    error: refused.upstream,
    to: 'behind',
    notBeforeMs,
    note: (tx, video) => (video ? changeVideo(tx, video.id, { undecidedRefusals: before + 1 }) : Promise.resolve()),
  });
}

/** The upstream will not make this video: it ends with its submission. `makeVoid` says from which states that closes. */
export async function refuse(
  dependencies: SubmissionDependencies,
  submission: SubmissionRow,
  { refused, makeVoid }: { readonly refused: Refused; readonly makeVoid: typeof takeBack | typeof voidSubmission },
): Promise<NextStep> {
  const { grants } = await endVideo(dependencies.db, submission.videoId, {
    state: 'failed',
    failure: refusedFailure(refused),
    archive: null,
    closes: (tx) => makeVoid(tx, submission.id, { ...refused.upstream }),
  });
  await announceGrants(dependencies, grants);
  return await readNextStep(dependencies, submission.videoId);
}

/** The create's answer was the task's end: its slot is free before the clip is read back. */
async function recordDelivered(
  dependencies: SubmissionDependencies,
  submission: SubmissionRow,
  taskEnd: TaskEnd,
): Promise<NextStep> {
  await freeSlot(dependencies, submission, async (tx, video) => {
    const costMicroUsd = taskEnd.kind === 'succeeded' ? (video?.estimateMicroUsd ?? 0) : 0;
    const closed = await closeDelivered(tx, submission.id, { taskEnd, costMicroUsd });
    if (!closed) return null;
    await recover(tx, submission.account, submission.sentAt);
    if (video?.endedAt === null) {
      const archiving = taskEnd.kind === 'succeeded' && taskEnd.stored !== undefined;
      const moved = archiving ? ({ state: 'archiving', progress: 99, generatedAt: new Date() } as const) : {};
      await changeVideo(tx, video.id, { taskId: closed.taskId, upstreamMicroUsd: costMicroUsd, ...moved });
    }
    return closed;
  });
  return await readNextStep(dependencies, submission.videoId);
}

function deliveredEnd(
  { providers }: SubmissionDependencies,
  submission: SubmissionRow,
  clip: StoredClip | null,
): TaskEnd {
  // Nothing lies at a link that could die; what is stored stays until it is archived.
  const expiresAt = new Date(Date.now() + providerOf(providers, submission).facts.resultTtlMs).toISOString();
  return { kind: 'succeeded', resultUrl: null, needsKey: false, expiresAt, ...(clip && { stored: clip }) };
}

/** sending → unconfirmed, with its video; null when the submission had moved on. */
export async function enterDoubt(
  { db }: SubmissionDependencies,
  submission: SubmissionRow,
  { answered, upstream }: Omit<Lost, 'kind'>,
): Promise<SubmissionRow | null> {
  return await inTransaction(db, async (tx) => {
    const video = await lockVideo(tx, submission.videoId);
    const row = await markUnconfirmed(tx, submission.id, { answered, lastError: { ...upstream } });
    if (row && video?.endedAt === null) await changeVideo(tx, video.id, { state: 'unconfirmed' });
    return row;
  });
}

/** Whether the refusal would be the same at any other time and with any other key. */
export function isAboutVideo({ reason }: Refused): boolean {
  return reason === 'request' || reason === 'image';
}

function refusedFailure({ reason, upstream }: Refused): VideoFailure {
  if (reason === 'image') return failureOf('input_image_unusable', upstream.message);
  const message = upstream.message ?? `the upstream refused the create with status ${upstream.status ?? 'unknown'}`;
  return { kind: 'upstream_refused', message, upstream };
}
