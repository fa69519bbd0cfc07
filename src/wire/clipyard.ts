/** Our own API, beside those of the documented video APIs: paths, bodies, queries and answers, named where its document names them. */

import { z } from 'zod';
import { ACCOUNT_STATES, STANDING_REASONS } from '../domain/account.ts';
import { REFUSALS, VIDEO_FAILURES } from '../domain/failure.ts';
import { OPEN_SUBMISSION_STATES } from '../domain/submission.ts';
import { DIALECTS, PROVIDERS } from '../domain/vendor.ts';
import { VIDEO_STATES } from '../domain/video.ts';
import { MODES, PREFERENCES } from '../domain/video-request.ts';
import { WAITING_KINDS, type WaitingKind } from '../domain/waiting-for.ts';

const V1 = '/clipyard/v1';
export const CLIPYARD_PATHS = {
  videos: `${V1}/videos`,
  video: `${V1}/videos/:id`,
  cancelVideo: `${V1}/videos/:id/cancel`,
  recheckVideo: `${V1}/videos/:id/recheck`,
  rearchiveVideo: `${V1}/videos/:id/rearchive`,
  resolveVideo: `${V1}/videos/:id/resolve`,
  refundVideo: `${V1}/videos/:id/refund`,
  settleVideo: `${V1}/videos/:id/settle`,
  estimates: `${V1}/estimates`,
  balance: `${V1}/balance`,
  ledger: `${V1}/ledger`,
  costs: `${V1}/costs`,
  callers: `${V1}/callers`,
  caller: `${V1}/callers/:id`,
  creditCaller: `${V1}/callers/:id/credit`,
  accounts: `${V1}/accounts`,
  pauseAccount: `${V1}/accounts/:id/pause`,
  resumeAccount: `${V1}/accounts/:id/resume`,
} as const;

export const PAGE_LIMIT = { default: 50, max: 200 } as const;
export const LONGEST_DURATION_SECONDS = 86_400;
/** Larger counts do not fit the catalog's columns. */
export const MAX_COUNT = 2_147_483_647;
export const WEIGHT = { min: 0.001, max: 1000 } as const;
export const OVERFLOWS = ['queue', 'reject'] as const;
export const COST_GROUPS = ['day', 'model', 'caller', 'account'] as const;
const LONGEST_TEXT = 200;
const LONGEST_CURSOR = 1000;
const MAX_MODELS = 1000;
/** Years that JavaScript and the database write alike, the offset counted in. */
const YEARS = { first: 1, last: 9999 } as const;

/* What queries and bodies hold. They are strict, so that a word that is spelt wrong is not taken for none. */

/** Describes a value that is read from text as what it stands for. */
function readAs(shown: z.core.JSONSchema.BaseSchema) {
  return {
    override: ({ jsonSchema }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }) => {
      delete jsonSchema.pattern;
      Object.assign(jsonSchema, shown);
    },
  };
}

/** `a,b` as a list of known words without repeats. */
function listOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z
    .string()
    .transform((value) => [...new Set(value.split(','))])
    .pipe(z.array(z.enum(words)))
    .meta(readAs({ type: 'array', items: { type: 'string', enum: [...words] } }));
}
/** A list in a query is one value with commas. */
const WITH_COMMAS = { param: { style: 'form', explode: false } } as const;

const text = z.string().min(1).max(LONGEST_TEXT);
const chosenCount = z.int().positive().max(MAX_COUNT);
const chosenMoney = z.int().nonnegative();
const moment = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()], { error: 'must be an ISO 8601 date or time' })
  .transform((value) => new Date(value))
  .refine((date) => date.getUTCFullYear() >= YEARS.first && date.getUTCFullYear() <= YEARS.last, {
    error: `must lie in the years ${YEARS.first} to ${YEARS.last}`,
  });
const limit = z
  .string()
  .regex(/^\d{1,4}$/)
  .transform(Number)
  .pipe(z.int().min(1).max(PAGE_LIMIT.max))
  .default(PAGE_LIMIT.default)
  .meta(readAs({ type: 'integer', minimum: 1, maximum: PAGE_LIMIT.max, default: PAGE_LIMIT.default }));
const page = {
  limit,
  cursor: z.string().max(LONGEST_CURSOR).optional().describe('The `nextCursor` of the page before.'),
};
const ofCaller = text.optional().describe('Root only: the things of this caller; of all when absent.');
const period = { from: moment.optional().describe('Inclusive.'), to: moment.optional().describe('Exclusive.') };

export const noQuery = z.strictObject({});

export const listVideosQuery = z.strictObject({
  ...page,
  caller: ofCaller,
  state: listOf(VIDEO_STATES).optional().meta(WITH_COMMAS),
  batchId: text.optional(),
  model: text.optional(),
});

export const ledgerQuery = z.strictObject({ ...page, ...period, caller: ofCaller, videoId: text.optional() });

export const costsQuery = z.strictObject({
  ...period,
  caller: ofCaller,
  groupBy: listOf(COST_GROUPS).default([]).meta(WITH_COMMAS),
});

/** Null is taken for absent. */
function optional<Schema extends z.ZodType>(schema: Schema) {
  return schema.nullish().transform((value) => value ?? undefined);
}

/** All of it may be left out, and the body too. */
export const estimateBody = z.preprocess(
  (body) => body ?? {},
  z.strictObject({
    model: optional(text),
    prefer: optional(z.enum(PREFERENCES)),
    durationSeconds: optional(z.int().positive().max(LONGEST_DURATION_SECONDS)),
    aspectRatio: optional(text),
    quality: optional(text),
    mode: optional(z.enum(MODES)),
  }),
);

const callerSettings = {
  creditMicroUsd: chosenMoney.nullish(),
  maxQueuedVideos: z.int().nonnegative().max(MAX_COUNT).nullish(),
  maxRunningVideos: chosenCount.nullish(),
  maxRequestsPerMinute: chosenCount.nullish(),
  overflow: z.enum(OVERFLOWS).nullish(),
  weight: z.number().min(WEIGHT.min).max(WEIGHT.max).nullish(),
  dialect: z.enum(DIALECTS).nullish(),
  // A caller of no model could do nothing, and is rather meant to have them all.
  models: z.array(text).min(1, { error: 'must name a model; null allows all' }).max(MAX_MODELS).nullish(),
  retentionSeconds: chosenCount.nullish(),
};
export const newCallerBody = z.strictObject({ name: text, ...callerSettings });
/** Null sets a field back to what it is without being chosen. */
export const changeCallerBody = z.strictObject({
  name: text.optional(),
  disabled: z.boolean().optional(),
  ...callerSettings,
});
export const creditBody = z.strictObject({ amountMicroUsd: z.int().positive() });
/** What became of a create whose answer was lost. */
export const resolveBody = z.discriminatedUnion('made', [
  z.strictObject({ made: z.literal(false) }),
  z.strictObject({ made: z.literal(true), taskId: text.describe("The upstream's id of the task.") }),
]);
export const settleBody = z.strictObject({ amountMicroUsd: chosenMoney });

/* What is answered. Members may come, so clients read over those that they do not know. */

/** Has the document name the shape, and refer to it. */
function named<Shape extends z.ZodRawShape>(id: string, shape: Shape) {
  return z.object(shape).meta({ id });
}

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
  waitingFor: waitingFor.nullable(),
  submissions: count.describe('How many creates were sent.'),
  polls: count.describe('How often the task was polled.'),
  workflowUrl: z.string().nullable().describe('The workflow in the Temporal UI; null without one.'),
});
export const videoListAnswer = named('VideoList', { items: z.array(videoAnswer), nextCursor });

export const estimateAnswer = named('Estimate', {
  estimateMicroUsd: money,
  model: z.string(),
  provider,
  account: z.string(),
});

export const balanceAnswer = named('Balance', {
  creditMicroUsd: money.nullable().describe('Everything credited so far, in micro-dollars; null: no limit.'),
  heldMicroUsd: money,
  spentMicroUsd: money,
  availableMicroUsd: signedMoney,
});

const ledgerEntry = z.object({
  id: z.string(),
  videoId: z.string().nullable(),
  kind: z.enum(['credit', 'hold', 'settle', 'release', 'refund']),
  amountMicroUsd: signedMoney.describe('The effect on what is available, in micro-dollars.'),
  at: instant,
});
export const ledgerAnswer = named('Ledger', { items: z.array(ledgerEntry), nextCursor });

const costItem = z.object({
  day: z.iso.date().optional(),
  model: z.string().nullable().optional(),
  caller: z.string().nullable().optional().describe('Null for tasks of no video.'),
  account: z.string().nullable().optional().describe('Null for videos that never had one.'),
  videos: count,
  settledMicroUsd: signedMoney,
  upstreamMicroUsd: money,
  lostMicroUsd: signedMoney.describe('Billed by an upstream and paid by no caller, in micro-dollars.'),
});
export const costsAnswer = named('Costs', { items: z.array(costItem) });

export const callerAnswer = named('Caller', {
  id: z.string(),
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
  overflow: z.enum(OVERFLOWS),
  weight: z.number(),
  models: z.array(z.string()).nullable().describe('The models the caller may use; null: all.'),
  retentionSeconds: count.nullable(),
  createdAt: instant,
  disabledAt: instant.nullable(),
});
export const newCallerAnswer = named('NewCaller', {
  ...callerAnswer.shape,
  key: z.string().describe('The API key, shown this once.'),
});
export const callerListAnswer = named('CallerList', { items: z.array(callerAnswer) });

const orphan = z.object({
  taskId: z.string(),
  model: z.string().nullable(),
  costMicroUsd: money,
  createdAt: instant,
  endedAt: instant.nullable(),
});
const slot = z.object({
  videoId: z.string().nullable().describe('Null for a task that belongs to no video.'),
  state: z.enum([...OPEN_SUBMISSION_STATES, 'orphan']),
  since: instant,
});
export const accountAnswer = named('Account', {
  id: z.string(),
  provider,
  state: z.enum(ACCOUNT_STATES),
  reasons: z
    .array(z.enum(STANDING_REASONS))
    .describe('Why it takes no more clips for now, or takes them one at a time; empty where it simply goes on.'),
  limit: count.describe('How many tasks it may have at once.'),
  inUse: count.describe('Slots taken at its base URL with its key.'),
  slots: z.array(slot).describe('What takes them.'),
  waiting: count.describe('Videos in the queue that could be made here.'),
  pausedUntil: instant.nullable(),
  lastError: z.string().nullable(),
  orphans: z.array(orphan).describe('Tasks of this account that belong to no video, newest first.'),
});
export const accountListAnswer = named('AccountList', { items: z.array(accountAnswer) });

export const livenessAnswer = named('Liveness', { status: z.literal('ok') });
const part = z.enum(['up', 'down']);
export const readinessAnswer = named('Readiness', {
  status: z.enum(['ready', 'degraded', 'unavailable']),
  catalog: part,
  storage: part,
  temporal: part,
  workers: part,
  notice: z.string().optional().describe('What an operator has to do, where there is something.'),
});

/** RFC 9457. */
export const problemAnswer = named('Problem', {
  type: z.literal('about:blank'),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.literal(Object.keys(REFUSALS)),
  param: z.string().optional().describe('The parameter at fault.'),
  requestId: z.string().describe('As in the header `x-request-id`.'),
});
