/** The faults the sandbox can be told to commit, and what each one takes: the schemas of `POST /_sandbox/faults`. */

import { z } from 'zod';

export const HTTP_ERROR_PLACES = ['create', 'task', 'stream', 'list', 'models', 'result'] as const;
export type HttpErrorPlace = (typeof HTTP_ERROR_PLACES)[number];

const MAX_MS = 86_400_000;
const MAX_FAULTS = 100;

/** A field that may be left out, or be null. */
function or<T extends z.ZodType, const Fallback>(schema: T, fallback: Fallback) {
  return schema.nullish().transform((value) => value ?? fallback);
}

function number(min: number, max: number) {
  const error = `must be a number from ${min} to ${max}`;
  return z.number(error).min(min, error).max(max, error);
}

function integer(min: number, max: number) {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.int(error).min(min, error).max(max, error);
}

function choice<const T extends string | number>(allowed: readonly T[]) {
  return z.literal(allowed, `must be one of ${allowed.join(', ')}`);
}

const text = z.string('must be a text').min(1, 'must be a text');
const fraction = number(0, 1);
/** When a task is made although its answer is lost: at once, never, or some time later. */
const recorded = z.union([z.literal(['now', 'never']), z.strictObject({ afterMs: number(0, MAX_MS) })], {
  error: 'must be "now", "never" or {"afterMs": number}',
});

/** A kind of fault with its own fields, and those of all: whom it strikes, and how often. */
function fault<const Kind extends string, Fields extends z.ZodRawShape>(kind: Kind, fields: Fields) {
  return z.strictObject({
    kind: z.literal(kind),
    ...fields,
    model: or(text, null),
    key: or(text, null),
    /** How many matching events it strikes; null when `rate` decides. */
    count: or(integer(1, 1_000_000), null),
    /** Probability of striking a matching event; with neither it strikes every one. */
    rate: or(fraction, null),
  });
}

/** These strike a request when it is made. */
const REQUEST_FAULTS = [
  /** The create is cut off or answered with rubbish; whether and when a task is made nevertheless is `recorded`. */
  fault('lost_create_answer', {
    answer: choice(['reset', 'timeout', '5xx', 'garbage']),
    recorded: or(recorded, 'now'),
  }),
  /** An HTTP error; on a create no task is made. */
  fault('http_error', {
    on: choice(HTTP_ERROR_PLACES),
    status: integer(400, 599),
    retryAfterSeconds: or(number(0, 86_400), undefined),
  }),
] as const;

/** These are drawn once, at a task's creation, and stay with the task and its result. */
const TASK_FAULTS = [
  /** The task never leaves processing, until its lifetime ends. */
  fault('stuck_progress', { atProgress: or(number(0, 99), 40) }),
  fault('failed_task', { message: or(text, 'the sandbox was told to fail this task') }),
  /** The first half of the task's life shows a status word that no document has. */
  fault('unknown_status', { word: or(text, 'warming_up') }),
  fault('slow', { factor: number(0.01, 100_000) }),
  /** Polling the task answers 404 for a while after its creation. */
  fault('missing_at_first', { forMs: number(0, MAX_MS) }),
  fault('overbilled', { factor: number(0, 1000) }),
  fault('no_result', {}),
  fault('expired_result', { status: or(choice([403, 404, 410]), 410) }),
  fault('html_result', {}),
  /** The file itself ends early, and its length is told truthfully. */
  fault('truncated_result', { atFraction: or(fraction, 0.5) }),
  /** A valid clip blown up to this size with a trailing `free` box. */
  fault('large_result', { sizeBytes: integer(1, 2 ** 40) }),
] as const;

/** These strike a download. */
const DOWNLOAD_FAULTS = [
  fault('slow_result', { bytesPerSecond: number(1, 2 ** 40) }),
  /** The connection is destroyed after this share of the body. */
  fault('cut_result', { atFraction: or(fraction, 0.5) }),
] as const;

const FAULTS = [...REQUEST_FAULTS, ...TASK_FAULTS, ...DOWNLOAD_FAULTS] as const;

type OwnFields<T> = T extends unknown ? Omit<T, 'model' | 'key' | 'count' | 'rate'> : never;
/** What a fault does, with its fields. */
export type Fault = OwnFields<z.output<(typeof FAULTS)[number]>>;
export type FaultKind = Fault['kind'];
export type FaultOf<K extends FaultKind> = Extract<Fault, { kind: K }>;
/** A fault that stays with a task. */
export type TaskFault = OwnFields<z.output<(typeof TASK_FAULTS)[number]>>;
export const TASK_FAULT_KINDS = TASK_FAULTS.map(({ shape }) => shape.kind.value);

/** A fault as it was set: what it does, whom it strikes and how often. */
export interface FaultRule {
  readonly fault: Fault;
  /** How many more matching events it strikes; null when `rate` decides. */
  left: number | null;
  readonly rate: number;
  readonly model: string | null;
  readonly key: string | null;
}

const rule = z
  .discriminatedUnion('kind', FAULTS, `must be one of ${FAULTS.map(({ shape }) => shape.kind.value).join(', ')}`)
  .refine(({ count, rate }) => count === null || rate === null, {
    path: ['count'],
    message: 'must be given without rate',
  })
  .transform(
    ({ model, key, count, rate, ...own }): FaultRule => ({ fault: own, left: count, rate: rate ?? 1, model, key }),
  );

/** `{speed?, faults?}`: a speed holds for new tasks, a fault list replaces the old one. */
export const conditionsBody = z.strictObject({
  speed: or(number(0.001, 100_000), undefined),
  faults: z.array(rule, 'must be a list').max(MAX_FAULTS, `must be at most ${MAX_FAULTS} faults`).optional(),
});
