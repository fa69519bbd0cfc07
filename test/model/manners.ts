/** How an upstream can answer, as data that is made at random and shrinks: statuses, shapes, words, breaks and delays. */

import fc from 'fast-check';
import type { JsonObject } from '../../src/domain/json.ts';

/** Ways to break an answer off: before the request was read, after it, and within the answer. */
const CUTS = ['no', 'before', 'after', 'within'] as const;

/** What an answer says where it says something; the prompt and the key are those of the request. */
const TEXTS = {
  plain: () => 'something went wrong',
  nul: () => 'nul\0nul',
  half: () => 'half \ud83d of a pair',
  'emoji across the cut': () => `${'x'.repeat(1999)}😀 and more`,
  'the prompt': ({ prompt }) => `Your prompt "${prompt}" was refused`,
  'the key': ({ key }) => `invalid key ${key}`,
  'a long text': () => 'é'.repeat(700_000),
  credit: () => 'insufficient balance, please recharge',
  model: () => 'your plan does not include this model',
  policy: () => 'content policy violation',
  'rate limit': () => 'rate limit exceeded, please slow down',
  form: () => 'multipart/form-data is required',
  nothing: () => '',
} as const satisfies Record<string, (asked: Asked) => string>;

/** What was asked, as far as an answer may quote it. */
export interface Asked {
  readonly prompt: string;
  readonly key: string;
}

interface Answered extends Asked {
  /** The task, the list or the models, as documented. */
  readonly subject: JsonObject;
  /** Where its id is. */
  readonly idKey: string;
  /** Another task of the account; the task itself where there is none. */
  readonly otherId: string;
  readonly said: string;
}

const without = ({ subject, idKey }: Answered) => {
  const { [idKey]: _, ...rest } = subject;
  return rest;
};

/** Bodies; a text is sent as it stands, everything else as JSON. */
const SHAPES = {
  documented: ({ subject }) => subject,
  'another id key': (answered) => ({ ...without(answered), video_id: answered.subject[answered.idKey] }),
  'in data': ({ subject }) => ({ code: 'success', message: '', data: subject }),
  'in result': ({ subject }) => ({ success: true, result: subject }),
  'in a list': ({ subject }) => [subject],
  'without id': without,
  'another id': (answered) => ({ ...answered.subject, [answered.idKey]: answered.otherId }),
  'an empty id': (answered) => ({ ...answered.subject, [answered.idKey]: '' }),
  'dots for an id': (answered) => ({ ...answered.subject, [answered.idKey]: '..' }),
  'NUL in the id': (answered) => ({ ...answered.subject, [answered.idKey]: 'id\0' }),
  'half a pair in the id': (answered) => ({ ...answered.subject, [answered.idKey]: 'id\udc00' }),
  'a long id': (answered) => ({ ...answered.subject, [answered.idKey]: 'i'.repeat(600) }),
  'an error object': ({ said }) => ({ error: { code: 'some_error', message: said } }),
  'an error text': ({ said }) => ({ error: said }),
  'a list of errors': ({ said }) => ({ errors: [{ loc: ['body', 'prompt'], msg: said }] }),
  'an error in an envelope': ({ said }) => ({ code: 500, msg: said, data: null }),
  'a denied success': ({ said }) => ({ success: false, message: said }),
  'a task with an error': ({ subject, said }) => ({ ...subject, error: { message: said } }),
  html: ({ said }) => `<!doctype html><html><body>${said}</body></html>`,
  text: ({ said }) => said,
  empty: () => '',
  truncated: ({ subject }) => JSON.stringify(subject).slice(0, -3),
  'an empty list': () => [],
  null: () => null,
  'a number': () => 42,
  'too large': ({ subject }) => ({ ...subject, padding: 'p'.repeat(4_500_000) }),
} as const satisfies Record<string, (answered: Answered) => unknown>;

type Shape = keyof typeof SHAPES;

/** One answer. */
export interface Manner {
  readonly cut: (typeof CUTS)[number];
  readonly status: number;
  readonly shape: Shape;
  readonly text: keyof typeof TEXTS;
  /** Said of the task's state; null for the truth. */
  readonly word: string | null;
  readonly retryAfter: string | null;
}

/** An answer to a create. */
export interface CreateManner extends Manner {
  /** Whether a task is made; the answer may say otherwise. */
  readonly makes: boolean;
  /** How long the answer takes, milliseconds. */
  readonly afterMs: number;
}

/** How a list shows tasks. */
export interface ListManner extends Manner {
  readonly entries: keyof typeof ENTRIES;
}

/** What becomes of a task. */
export interface TaskPlan {
  readonly lastsMs: number;
  readonly end: 'completed' | 'failed' | 'never';
  /** Null: its cost is never said. */
  readonly cents: number | null;
  /** How long it takes to come into the list; null: it never does. */
  readonly listedAfterMs: number | null;
  /** Whether polls know it. */
  readonly isKnown: boolean;
  /** How it is called. */
  readonly id: keyof typeof IDS;
}

/** Ids as they may be; `n` makes them one of a kind. */
export const IDS = {
  plain: (n) => `task_${n}`,
  number: (n) => String(n + 1000),
  'with signs': (n) => `tásk/${n}?a=b&c #😀`,
  long: (n) => `${'t'.repeat(400)}${n}`,
} as const satisfies Record<string, (n: number) => string>;

/** Entries of a list, from what is documented of each. */
export const ENTRIES = {
  documented: (entry) => entry,
  'without times': ({ created: _, created_at: __, expires_at: ___, ...entry }) => entry,
  'absurd times': (entry, n) => ({
    ...entry,
    ...(n % 2 === 0 ? { created: 1e19, created_at: 1e19, expires_at: 0 } : { created: -1, created_at: 'yesterday' }),
  }),
  'ISO times': ({ created, created_at: at, ...entry }) => {
    const iso = new Date(Number(created ?? at) * 1000);
    return { ...entry, created_at: Number.isNaN(iso.getTime()) ? null : iso.toISOString() };
  },
  'without prompts': ({ prompt: _, ...entry }) => entry,
  'other prompts': ({ prompt, ...entry }) => ({ ...entry, prompt: `enhanced: ${String(prompt).slice(0, 3)}` }),
  'NUL in texts': (entry) => ({ ...entry, prompt: 'a\0b\ud800', model: 'm\0' }),
  'ids alone': ({ task_id, id, job_id }) => ({ ...(task_id !== undefined && { task_id }), id, job_id }),
} as const satisfies Record<string, (entry: JsonObject, n: number) => object>;

/** As the API documents it. */
export const WELL: CreateManner & ListManner = {
  ...{ cut: 'no', status: 200, shape: 'documented', text: 'plain', word: null, retryAfter: null },
  ...{ makes: true, afterMs: 0, entries: 'documented' },
};

/** What is sent for a manner. */
export interface Sent {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The answer of a manner about a subject. */
export function send({ status, shape, text, retryAfter, word }: Manner, answered: Omit<Answered, 'said'>): Sent {
  const said = TEXTS[text](answered);
  const { subject } = answered;
  const shown =
    word === null || !('status' in subject || 'state' in subject)
      ? subject
      : said === ''
        ? subject
        : withWord(subject, word);
  const body: unknown = SHAPES[shape]({ ...answered, subject: shown, said });
  const isText = typeof body === 'string';
  return {
    status,
    body: isText ? body : JSON.stringify(body),
    headers: {
      'content-type': isText ? 'text/html' : 'application/json',
      ...(retryAfter !== null && { 'retry-after': retryAfter }),
      ...(status >= 300 && status < 400 && { location: 'https://elsewhere.example/v1/videos' }),
    },
  };
}

function withWord(subject: JsonObject, word: string): JsonObject {
  return { ...subject, ['state' in subject ? 'state' : 'status']: word };
}

const WORDS = [
  'succeeded',
  'SUCCESS',
  'in-progress',
  'queued',
  'moderated',
  'canceled',
  'expired',
  'mystery',
  'w\0rd',
  '',
];

const text = fc.constantFrom(...(Object.keys(TEXTS) as (keyof typeof TEXTS)[]));
const shape = fc.constantFrom(...(Object.keys(SHAPES) as Shape[]));
const cut = fc.oneof({ weight: 5, arbitrary: fc.constant('no' as const) }, fc.constantFrom(...CUTS));
const retryAfter = fc.constantFrom(null, null, '0', '7', '120', '99999999999', 'Wed, 21 Oct 2015 07:28:00 GMT', 'soon');

function mannerOf(statuses: readonly number[]): fc.Arbitrary<Manner> {
  return fc.record({
    cut,
    status: fc.constantFrom(200, 200, ...statuses),
    shape,
    text,
    word: fc.option(fc.constantFrom(...WORDS), { freq: 2, nil: null }),
    retryAfter,
  });
}

const ERRORS = [
  202, 204, 301, 307, 400, 401, 402, 403, 404, 408, 409, 410, 422, 429, 429, 500, 500, 502, 503, 504, 520,
];

export const manner = mannerOf(ERRORS);

export const createManner: fc.Arbitrary<CreateManner> = fc
  .tuple(
    mannerOf([201, ...ERRORS]),
    fc.record({ makes: fc.boolean(), afterMs: fc.constantFrom(0, 0, 0, 1500, 20_000, 59_000) }),
  )
  .map(([one, create]) => ({ ...one, ...create }));

export const listManner: fc.Arbitrary<ListManner> = fc
  .tuple(
    fc.oneof({ weight: 2, arbitrary: fc.constant(WELL) }, manner),
    fc.constantFrom(...(Object.keys(ENTRIES) as (keyof typeof ENTRIES)[])),
  )
  .map(([one, entries]) => ({ ...one, entries }));

export const taskPlan: fc.Arbitrary<TaskPlan> = fc.record({
  lastsMs: fc.constantFrom(30_000, 120_000, 240_000, 900_000),
  end: fc.constantFrom('completed', 'completed', 'completed', 'failed', 'never'),
  cents: fc.constantFrom(80, 80, 100, 0, 450, null),
  listedAfterMs: fc.constantFrom(0, 0, 0, 3000, 40_000, 700_000, null),
  isKnown: fc.oneof({ weight: 6, arbitrary: fc.constant(true) }, fc.constant(false)),
  id: fc.constantFrom('plain', ...(Object.keys(IDS) as (keyof typeof IDS)[])),
});

/** A task that ends well, and of which everything is said. */
export const PLAIN_TASK: TaskPlan = {
  ...{ lastsMs: 120_000, end: 'completed', cents: 80, listedAfterMs: 0, isKnown: true, id: 'plain' },
};
