/** The keys of clipyard.yaml: tables in which each stands once, and the schema that they make. */

import { z } from 'zod';
import { type PollTiming, RESULT_RETRY_MS } from '../domain/poll-schedule.ts';
import { PROVIDER_FACTS, PROVIDERS } from '../domain/vendor.ts';
import { MODES } from '../domain/video-request.ts';
import { type Entry, shapeOf } from './entry.ts';
import { apiBaseUrl, hostPort, oneOf, problemOfHeaderName, textLike, wholeNumber } from './values.ts';

/** A row; its key is the key of the file. */
export interface FileKey extends Entry {
  /** The keys below it. */
  readonly keys?: Readonly<Record<string, FileKey>>;
  /** Stands in clipyard.example.yaml although it may be absent. */
  readonly isShown?: true;
}

const DAY_MS = 86_400_000;

const name = textLike(
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
  'is not a name of letters, digits, dot, - and _, of at most 64 characters',
);
const modelName = textLike(/^[\x21-\x7e]{1,200}$/, 'is not a model id without spaces');

const headers = z.record(z.string(), z.string()).superRefine((given, context) => {
  for (const name of Object.keys(given)) {
    const problem = problemOfHeaderName(name);
    if (problem !== null) context.addIssue({ code: 'custom', path: [name], message: problem });
  }
});

/** What the providers' documents say, where all say the same. */
function documented(bound: keyof PollTiming): string {
  const values = new Set(Object.values(PROVIDER_FACTS).map(({ timing }) => timing[bound]));
  return values.size === 1 ? `\`${[...values][0]}\`` : "the provider's";
}

const TIMING_KEYS = {
  firstPollMs: {
    schema: wholeNumber(0, DAY_MS).optional(),
    example: '5000',
    absent: documented('firstPollMs'),
    meaning: 'when a task is first polled',
  },
  minPollMs: {
    schema: wholeNumber(50, DAY_MS).optional(),
    example: '5000',
    absent: documented('minPollMs'),
    meaning:
      'the shortest wait between two polls; a Temporal server of your own makes a second of anything less, unless its ' +
      '`history.timerProcessorMaxTimeShift` is lowered as it is in the embedded one',
  },
  maxPollMs: {
    schema: wholeNumber(50, DAY_MS).optional(),
    example: '15000',
    absent: documented('maxPollMs'),
    meaning: 'the longest wait between two polls, failures and hints aside',
  },
  deadlineMs: {
    schema: wholeNumber(1_000, 30 * DAY_MS).optional(),
    example: '86400000',
    absent: documented('deadlineMs'),
    meaning: 'from submit to `expired`',
  },
  resultRetryMs: {
    schema: wholeNumber(0, DAY_MS).optional(),
    example: '900000',
    absent: `\`${RESULT_RETRY_MS}\``,
    meaning: 'how long a result that cannot be had yet is asked for again',
  },
} as const satisfies Readonly<Record<string, FileKey>>;

const ACCOUNT_KEYS = {
  id: { schema: name, example: 'airforce-1', meaning: 'name of the account' },
  provider: {
    schema: oneOf(PROVIDERS),
    example: PROVIDERS[0],
    meaning:
      `the API that it speaks: ${PROVIDERS.join(', ')}; \`openai\` is apifree and any other \`/v1/videos\` server, ` +
      '`described` any other API by its description',
  },
  api: {
    schema: z.string().min(1, 'is empty').max(1_000, 'is too long').optional(),
    example: 'vllm-omni',
    absent: '',
    meaning:
      'for provider `described`: a description that is shipped (`clipyard upstreams list`), or the path of a file of your ' +
      'own, relative to this file; see [upstreams.md](upstreams.md)',
  },
  baseUrl: {
    schema: apiBaseUrl,
    example: 'https://api.airforce',
    meaning: 'what stands before `/v1`; may be private or loopback: the operator wrote it',
  },
  apiKeyEnv: {
    schema: textLike(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is not the name of an environment variable'),
    example: 'AIRFORCE_KEY',
    meaning: 'NAME of the environment variable that holds the key',
  },
  maxConcurrentTasks: {
    schema: wholeNumber(1, 1_000).default(4),
    meaning: 'tasks this key may have at once',
  },
  maxRequestsPerSecond: {
    schema: wholeNumber(1, 1_000).default(10),
    meaning:
      'requests of all kinds with this key, evenly spaced, for each worker process; what comes sooner waits for its turn, ' +
      'a poll for 3 s at most before its workflow waits instead',
  },
  shared: {
    schema: z.boolean().default(false),
    meaning:
      '`true`: others use this key too, so a lost answer is never adopted from its list, and no orphans are looked for',
  },
  list: {
    schema: z.boolean().default(true),
    meaning:
      '`false`: the upstream has no list of tasks, though its API has one; noticed by itself where it answers 404, 405 or 501',
  },
  pool: {
    schema: name.default('main'),
    meaning: "accounts that stand in for each other share one; a model's accounts lie in one pool",
  },
  // Obeyed where an upstream has neither a list nor an idempotency key; elsewhere it is allowed and idle, like the next.
  onLostAnswer: {
    schema: z.enum(['fail', 'resubmit'], { error: 'is neither fail nor resubmit' }).default('fail'),
    meaning:
      '`fail` or `resubmit`; asked only where an upstream has neither a list that can be read nor an idempotency key: end ' +
      'the clip as failed, or create it again and perhaps pay twice; either way the lost answer is booked as paid',
  },
  lostAnswerHoldMs: {
    schema: wholeNumber(0, DAY_MS).default(600_000),
    meaning: 'there, how long the slot stays taken after a lost answer',
  },
  trustedHosts: {
    schema: z.array(hostPort).default([]),
    example: '[127.0.0.1:9000]',
    meaning: "`host:port` of result links that may be private; the base URL's own host always is",
  },
  headers: {
    schema: headers.default({}),
    example: `{ CF-Access-Client-Id: "\${CF_ID}" }`,
    absent: 'none',
    meaning:
      `sent with every request to the base URL's host; \`\${NAME}\` stands for the environment variable of that name, ` +
      'whose value is never shown',
  },
  proxy: {
    schema: z.string().optional(),
    example: 'http://10.0.0.2:3128',
    absent: "the environment's",
    meaning:
      `the proxy for its requests and result links, \`none\` for none; \`\${NAME}\` stands for an environment variable; ` +
      'this machine itself is never asked through one',
  },
  timing: {
    schema: z.strictObject(shapeOf(TIMING_KEYS)).default({}),
    example: '{ minPollMs: 5000, maxPollMs: 15000 }',
    absent: "the provider's",
    meaning: 'how its tasks are polled',
    keys: TIMING_KEYS,
  },
} as const satisfies Readonly<Record<string, FileKey>>;

const durationSeconds = wholeNumber(1, 3_600);

const MODEL_KEYS = {
  id: { schema: modelName, example: 'wan-2.6', meaning: 'the model as callers send it' },
  account: {
    schema: name.optional(),
    example: 'airforce-1',
    absent: '',
    meaning: 'the account that serves it',
    isShown: true,
  },
  accounts: {
    schema: z.array(name).min(1, 'is empty').optional(),
    example: '[airforce-1, airforce-2]',
    absent: '',
    meaning: 'several that serve it, in order of preference; instead of `account`',
  },
  upstreamModel: {
    schema: modelName.optional(),
    example: 'wan-2.6',
    absent: 'the id',
    meaning: "the model's name upstream",
  },
  pricePerSecondMicroUsd: {
    schema: wholeNumber(0, 1_000_000_000),
    example: '400000',
    meaning: 'estimate and hold: micro-dollars for each second',
  },
  durationsSeconds: {
    schema: z.array(durationSeconds).min(1, 'is empty').optional(),
    example: '[5, 8, 10]',
    absent: '',
    meaning: 'the lengths on offer',
    isShown: true,
  },
  minDurationSeconds: {
    schema: durationSeconds.optional(),
    example: '4',
    absent: '`1`',
    meaning: 'the shortest length on offer',
  },
  maxDurationSeconds: {
    schema: durationSeconds.optional(),
    example: '12',
    absent: '',
    meaning: 'the longest; with it, instead of `durationsSeconds`, any whole number of seconds is on offer',
  },
  aspectRatios: {
    schema: z.array(textLike(/^[0-9]{1,4}:[0-9]{1,4}$/, 'is not a ratio in quotes')).default([]),
    example: '["16:9", "9:16"]',
    absent: 'any',
    meaning: 'the allowed ones, in quotes; the first is the default',
    isShown: true,
  },
  qualities: {
    schema: z.array(z.string().min(1, 'is empty')).default([]),
    example: '[720p, 1080p]',
    absent: 'any',
    meaning: 'the allowed ones; the first is the default',
    isShown: true,
  },
  modes: {
    schema: z.array(oneOf(MODES)).default(['text']),
    example: '[text, image]',
    meaning: 'of `text`, `image`, `reference`',
    isShown: true,
  },
} as const satisfies Readonly<Record<string, FileKey>>;

const modelSchema = z
  .strictObject(shapeOf(MODEL_KEYS))
  .refine((model) => (model.account === undefined) !== (model.accounts === undefined), {
    path: ['account'],
    message: 'or accounts is needed, and not both',
  })
  .refine((model) => (model.durationsSeconds === undefined) !== (model.maxDurationSeconds === undefined), {
    path: ['durationsSeconds'],
    message: 'or maxDurationSeconds is needed, and not both',
  })
  .refine((model) => (model.minDurationSeconds ?? 1) <= (model.maxDurationSeconds ?? Infinity), {
    path: ['minDurationSeconds'],
    message: 'is larger than maxDurationSeconds',
  });

/** The keys at the top, and below them all others. */
export const FILE_KEYS = {
  accounts: {
    schema: z.array(z.strictObject(shapeOf(ACCOUNT_KEYS))).min(1, 'is empty'),
    example: '[{ id: airforce-1, provider: airforce, baseUrl: https://api.airforce, apiKeyEnv: AIRFORCE_KEY }]',
    meaning: 'upstream credentials; at least one',
    keys: ACCOUNT_KEYS,
  },
  models: {
    schema: z.array(modelSchema).default([]),
    example: '[{ id: wan-2.6, account: airforce-1, pricePerSecondMicroUsd: 400000, durationsSeconds: [5, 8] }]',
    meaning: 'offered beside those that an upstream publishes itself (`GET /v1/models`)',
    keys: MODEL_KEYS,
  },
} as const satisfies Readonly<Record<string, FileKey>>;

/** The whole file. */
export const fileSchema = z.strictObject(shapeOf(FILE_KEYS));
export type FileContent = z.output<typeof fileSchema>;
export type AccountContent = FileContent['accounts'][number];
