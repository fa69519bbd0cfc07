/** What an upstream API is described by where it is none of the documented ones: data, checked down to each key. */

import { z } from 'zod';
import type { Json, JsonObject } from '../domain/json.ts';
import { plainWord } from '../domain/plain-word.ts';
import { LIST_WINDOW } from '../domain/vendor.ts';
import { MODES, REQUEST_BOUNDS } from '../domain/video-request.ts';
import { createFields, IMAGE_VALUES, taskFields, valuesIn } from './description-fields.ts';

const DAY_MS = 86_400_000;

const text = (most: number, problem = `is no text of 1 to ${most} characters`) =>
  z.string(problem).min(1, problem).max(most, problem);
const wholeNumber = (min: number, max: number) => {
  const problem = `is not a whole number from ${min} to ${max}`;
  return z.int(problem).min(min, problem).max(max, problem);
};
const choice = <const Words extends readonly [string, ...string[]]>(words: Words) =>
  z.enum(words, { error: `is not one of ${words.join(', ')}` });

const pointer = z
  .string('is no JSON pointer, such as /data/id')
  .max(200, 'is longer than 200 characters')
  .regex(/^(?:\/(?:[^~/]|~[01])*)+$/, 'is no JSON pointer, such as /data/id');

/** One or several, of which the first that leads to something counts. */
const pointers = z.preprocess(
  (given) => (Array.isArray(given) ? given : [given]),
  z.array(pointer).min(1, 'is empty').max(16, 'has more than 16 entries'),
);

/** A path from the base URL on; `{name}` is escaped, `{+name}` keeps its slashes. */
function path<const Names extends readonly string[]>(names: Names) {
  return text(500)
    .regex(/^\/[\x21-\x7e]*$/, 'is no path that begins with /')
    .superRefine((given, context) => {
      for (const [whole, name = ''] of given.matchAll(/\{\+?([^}]*)\}?/g)) {
        const isKnown = whole.endsWith('}') && names.includes(name);
        const known = names.map((one) => `{${one}}`).join(' and ');
        if (!isKnown) context.addIssue(`has ${whole}, and can have ${known === '' ? 'nothing in braces' : known}`);
      }
    });
}

const createPath = path(['model']);
const taskPath = path(['taskId']);

/** A word as an answer has it: text, a number, or whether something is so. */
const word = z
  .union([z.string().min(1).max(100), z.number(), z.boolean()], 'is no word: text, a number, true or false')
  .transform(String);
const words = z.array(word, 'is no list of words').max(50, 'has more than 50 entries').default([]);

const WORD_LISTS = ['succeeded', 'failed', 'cancelled', 'pending'] as const;

const headerName = z.string('is no name of a header').regex(/^[A-Za-z0-9-]{1,64}$/, 'is no name of a header');
/** What the connection or the body decides. */
const OWN_HEADERS =
  /^(?:authorization|content-type|content-length|host|connection|transfer-encoding|accept-encoding)$/i;

const auth = z.strictObject({
  header: headerName.default('Authorization'),
  /** The key stands for `$apiKey`; for `$jwt` a token that is signed with a key written `ACCESS:SECRET`. */
  value: z
    .string()
    .regex(
      /^[\x20-\x7e]{0,100}\$(?:apiKey|jwt)[\x20-\x7e]{0,100}$/,
      'does not say where the key stands; for example Key $apiKey',
    )
    .default('Bearer $apiKey'),
});

const headers = z
  .record(headerName, z.string().regex(/^[\x20-\x7e]{1,500}$/, 'is no value of a header'))
  .superRefine((given, context) => {
    const own = Object.keys(given).find((name) => OWN_HEADERS.test(name));
    if (own !== undefined)
      context.addIssue({ code: 'custom', path: [own], message: 'is not for a description to set' });
  });

const choices = z.record(z.string().min(1).max(40), text(100));

const taskPrefix = z.string().regex(/^[\w/.-]{0,100}$/, 'is no beginning of an id');

const create = z.strictObject({
  method: choice(['POST', 'PUT']).default('POST'),
  path: createPath,
  body: choice(['json', 'form']).default('json'),
  fields: createFields,
  /** What differs where a request brings images, by its mode; `image` stands for `reference` as well where that is absent. */
  modes: z
    .partialRecord(
      z.enum(['image', 'reference']),
      z.strictObject({
        path: createPath.optional(),
        fields: createFields.optional(),
        taskPrefix: taskPrefix.optional(),
      }),
    )
    .default({}),
  /** Where keys that we do not know are put; null: nowhere. */
  extra: z.union([z.literal(''), pointer, z.null()], 'is neither a JSON pointer nor null').default(''),
  ratios: choices.optional(),
  qualities: choices.optional(),
  idempotencyHeader: headerName.nullable().optional(),
  taskId: pointers,
  /** Put before the task's id, where paths of tasks tell how they were made. */
  taskPrefix: taskPrefix.default(''),
  /** Where an answer with a good status code says an error, and the codes that are none. */
  error: z.strictObject({ code: pointer, message: pointers.optional(), fine: z.array(word).default(['0']) }).optional(),
});

const status = z.strictObject({
  method: choice(['GET', 'POST']).default('GET'),
  path: taskPath,
  fields: taskFields.optional(),
  word: pointers,
  /** What no word at all says. */
  absentWord: choice(['pending']).optional(),
  words: z.strictObject({ succeeded: words, failed: words, cancelled: words, pending: words }),
  /** Something there is a failure beside any word. */
  failedWhen: pointers.optional(),
  progress: pointers.optional(),
  failure: pointers.default(['/error/message', '/error', '/message']),
  resultUrl: pointers.optional(),
  /** The link is one of the API's own and takes the key. */
  resultNeedsKey: z.boolean().default(false),
  expiresAt: pointers.optional(),
  cost: z
    .strictObject({ at: pointers, unit: choice(['usd', 'cent', 'microUsd', 'usdTick']) })
    .nullable()
    .default(null),
  /** An end counts beside any status code. */
  everyStatusCode: z.boolean().default(false),
});

const content = z.strictObject({
  path: path(['taskId', 'resultId']),
  /** What the status has for `{resultId}`. */
  resultId: pointers.optional(),
  /** The route answers JSON with the link; absent: it answers the clip. */
  resultUrl: pointers.optional(),
});

const list = z.strictObject({
  path: path([]),
  items: pointer,
  taskId: pointers,
  createdAt: pointers.optional(),
  prompt: pointers.optional(),
  /** How long it must show nothing before a lost create counts as not made. */
  window: z
    .strictObject({ answeredMs: wholeNumber(0, DAY_MS), unansweredMs: wholeNumber(0, DAY_MS) })
    .default(LIST_WINDOW),
});

const cancel = z.strictObject({
  method: choice(['POST', 'PUT', 'DELETE']).default('POST'),
  path: taskPath,
  fields: taskFields.optional(),
});

export const REFUSED_FOR = ['account', 'model', 'request', 'lost'] as const;

const timing = z.strictObject({
  firstPollMs: wholeNumber(0, DAY_MS).default(5_000),
  minPollMs: wholeNumber(50, DAY_MS).default(5_000),
  maxPollMs: wholeNumber(50, DAY_MS).default(15_000),
  deadlineMs: wholeNumber(1_000, 30 * DAY_MS).default(DAY_MS),
  /** How long a result is kept where no answer says so. */
  resultTtlMs: wholeNumber(1_000, 365 * DAY_MS).default(DAY_MS),
});

const seconds = wholeNumber(1, 3_600);
const model = z
  .strictObject({
    id: text(200).regex(/^[\x21-\x7e]+$/, 'is no model id without spaces'),
    pricePerSecondMicroUsd: wholeNumber(0, 1_000_000_000),
    durationsSeconds: z.array(seconds).min(1, 'is empty').optional(),
    minDurationSeconds: seconds.default(1),
    maxDurationSeconds: seconds.optional(),
    aspectRatios: z.array(z.string().regex(/^[0-9]{1,4}:[0-9]{1,4}$/, 'is no ratio in quotes')).default([]),
    qualities: z.array(text(40)).default([]),
    modes: z.array(choice(MODES)).default(['text']),
  })
  .refine(
    ({ durationsSeconds, maxDurationSeconds }) =>
      (durationsSeconds === undefined) !== (maxDurationSeconds === undefined),
    {
      path: ['durationsSeconds'],
      message: 'or maxDurationSeconds is needed, and not both',
    },
  )
  .refine(
    ({ minDurationSeconds, maxDurationSeconds = minDurationSeconds }) => minDurationSeconds <= maxDurationSeconds,
    {
      path: ['minDurationSeconds'],
      message: 'is larger than maxDurationSeconds',
    },
  );

const shape = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'is no name of small letters, digits and -'),
  /** For people. */
  title: text(200).optional(),
  /** What accounts write as theirs. */
  baseUrl: text(300).optional(),
  auth: auth.default({ header: 'Authorization', value: 'Bearer $apiKey' }),
  headers: headers.default({}),
  create,
  status,
  content: content.nullable().default(null),
  list: list.nullable().optional(),
  cancel: cancel.nullable().default(null),
  /** A free GET that shows whether the key is good; the list where there is one. */
  probe: z
    .strictObject({ path: path([]) })
    .nullable()
    .default(null),
  refusals: z.record(z.string().regex(/^[\w.-]{1,64}$/, 'is no code'), choice(REFUSED_FOR)).default({}),
  timing: timing.default(timing.parse({})),
  limits: z.strictObject({ images: wholeNumber(0, REQUEST_BOUNDS.images).default(0) }).default({ images: 0 }),
  models: z.array(model).max(100, 'has more than 100 entries').default([]),
});

type Shape = z.output<typeof shape>;
type Complain = (path: readonly PropertyKey[], message: string) => void;

/** The fields of a create in all its modes. */
export function allFieldsOf({ fields: base, modes }: Shape['create']): readonly Json[] {
  return [base, ...Object.values(modes).flatMap(({ fields: own }) => own ?? [])];
}

function checkCreate({ create: given, limits }: Shape, complain: Complain): void {
  const values = allFieldsOf(given).flatMap(valuesIn);
  if (!values.includes('prompt')) complain(['create', 'fields'], 'has no $prompt: the clip would be of something else');
  const takesImages = values.some((value) => IMAGE_VALUES.includes(value));
  if (takesImages && limits.images === 0) complain(['limits'], 'says images: 0, and create has a field for one');
  if (!takesImages && limits.images > 0)
    complain(['limits', 'images'], 'is more than 0, and create has no field for an image');
  if (!values.includes('imageFile')) return;
  if (given.body !== 'form') complain(['create', 'body'], 'is json, which carries no $imageFile');
  if (limits.images > 1) complain(['limits', 'images'], 'is more than 1, and a form carries one file');
}

function checkStatus({ status: given, content: route, cancel: stop }: Shape, complain: Complain): void {
  const seen = new Map<string, string>();
  for (const meaning of WORD_LISTS) {
    for (const said of given.words[meaning]) {
      const other = seen.get(plainWord(said));
      if (other !== undefined && other !== meaning)
        complain(['status', 'words', meaning], `has ${said}, which ${other} has too`);
      seen.set(plainWord(said), meaning);
    }
  }
  if (given.words.succeeded.length === 0)
    complain(['status', 'words', 'succeeded'], 'is empty: no clip would ever be done');
  if (!namesTask(given)) complain(['status', 'path'], 'has no {taskId}');
  if (given.fields !== undefined && given.method === 'GET') complain(['status', 'fields'], 'is for method: POST alone');
  if (given.resultUrl === undefined && route === null) {
    complain(['status'], 'has no resultUrl, and there is no content: nothing says where the clip is');
  }
  if (route?.path.includes('resultId}') && route.resultId === undefined)
    complain(['content'], 'has no resultId for its path');
  if (route && !/\{\+?(?:taskId|resultId)\}/.test(route.path))
    complain(['content', 'path'], 'has neither {taskId} nor {resultId}: every clip would be the same');
  if (stop && !namesTask(stop)) complain(['cancel', 'path'], 'has no {taskId}: it would stop another task');
}

/** Whether a request says which task it is about. */
function namesTask({
  path: route,
  fields: body = {},
}: {
  readonly path: string;
  readonly fields?: JsonObject | undefined;
}): boolean {
  return /\{\+?taskId\}/.test(route) || valuesIn(body).includes('taskId');
}

/** A lost answer is decided by a list or by a key, or the description says that there is neither. */
function checkLostAnswers({ create: given, list: read }: Shape, complain: Complain): void {
  if (read || given.idempotencyHeader) {
    if (read && read.createdAt === undefined && read.prompt === undefined) {
      complain(['list'], 'has neither createdAt nor prompt: no lost create could be told from another');
    }
    return;
  }
  const say = 'is missing: say null where there is none, which leaves a lost answer to onLostAnswer';
  if (read === undefined) complain(['list'], say);
  if (given.idempotencyHeader === undefined) complain(['create', 'idempotencyHeader'], say);
}

/** A description; what is absent has its default, and what is not known is refused. */
export const descriptionSchema = shape.superRefine((given, context) => {
  const complain: Complain = (at, message) => context.addIssue({ code: 'custom', path: [...at], message });
  checkCreate(given, complain);
  checkStatus(given, complain);
  checkLostAnswers(given, complain);
  const { minPollMs, maxPollMs } = given.timing;
  if (minPollMs > maxPollMs) complain(['timing', 'minPollMs'], `is larger than maxPollMs, ${maxPollMs}`);
});

/** An upstream API as a description tells it. */
export type Description = Shape;
