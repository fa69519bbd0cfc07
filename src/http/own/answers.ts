/** What our own routes answer: schemas of every body, which the OpenAPI document prints and the tests hold answers against. */

import { z } from 'zod';
import { REFUSALS, VIDEO_FAILURES } from '../../domain/failure.ts';
import { DIALECTS, PROVIDERS } from '../../domain/vendor.ts';
import { VIDEO_STATES } from '../../domain/video.ts';
import { MODES } from '../../domain/video-request.ts';

const instant = z.iso.datetime();
const count = z.int().nonnegative();
const money = count.describe('In micro-dollars.');
/** Lost amounts and what is available may be below zero. */
const signedMoney = z.int().describe('In micro-dollars; may be below zero.');
const provider = z.enum(PROVIDERS);
const nextCursor = z.string().nullable().describe('To be sent as `cursor` for the next page; null on the last one.');

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
  })
  .describe('The normalised request: every value that has a price is explicit.');

const archive = z
  .object({
    sha256: z.string(),
    sizeBytes: count,
    durationMs: z.number(),
    width: count,
    height: count,
    codec: z.string(),
    url: z.string().nullable().describe('Signed: works without a key until `expiresAt`.'),
    posterUrl: z.string().nullable().describe('Signed link of the poster; null where there is none.'),
  })
  .describe('Our own copy of the clip, as it was read back.');

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

export const videoAnswer = z.object({
  id: z.string(),
  state: z.enum(VIDEO_STATES),
  dialect: z.enum(DIALECTS),
  provider: provider.nullable(),
  account: z.string().nullable(),
  model: z.string(),
  taskId: z.string().nullable().describe("The upstream's id of its work."),
  progress: z.int().min(0).max(100),
  queuePosition: z.int().positive().nullable().describe('1 is next; null while the video does not wait.'),
  batchId: z.string().nullable(),
  request,
  createdAt: instant,
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
  failure: failure.nullable(),
  lastError: z.string().nullable().describe('Why the video stays `unconfirmed`; else null.'),
  submissions: count.describe('How many creates were sent.'),
  polls: count.describe('How often the task was looked at.'),
  workflowUrl: z.string().nullable().describe('The workflow in the Temporal UI; null without one.'),
});

export const videoListAnswer = z.object({ items: z.array(videoAnswer), nextCursor });

export const estimateAnswer = z.object({ estimateMicroUsd: money, model: z.string(), provider, account: z.string() });

export const balanceAnswer = z.object({
  creditMicroUsd: money.nullable().describe('Everything credited so far, in micro-dollars; null: no limit.'),
  heldMicroUsd: money,
  spentMicroUsd: money,
  availableMicroUsd: signedMoney,
});

export const ledgerAnswer = z.object({
  items: z.array(
    z.object({
      id: z.string(),
      videoId: z.string().nullable(),
      kind: z.enum(['credit', 'hold', 'settle', 'release', 'refund']),
      amountMicroUsd: signedMoney.describe('The effect on what is available, in micro-dollars.'),
      at: instant,
    }),
  ),
  nextCursor,
});

export const costsAnswer = z.object({
  items: z.array(
    z.object({
      day: z.iso.date().optional(),
      model: z.string().nullable().optional(),
      caller: z.string().nullable().optional().describe('Null for tasks of no video.'),
      account: z.string().nullable().optional().describe('Null for videos that never had one.'),
      videos: count,
      settledMicroUsd: signedMoney,
      upstreamMicroUsd: money,
      lostMicroUsd: signedMoney.describe('Billed by an upstream and paid by no caller, in micro-dollars.'),
    }),
  ),
});

const callerFields = {
  name: z.string(),
  isRoot: z.boolean(),
  dialect: z.enum(DIALECTS).nullable(),
  creditMicroUsd: money.nullable(),
  availableMicroUsd: signedMoney,
  heldMicroUsd: money,
  spentMicroUsd: money,
  maxQueuedVideos: count,
  maxRunningVideos: count,
  maxRequestsPerMinute: count.nullable(),
  overflow: z.enum(['queue', 'reject']),
  weight: z.number(),
  models: z.array(z.string()).nullable().describe('The models the caller may use; null: all.'),
  retentionSeconds: count.nullable(),
  createdAt: instant,
  disabledAt: instant.nullable(),
};
export const callerAnswer = z.object({ id: z.string(), ...callerFields });
export const newCallerAnswer = z.object({
  id: z.string(),
  key: z.string().describe('The API key, shown this once.'),
  ...callerFields,
});
export const callerListAnswer = z.object({ items: z.array(callerAnswer) });

const orphan = z.object({
  taskId: z.string(),
  model: z.string().nullable(),
  costMicroUsd: money,
  createdAt: instant,
  endedAt: instant.nullable(),
});
export const accountAnswer = z.object({
  id: z.string(),
  provider,
  state: z.enum(['active', 'paused', 'suspended', 'removed']),
  limit: count.describe('How many tasks it may have at once.'),
  inUse: count.describe('Slots taken.'),
  waiting: count.describe('Videos in the queue that could be made here.'),
  pausedUntil: instant.nullable(),
  lastError: z.string().nullable(),
  orphans: z.array(orphan).describe('Tasks of this account that belong to no video, newest first.'),
});
export const accountListAnswer = z.object({ items: z.array(accountAnswer) });

export const livenessAnswer = z.object({ status: z.literal('ok') });

const part = z.enum(['up', 'down']);
export const readinessAnswer = z.object({
  status: z.enum(['ready', 'degraded', 'unavailable']),
  catalog: part,
  storage: part,
  temporal: part,
  workers: part,
});

/** RFC 9457. */
export const problemAnswer = z.object({
  type: z.literal('about:blank'),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.literal(Object.keys(REFUSALS)),
  param: z.string().optional().describe('The parameter at fault.'),
  requestId: z.string().describe('As in the header `x-request-id`.'),
});
