/** The documented APIs in the description of our own: each route under its prefix, in the shapes of `src/wire`. */

import { z } from 'zod';
import type { Dialect, DialectRoute, RouteKind } from '../../dialects/dialect.ts';
import { REFUSALS, Refusal, type RefusalKind } from '../../domain/failure.ts';
import { DIALECTS, type DialectName } from '../../domain/vendor.ts';
import { createBody as a4fCreate, videoAnswer } from '../../wire/a4f.ts';
import { generateBody as gatewayGenerate, MODEL_HEADER, statusBody } from '../../wire/ai-gateway.ts';
import { createBody as airforceCreate, modelList, task, taskList } from '../../wire/airforce.ts';
import { namedKeys, LIST_LIMIT as olderLimit, STATUSES as olderStatuses } from '../../wire/airforce-2024.ts';
import { clipHeaders, createHeaders } from '../../wire/clipyard/headers.ts';
import * as infrai from '../../wire/infrai.ts';
import * as openai from '../../wire/openai/videos.ts';
import type { Operation, RawAnswer, Tag } from '../own/operation.ts';

/** A route as it is shown. */
interface Shape {
  readonly body?: z.ZodType;
  readonly example?: object;
  /** The same as `multipart/form-data`, where it may be one. */
  readonly form?: z.ZodType;
  readonly query?: z.ZodObject;
  /** Those of its kind when absent. */
  readonly headers?: z.ZodObject;
  /** JSON of no stated shape when absent. */
  readonly answer?: z.ZodType | RawAnswer;
  /** Statuses of its own beside those of refusals. */
  readonly others?: Readonly<Record<number, RawAnswer>>;
}

type Shapes = Readonly<Partial<Record<RouteKind, Shape>>>;

const MODEL = 'sandbox-mini';
const PROMPT = 'A lighthouse at dusk, waves breaking on the rocks.';
const STREAM: RawAnswer = { meaning: 'Server-sent events.', mediaTypes: ['text/event-stream'] };
const JSON_ANSWER: RawAnswer = { meaning: 'As documented.', mediaTypes: ['application/json'] };
const CLIP: RawAnswer = { meaning: 'The bytes.', mediaTypes: ['video/mp4', 'image/jpeg', 'image/webp'] };
const limitOf = ({ max }: { readonly max: number }) => z.int().min(1).max(max).optional();
const cursor = z.string().optional().describe('Where the page before ended.');

const airforceTask = task.meta({ id: 'AirforceTask' });
const airforceTasks = taskList.extend({ data: z.array(airforceTask) }).meta({ id: 'AirforceTasks' });
const airforceModel = modelList.shape.data.element.meta({ id: 'AirforceModel' });
const airforceModels = modelList.extend({ data: z.array(airforceModel) }).meta({ id: 'AirforceModels' });
const airforceShapes = (create: z.ZodType): Shapes => ({
  create: { body: create, example: { model: MODEL, prompt: PROMPT, duration_seconds: 4 }, answer: airforceTask },
  read: { answer: airforceTask },
  list: { answer: airforceTasks },
  stream: { answer: STREAM },
  models: { answer: airforceModels },
  model: { answer: airforceModel },
});
const older = airforceShapes(
  z.looseObject({ ...airforceCreate.shape, ...namedKeys.shape }).meta({ id: 'Airforce2024Create' }),
);

const openaiVideo = openai.video.meta({ id: 'OpenaiVideo' });
const openaiVideos = openai.videoList.extend({ data: z.array(openaiVideo) }).meta({ id: 'OpenaiVideos' });
const ok = infrai.okAnswer.meta({ id: 'InfraiOk' });
const job = infrai.videoJob.meta({ id: 'InfraiJob' });
const jobs = infrai.videoJobPage.extend({ items: z.array(job) }).meta({ id: 'InfraiJobs' });

const gatewayCreate = {
  body: gatewayGenerate.meta({ id: 'GatewayGenerate' }),
  example: { prompt: PROMPT, duration: 4 },
  headers: z.object({
    [MODEL_HEADER]: z
      .string()
      .min(1)
      .meta({ description: 'The model.', param: { example: MODEL } }),
    ...createHeaders.shape,
  }),
};

const SHAPES: Readonly<Record<DialectName, Shapes>> = {
  airforce: airforceShapes(airforceCreate.meta({ id: 'AirforceCreate' })),
  'airforce-2024': {
    ...older,
    list: { ...older.list, query: z.object({ limit: limitOf(olderLimit), status: z.enum(olderStatuses).optional() }) },
  },
  infrai: {
    create: {
      body: infrai.generateBody.meta({ id: 'InfraiGenerate' }),
      example: { prompt: PROMPT, duration_seconds: 4, aspect: '16:9' },
      answer: job,
    },
    detail: { answer: infrai.videoJobDetail.meta({ id: 'InfraiJobDetail' }) },
    cancel: { answer: ok },
    list: { query: z.object({ limit: limitOf(infrai.LIST_LIMIT), cursor }), answer: jobs },
    delete: { answer: ok },
    deleteAll: { answer: infrai.deletedAnswer.meta({ id: 'InfraiDeleted' }) },
    retain: {
      body: infrai.setRetentionBody,
      example: { days: 7 },
      answer: infrai.retentionAnswer.meta({ id: 'InfraiRetention' }),
    },
    models: { answer: infrai.capabilitiesAnswer.meta({ id: 'InfraiCapabilities' }) },
  },
  openai: {
    create: {
      body: openai.createBody.meta({ id: 'OpenaiCreate' }),
      form: openai.createForm.meta({ id: 'OpenaiCreateForm' }),
      example: { model: MODEL, prompt: PROMPT, seconds: '4', size: '1280x720' },
      answer: openaiVideo,
    },
    read: { answer: openaiVideo },
    list: {
      query: z.object({ limit: limitOf(openai.LIST_LIMIT), after: cursor, order: z.enum(['asc', 'desc']).optional() }),
      answer: openaiVideos,
    },
    content: { query: z.object({ variant: z.enum(openai.VARIANTS).optional() }), answer: CLIP },
    remix: {
      body: openai.remixBody,
      form: openai.remixBody,
      example: { prompt: 'The same at dawn.' },
      answer: openaiVideo,
    },
  },
  a4f: {
    createAndWait: {
      body: a4fCreate.meta({ id: 'A4fCreate' }),
      example: { model: MODEL, prompt: PROMPT, quality: '720p', duration: 4 },
      answer: videoAnswer.meta({ id: 'A4fVideo' }),
      others: { 504: { ...JSON_ANSWER, meaning: 'The video has not ended in time; `x-video-id` names it.' } },
    },
  },
  'ai-gateway': {
    createMany: gatewayCreate,
    createManyAndStream: { ...gatewayCreate, answer: STREAM },
    readMany: { body: statusBody, example: { operation: { videos: ['video_1'] } } },
  },
};

const SUMMARIES: Readonly<Record<Exclude<RouteKind, 'unsupported'>, string>> = {
  create: 'Creates a video',
  createAndWait: 'Creates a video and answers with the clip',
  createMany: 'Creates videos',
  createManyAndStream: 'Creates videos and tells of their end',
  remix: 'Creates a video from the settings of another',
  read: 'Shows a video',
  readMany: 'Shows videos',
  detail: 'Shows a video in full',
  list: 'Lists videos',
  stream: 'Follows a video',
  content: 'The clip',
  cancel: 'Cancels a video',
  retain: 'Changes how long the media are kept',
  delete: 'Removes a video',
  deleteAll: 'Removes all videos',
  models: 'The models on offer',
  model: 'A model on offer',
};

const CREATES: readonly RefusalKind[] = [
  'unknown_model',
  'insufficient_credit',
  'credit_held',
  'forbidden',
  'conflict',
  'idempotency_mismatch',
  'too_many_videos',
];
const MEDIA: readonly RefusalKind[] = ['gone', 'precondition_failed'];

const makesClips = ({ kind }: DialectRoute) => kind.startsWith('create') || kind === 'remix';

/** Beyond those of any route with a key, a parameter or a body. */
function refusalsOf(route: DialectRoute): readonly RefusalKind[] {
  const { kind } = route;
  if (makesClips(route)) return CREATES;
  return ['invalid_request', 'conflict', 'not_found', ...(kind === 'content' ? MEDIA : [])];
}

/** `infraiRead`; two routes of a kind are told apart by the last word of their paths. */
function idOf({ name, routes }: Dialect, { kind, path, method }: DialectRoute): string {
  const first = routes.find((other) => other.kind === kind);
  const [last = ''] = path
    .split('/')
    .filter((part) => part !== '' && !part.startsWith(':'))
    .slice(-1);
  const words = [...name.split('-'), ...(first?.path === path && first.method === method ? [kind] : last.split('_'))];
  return words.map((word, at) => (at === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1))).join('');
}

const tagOf = (name: DialectName): Tag => ({
  name,
  description:
    `The documented API, under the prefix \`/${name}\` and at its documented paths. Creates take \`Idempotency-Key\`, ` +
    '`x-callback-url`, `x-start-before`, `x-end-before` and `x-priority`.',
});
/** Of the routes of each documented API. */
export const DIALECT_TAGS = Object.fromEntries(DIALECTS.map((name) => [name, tagOf(name)])) as Readonly<
  Record<DialectName, Tag>
>;

/** What a route's meaning says that its headline does not. */
function beyond(headline: string, meaning: string): string {
  const repeats = meaning.toLowerCase().startsWith(headline.toLowerCase());
  const said = repeats ? meaning.slice(headline.length).replace(/^[,;\s]+/, '') : meaning;
  return said.charAt(0).toUpperCase() + said.slice(1);
}

/** What a dialect's route says of itself, mounted under its prefix; undefined for what is only refused. */
export function describeRoute(dialect: Dialect, route: DialectRoute): Operation | undefined {
  const { kind, method, path, meaning } = route;
  const isAlias = path.startsWith(openai.OPENAI_ALIAS);
  if (kind === 'unsupported' || isAlias) return undefined;
  const description = beyond(SUMMARIES[kind], meaning);
  const { answer = JSON_ANSWER, others = {}, form, ...shape } = SHAPES[dialect.name][kind] ?? {};
  const headers = shape.headers ?? (makesClips(route) ? clipHeaders : undefined);
  return {
    ...{ method, path: `/${dialect.name}${path}`, tag: DIALECT_TAGS[dialect.name], id: idOf(dialect, route) },
    summary: SUMMARIES[kind],
    ...(description !== '' && { description }),
    access: 'caller',
    ...shape,
    ...(headers && { headers }),
    ...(form &&
      shape.body && {
        bodies: {
          'application/json': { schema: shape.body, example: shape.example },
          'multipart/form-data': { schema: form, example: shape.example },
        },
      }),
    answers: { 200: answer, ...others },
    refusals: refusalsOf(route),
    rendersRefusal: (refused) => dialect.renderRefusal(new Refusal(refused, REFUSALS[refused].meaning)),
  };
}
