/** Our own routes of videos: paths, queries, bodies and answers. */

import { z } from 'zod';
import { CLIP_DELIVERY_STATES } from '../../domain/clip-delivery.ts';
import { VIDEO_FAILURES } from '../../domain/failure.ts';
import { DIALECTS } from '../../domain/vendor.ts';
import { VIDEO_STATES } from '../../domain/video.ts';
import { MODES } from '../../domain/video-request.ts';
import { WAITING_KINDS, type WaitingKind } from '../../domain/waiting-for.ts';
import {
  archived,
  count,
  instant,
  listOf,
  money,
  named,
  nextCursor,
  ofCaller,
  page,
  provider,
  text,
  V1,
  WITH_COMMAS,
} from './fields.ts';

export const VIDEO_PATHS = {
  videos: `${V1}/videos`,
  video: `${V1}/videos/:id`,
  cancel: `${V1}/videos/:id/cancel`,
  recheck: `${V1}/videos/:id/recheck`,
  rearchive: `${V1}/videos/:id/rearchive`,
  resolve: `${V1}/videos/:id/resolve`,
} as const;

export const listVideosQuery = z.strictObject({
  ...page,
  caller: ofCaller,
  state: listOf(VIDEO_STATES).optional().meta(WITH_COMMAS),
  batchId: text.optional(),
  model: text.optional(),
});

/** What became of a create whose answer was lost. */
export const resolveBody = z.discriminatedUnion('made', [
  z.strictObject({ made: z.literal(false) }),
  z.strictObject({ made: z.literal(true), taskId: text.describe("The upstream's id of the task.") }),
]);

const image = z.union([
  z.object({ kind: z.literal('url'), url: z.string() }),
  z.object({ kind: z.literal('stored'), sha256: z.string(), mediaType: z.string(), sizeBytes: count }),
]);

const request = z
  .object({
    model: z.string(),
    mode: z.enum(MODES),
    prompt: z.string(),
    durationSeconds: z.number(),
    aspectRatio: z.string().nullable(),
    quality: z.string().nullable(),
    images: z.array(image),
    extra: z.record(z.string(), z.unknown()).describe('Keys that are passed on to the upstream as they came.'),
    remixOf: z.string().optional().describe('The video whose settings these are.'),
    againOf: z.string().optional().describe('The video that was asked for again.'),
  })
  .describe('The normalised request: every value that has a price is explicit.');

const archive = z
  .object({
    ...archived,
    warning: z
      .string()
      .nullable()
      .default(null)
      .describe('Where the clip is more than a second longer or shorter than what was asked for; else null.'),
    posterUrl: z.string().nullable().describe('Signed link of the poster; null where there is none.'),
  })
  .describe('Our own copy of the clip, as it was read back.');

const delivery = z
  .object({
    state: z.enum(CLIP_DELIVERY_STATES),
    at: instant.nullable().describe('When it was over.'),
    message: z.string().nullable().describe('Why it failed, or while it waits why the last try did; else null.'),
  })
  .describe('How the clip came where `deliver_to` says; null where that was not asked for.');

const failure = z.object({
  kind: z.literal(Object.keys(VIDEO_FAILURES)),
  message: z.string(),
  upstream: z
    .object({
      status: z.int().optional(),
      code: z.string().optional(),
      message: z.string().optional(),
      requestId: z.string().optional(),
    })
    .nullable()
    .describe('What the upstream said, in its own words.'),
});

const waitingFor = z
  .object({
    kind: z.enum(Object.keys(WAITING_KINDS) as [WaitingKind, ...WaitingKind[]]),
    since: instant,
    until: instant.nullable().describe('When the wait ends by itself; null where that is not known.'),
    detail: z.string(),
  })
  .describe('Why the video does not go on; null when nothing is waited for.');

export const videoAnswer = named('Video', {
  id: z.string(),
  caller: z.string().describe('The id of the caller whose it is.'),
  state: z.enum(VIDEO_STATES),
  dialect: z.enum(DIALECTS),
  provider: provider.nullable(),
  account: z.string().nullable(),
  model: z.string(),
  taskId: z.string().nullable().describe("The upstream's id of its work."),
  progress: z.int().min(0).max(100),
  upstreamWord: z
    .string()
    .nullable()
    .default(null)
    .describe("The upstream's own word for the task's state when it was last seen running, known to us or not."),
  queuePosition: z.int().positive().nullable().describe('1 is next; null while the video does not wait.'),
  batchId: z.string().nullable(),
  againOf: z.string().nullable().describe('The video that this one was asked for again as; null for an original.'),
  request,
  createdAt: instant,
  sentAt: instant.nullable().default(null).describe('When its last create was sent.'),
  submittedAt: instant.nullable(),
  generatedAt: instant.nullable(),
  endedAt: instant.nullable(),
  expiresAt: instant.describe('When the media are purged and their links die.'),
  cost: z.object({
    estimateMicroUsd: money,
    settledMicroUsd: money.nullable(),
    upstreamMicroUsd: money.nullable().describe('What the upstream billed, in micro-dollars; null until it said so.'),
  }),
  archive: archive.nullable(),
  delivery: delivery.nullable().default(null),
  failure: failure.nullable(),
  waitingFor: waitingFor.nullable(),
  submissions: count.describe('How many creates were sent.'),
  polls: count.describe('How often the task was polled.'),
  pollOffsetsMs: z
    .array(count)
    .default([])
    .describe('When it was polled, in milliseconds after `createdAt`: of many polls evenly spread ones, 64 at most.'),
  workflowUrl: z.string().nullable().describe('The workflow in the Temporal UI; null without one.'),
});

export const videoListAnswer = named('VideoList', { items: z.array(videoAnswer), nextCursor });
