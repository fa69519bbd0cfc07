/** `openVideo`: the first step of every run, which enters a missing row and says where to go on. */

import { ApplicationFailure } from '@temporalio/common';
import { acceptVideo, queueDeadline } from '../src/catalog/acceptance.ts';
import { inTransaction } from '../src/catalog/database.ts';
import { listOffers } from '../src/catalog/models.ts';
import { findCurrentSubmission } from '../src/catalog/submissions.ts';
import { changeVideo, lockVideo, type VideoRow } from '../src/catalog/videos.ts';
import { Refusal } from '../src/domain/failure.ts';
import { chooseOffer, estimateMicroUsd } from '../src/domain/models.ts';
import type { OpenedVideo } from '../src/domain/step.ts';
import { DIALECTS } from '../src/domain/vendor.ts';
import { type GivenRequest, REQUEST_BOUNDS, type VideoDraft } from '../src/domain/video-request.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { nextStepOf } from './next-step.ts';

/** What a run knows when it starts: enough to enter the video if the catalog does not have it. */
export interface OpenVideoInput {
  readonly videoId: string;
  readonly request: GivenRequest;
  readonly callerId: string;
}

/** How long a video without a dialect of its own is kept: one day. */
const RETENTION_MS = 24 * 60 * 60_000;

/** A video that came in no dialect is shown as the first of them shows its own. */
const [DEFAULT_DIALECT] = DIALECTS;

const VIDEO_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** The gateway checks what it accepts; this is for what another team's workflow hands in. */
function checkInput({ videoId, request }: OpenVideoInput): void {
  const refuse = (problem: string) => new Refusal('invalid_request', problem);
  if (!VIDEO_ID.test(videoId)) throw refuse(`the workflow id ${videoId} is not 1 to 64 of A-Z, a-z, 0-9, _ and -`);
  const { model, prompt } = request;
  if (typeof model !== 'string' || typeof prompt !== 'string' || prompt === '')
    throw refuse('model and prompt are needed');
  if (Buffer.byteLength(prompt) > REQUEST_BOUNDS.promptBytes) throw refuse('the prompt is too long');
}

/** A request as another program's workflow hands it in: only what it must have is certain to be there. */
function toDraft(request: GivenRequest): VideoDraft {
  const { durationSeconds, aspectRatio, quality } = request;
  return {
    model: request.model,
    prompt: request.prompt,
    mode: request.mode ?? 'text',
    images: [],
    extra: request.extra ?? {},
    ...(durationSeconds != null && { durationSeconds }),
    ...(aspectRatio != null && { aspectRatio }),
    ...(quality != null && { quality }),
  };
}

/** Enters a video that was started as somebody's child, or whose row was lost with an old copy of the catalog. */
async function enterVideo({ db }: ActivityDependencies, { videoId, request, callerId }: OpenVideoInput): Promise<void> {
  const draft = toDraft(request);
  const { offer, values } = chooseOffer(draft, await listOffers(db, request.model));
  const { mode, extra } = draft;
  const createdAt = new Date();
  const expiresAt = new Date(createdAt.getTime() + RETENTION_MS);
  await acceptVideo(db, {
    id: videoId,
    callerId,
    dialect: DEFAULT_DIALECT,
    request: {
      model: request.model,
      prompt: request.prompt,
      mode,
      images: request.images ?? [],
      extra,
      ...values,
      ...(request.remixOf !== undefined && { remixOf: request.remixOf }),
    },
    estimateMicroUsd: estimateMicroUsd(offer, values.durationSeconds),
    createdAt,
    expiresAt,
    queueDeadlineAt: queueDeadline(createdAt, expiresAt),
    batchId: null,
    limits: null,
    idempotency: null,
  });
}

export function createOpenActivities(dependencies: ActivityDependencies) {
  const { db } = dependencies;

  async function read(videoId: string): Promise<OpenedVideo | null> {
    return await inTransaction(db, async (tx) => {
      const video: VideoRow | null = await lockVideo(tx, videoId);
      if (!video) return null;
      if (video.openedAt === null) await changeVideo(tx, videoId, { openedAt: new Date() });
      const submission = await findCurrentSubmission(tx, videoId);
      return {
        next: nextStepOf(dependencies, video, submission),
        callerId: video.callerId,
        estimateMicroUsd: video.estimateMicroUsd,
        submittedAt: video.submittedAt?.toISOString() ?? null,
      };
    });
  }

  return {
    async openVideo(input: OpenVideoInput): Promise<OpenedVideo> {
      const opened = await read(input.videoId);
      if (opened) return opened;
      try {
        checkInput(input);
        await enterVideo(dependencies, input);
      } catch (error) {
        if (error instanceof Refusal) throw ApplicationFailure.nonRetryable(error.message, error.kind);
        throw error;
      }
      const entered = await read(input.videoId);
      if (!entered) throw new Error(`video ${input.videoId} was entered and is not there`);
      return entered;
    },
  };
}
