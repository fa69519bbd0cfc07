/** Opening a video: a row that is missing is entered from what its workflow knows, and the rows say where to go on. */

import { acceptVideo, type NewVideo, queueDeadline } from '../catalog/acceptance.ts';
import { readClock } from '../catalog/clock.ts';
import { inTransaction } from '../catalog/driver/database.ts';
import { listOffers } from '../catalog/models.ts';
import { leaveReopenings } from '../catalog/reopenings.ts';
import { findCurrentSubmission, reenterTask } from '../catalog/submissions.ts';
import { changeVideo, lockVideo, type VideoRow } from '../catalog/videos.ts';
import { defined } from '../domain/defined.ts';
import { Refusal } from '../domain/failure.ts';
import { checkGivenRequest, draftOfGiven } from '../domain/given-request.ts';
import { chooseOffer, estimateMicroUsd } from '../domain/models.ts';
import type { AcceptedTerms, OpenedVideo, TaskMemory } from '../domain/step.ts';
import { DIALECTS } from '../domain/vendor.ts';
import { isVideoId } from '../domain/video.ts';
import { type GivenRequest, isStorable } from '../domain/video-request.ts';
import { createTimeoutOf, type SubmissionDependencies } from './dependencies.ts';
import { nextStepOf } from './next-step.ts';
import { takeTurn } from './take-turn.ts';

/** What a run knows when it starts: enough to enter the video if the catalog does not have it. */
export interface OpenVideoInput {
  readonly videoId: string;
  readonly request: GivenRequest;
  readonly callerId: string;
  /** What was said at its acceptance; none of a child's. */
  readonly accepted?: Partial<AcceptedTerms> | undefined;
  /** What the workflow knows of the video's task, and the catalog perhaps not any more. */
  readonly memory?: TaskMemory | undefined;
}

/** How long a video without a dialect of its own is kept: one day. */
const RETENTION_MS = 24 * 60 * 60_000;

/** A video that came in no dialect is shown as the first of them shows its own. */
const [DEFAULT_DIALECT] = DIALECTS;

/** The gateway checks what it accepts; this is for what another team's workflow hands in. */
function checkInput({ videoId, callerId, request }: OpenVideoInput): void {
  const refuse = (problem: string) => new Refusal('invalid_request', problem);
  if (!isVideoId(videoId)) throw refuse(`the workflow id ${videoId} is not 1 to 64 of A-Z, a-z, 0-9, _ and -`);
  if (typeof callerId !== 'string' || !isStorable(callerId)) throw refuse('there is no such caller');
  checkGivenRequest(request);
}

type Terms = Pick<NewVideo, 'dialect' | 'request' | 'estimateMicroUsd' | 'createdAt' | 'expiresAt'>;

/** What a video that was started as a child of another workflow is made for. */
async function chooseTerms({ db }: Pick<SubmissionDependencies, 'db'>, { request }: OpenVideoInput): Promise<Terms> {
  const draft = draftOfGiven(request);
  const { offer, values } = chooseOffer(draft, await listOffers(db, request.model));
  const { prompt, mode, images, extra, remixOf } = draft;
  const createdAt = await readClock(db);
  return {
    dialect: DEFAULT_DIALECT,
    request: defined({ model: request.model, prompt, mode, images, extra, ...values, remixOf }),
    estimateMicroUsd: estimateMicroUsd(offer, values.durationSeconds),
    createdAt,
    expiresAt: new Date(createdAt.getTime() + RETENTION_MS),
  };
}

/**
 * What another team's request is accepted for, checked as it is when its video is opened.
 * @throws Refusal where it cannot be accepted.
 */
export async function checkedTerms(
  dependencies: Pick<SubmissionDependencies, 'db'>,
  input: OpenVideoInput,
): Promise<Pick<Terms, 'estimateMicroUsd'>> {
  checkInput(input);
  return await chooseTerms(dependencies, input);
}

/** What a video was accepted for: its request is normalised already, and its price does not follow the list again. */
function readTerms({ request, accepted = {} }: OpenVideoInput): Terms | null {
  const { mode, images, durationSeconds, aspectRatio, quality, extra } = request;
  const { dialect, estimateMicroUsd: estimate } = accepted;
  if (dialect === undefined || estimate === undefined || mode === undefined || durationSeconds == null) return null;
  const createdAt = new Date(accepted.createdAt ?? Date.now());
  return {
    dialect,
    request: {
      ...request,
      mode,
      images: images ?? [],
      durationSeconds,
      aspectRatio: aspectRatio ?? null,
      quality: quality ?? null,
      extra: extra ?? {},
    },
    estimateMicroUsd: estimate,
    createdAt,
    expiresAt: accepted.expiresAt ? new Date(accepted.expiresAt) : new Date(createdAt.getTime() + RETENTION_MS),
  };
}

/** Enters a video that was started as another workflow's child, or whose row an old copy of the catalog has lost. */
async function enterVideo(dependencies: SubmissionDependencies, input: OpenVideoInput): Promise<void> {
  const accepted = readTerms(input);
  const terms = accepted ?? (await chooseTerms(dependencies, input));
  await acceptVideo(dependencies.db, {
    id: input.videoId,
    callerId: input.callerId,
    ...terms,
    queueDeadlineAt: queueDeadline(terms.createdAt, terms.expiresAt),
    batchId: null,
    limits: null,
    // Lost with a newer copy of the catalog, which may have had a task made for it.
    isRestored: accepted !== null,
    idempotency: null,
  });
}

/** A create that was sent before this may still be on its way for so long. */
function sendUntil(dependencies: SubmissionDependencies, memory: TaskMemory, now: Date): Date {
  const timeoutMs =
    memory.kind === 'sent' ? createTimeoutOf(dependencies, memory.create.provider) : dependencies.createTimeoutMs;
  return new Date(now.getTime() + timeoutMs);
}

async function read(
  dependencies: SubmissionDependencies,
  { videoId, memory }: OpenVideoInput,
): Promise<OpenedVideo | null> {
  return await inTransaction(dependencies.db, async (tx) => {
    const video: VideoRow | null = await lockVideo(tx, videoId);
    if (!video) return null;
    const now = await readClock(tx);
    if (memory) await reenterTask(tx, video, { memory, sendUntil: sendUntil(dependencies, memory, now) });
    if (video.openedAt === null) await changeVideo(tx, videoId, { openedAt: now });
    await leaveReopenings(tx, [videoId]);
    const submission = await findCurrentSubmission(tx, videoId);
    return {
      next: nextStepOf(dependencies, video, { submission, now }),
      callerId: video.callerId,
      estimateMicroUsd: video.estimateMicroUsd,
      submittedAt: video.submittedAt?.toISOString() ?? null,
    };
  });
}

/** A slot that is free is taken with the opening, so that a video goes on without another round trip. */
async function withTurn(
  dependencies: SubmissionDependencies,
  { videoId }: OpenVideoInput,
  opened: OpenedVideo,
): Promise<OpenedVideo> {
  return opened.next.step === 'slot' ? { ...opened, next: await takeTurn(dependencies, videoId) } : opened;
}

/**
 * Enters what the catalog lacks of the video, and reads where it goes on.
 * @throws Refusal where the input cannot be accepted: it came from another team's workflow.
 */
export async function open(dependencies: SubmissionDependencies, input: OpenVideoInput): Promise<OpenedVideo> {
  const opened = await read(dependencies, input);
  if (opened) return await withTurn(dependencies, input, opened);
  checkInput(input);
  await enterVideo(dependencies, input);
  const entered = await read(dependencies, input);
  if (!entered) throw new Error(`video ${input.videoId} was entered and is not there`);
  return await withTurn(dependencies, input, entered);
}
