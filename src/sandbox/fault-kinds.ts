/** The faults the sandbox can be told to commit: what each one takes, read and checked field by field. */

import { FieldReader } from './field-reader.ts';

export const LOST_ANSWERS = ['reset', 'timeout', '5xx', 'garbage'] as const;
export const HTTP_ERROR_PLACES = ['create', 'task', 'stream', 'list', 'models', 'result'] as const;
export type HttpErrorPlace = (typeof HTTP_ERROR_PLACES)[number];

const MAX_MS = 86_400_000;
const FRACTION = { min: 0, max: 1 } as const;

/**
 * Every kind of fault with the reader of its own fields. The first group strikes a request when it is made; the second
 * is drawn once, at a task's creation, and stays with the task and its result; the third strikes a download.
 */
const KINDS = {
  /** The create is cut off or answered with rubbish; whether and when a task is made nevertheless is `recorded`. */
  lost_create_answer: (fields: FieldReader) => ({
    kind: 'lost_create_answer' as const,
    answer: fields.choice('answer', LOST_ANSWERS),
    recorded: fields.recorded('recorded'),
  }),
  /** An HTTP error; on a create no task is made. */
  http_error: (fields: FieldReader) => ({
    kind: 'http_error' as const,
    on: fields.choice('on', HTTP_ERROR_PLACES),
    status: fields.integer('status', { min: 400, max: 599 }),
    retryAfterSeconds: fields.optionalNumber('retryAfterSeconds', { min: 0, max: 86_400 }),
  }),

  /** The task never leaves processing, until its lifetime ends. */
  stuck_progress: (fields: FieldReader) => ({
    kind: 'stuck_progress' as const,
    atProgress: fields.number('atProgress', { min: 0, max: 99 }, 40),
  }),
  failed_task: (fields: FieldReader) => ({
    kind: 'failed_task' as const,
    message: fields.text('message', 'the sandbox was told to fail this task'),
  }),
  /** The first half of the task's life shows a status word that nobody documented. */
  unknown_status: (fields: FieldReader) => ({
    kind: 'unknown_status' as const,
    word: fields.text('word', 'warming_up'),
  }),
  slow: (fields: FieldReader) => ({
    kind: 'slow' as const,
    factor: fields.number('factor', { min: 0.01, max: 100_000 }),
  }),
  /** Looking at the task answers 404 for a while after its creation. */
  missing_at_first: (fields: FieldReader) => ({
    kind: 'missing_at_first' as const,
    forMs: fields.number('forMs', { min: 0, max: MAX_MS }),
  }),
  overbilled: (fields: FieldReader) => ({
    kind: 'overbilled' as const,
    factor: fields.number('factor', { min: 0, max: 1000 }),
  }),
  no_result: () => ({ kind: 'no_result' as const }),
  expired_result: (fields: FieldReader) => ({
    kind: 'expired_result' as const,
    status: fields.numberChoice('status', [403, 404, 410], 410),
  }),
  html_result: () => ({ kind: 'html_result' as const }),
  /** The file itself ends early, and its length is told truthfully. */
  truncated_result: (fields: FieldReader) => ({
    kind: 'truncated_result' as const,
    atFraction: fields.number('atFraction', FRACTION, 0.5),
  }),
  /** A valid clip blown up to this size with a trailing `free` box. */
  large_result: (fields: FieldReader) => ({
    kind: 'large_result' as const,
    sizeBytes: fields.integer('sizeBytes', { min: 1, max: 2 ** 40 }),
  }),

  slow_result: (fields: FieldReader) => ({
    kind: 'slow_result' as const,
    bytesPerSecond: fields.number('bytesPerSecond', { min: 1, max: 2 ** 40 }),
  }),
  /** The connection is destroyed after this share of the body. */
  cut_result: (fields: FieldReader) => ({
    kind: 'cut_result' as const,
    atFraction: fields.number('atFraction', FRACTION, 0.5),
  }),
};

export type FaultKind = keyof typeof KINDS;
/** What a fault does, with its fields. */
export type Fault = ReturnType<(typeof KINDS)[FaultKind]>;
export type FaultOf<K extends FaultKind> = Extract<Fault, { kind: K }>;

export const TASK_FAULTS = [
  'stuck_progress',
  'failed_task',
  'unknown_status',
  'slow',
  'missing_at_first',
  'overbilled',
  'no_result',
  'expired_result',
  'html_result',
  'truncated_result',
  'large_result',
] as const satisfies readonly FaultKind[];
/** A fault that stays with a task. */
export type TaskFault = FaultOf<(typeof TASK_FAULTS)[number]>;

/** A fault as it was set: what it does, whom it strikes and how often. */
export interface FaultRule {
  readonly fault: Fault;
  /** How many more matching events it strikes; null when `rate` decides. */
  left: number | null;
  /** Probability of striking a matching event. */
  readonly rate: number;
  readonly model: string | null;
  readonly key: string | null;
}

const KIND_NAMES = Object.keys(KINDS).filter((name): name is FaultKind => name in KINDS);

/**
 * Reads one element of `faults`; with neither `count` nor `rate` it strikes every matching event.
 * @throws FieldError that says what is allowed.
 */
export function readFaultRule(value: unknown, where: string): FaultRule {
  const fields = new FieldReader(value, where);
  const kind = fields.choice('kind', KIND_NAMES);
  const count = fields.optionalInteger('count', { min: 1, max: 1_000_000 });
  const rate = fields.optionalNumber('rate', FRACTION);
  if (count !== undefined && rate !== undefined) fields.refuse('count', 'given without rate');
  const rule = {
    fault: KINDS[kind](fields),
    left: count ?? null,
    rate: rate ?? 1,
    model: fields.optionalText('model') ?? null,
    key: fields.optionalText('key') ?? null,
  };
  fields.finish();
  return rule;
}
