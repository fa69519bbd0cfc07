/** clipyard.yaml: upstream accounts and models, checked down to each key. */

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import type { AccountConfig } from '../domain/account.ts';
import type { ModelConfig } from '../domain/models.ts';
import { PROVIDERS } from '../domain/vendor.ts';
import { MODES } from '../domain/video-request.ts';
import type { Environment } from './settings.ts';

/** Settings that cannot be used; the message names each one, its problem and an example. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const HOST_PORT = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})$/;

/** Whether the text is `host:port` with a port that exists. */
export function isHostPort(text: string): boolean {
  const port = Number(HOST_PORT.exec(text)?.[2] ?? 0);
  return port >= 1 && port <= 65_535;
}

const DAY_MS = 86_400_000;

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'is not a name of letters, digits, dot, - and _');
const modelName = z.string().regex(/^[\x21-\x7e]{1,200}$/, 'is not a model id without spaces');

function isBaseUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, search, hash, username } = new URL(value);
  return /^https?:$/.test(protocol) && search === '' && hash === '' && username === '';
}

function wholeNumber(min: number, max: number) {
  const problem = `is not a whole number from ${min} to ${max}`;
  return z.number(problem).int(problem).min(min, problem).max(max, problem);
}

const timingSchema = z
  .strictObject({
    firstPollMs: wholeNumber(0, DAY_MS),
    minPollMs: wholeNumber(50, DAY_MS),
    maxPollMs: wholeNumber(50, DAY_MS),
    deadlineMs: wholeNumber(1_000, 30 * DAY_MS),
    resultRetryMs: wholeNumber(0, DAY_MS),
  })
  .partial()
  .refine(({ minPollMs, maxPollMs }) => (minPollMs ?? 0) <= (maxPollMs ?? Infinity), {
    path: ['minPollMs'],
    message: 'is larger than maxPollMs',
  });

const accountSchema = z.strictObject({
  id: name,
  provider: z.enum(PROVIDERS, { error: `is not one of ${PROVIDERS.join(', ')}` }),
  baseUrl: z
    .string()
    .refine(isBaseUrl, 'is not an http or https URL without query and credentials')
    .transform((value) => value.replace(/\/+$/, ''))
    .refine((value) => !value.endsWith('/v1'), 'ends in /v1: write what stands before it'),
  apiKeyEnv: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is not the name of an environment variable'),
  maxConcurrentTasks: wholeNumber(1, 1_000).default(4),
  maxRequestsPerSecond: wholeNumber(1, 1_000).default(10),
  shared: z.boolean().default(false),
  list: z.boolean().default(true),
  pool: name.default('main'),
  // Only asked where an upstream has neither a list nor an idempotency key; elsewhere they are allowed and idle.
  onLostAnswer: z.enum(['fail', 'resubmit'], { error: 'is neither fail nor resubmit' }).default('fail'),
  lostAnswerHoldMs: wholeNumber(0, DAY_MS).default(600_000),
  trustedHosts: z.array(z.string().refine(isHostPort, 'is not host:port')).default([]),
  timing: timingSchema.default({}),
});

const durationSeconds = wholeNumber(1, 3_600);

const modelSchema = z
  .strictObject({
    id: modelName,
    account: name.optional(),
    accounts: z.array(name).min(1, 'is empty').optional(),
    upstreamModel: modelName.optional(),
    pricePerSecondMicroUsd: wholeNumber(0, 1_000_000_000),
    durationsSeconds: z.array(durationSeconds).min(1, 'is empty').optional(),
    minDurationSeconds: durationSeconds.optional(),
    maxDurationSeconds: durationSeconds.optional(),
    aspectRatios: z.array(z.string().regex(/^[0-9]{1,4}:[0-9]{1,4}$/, 'is not a ratio in quotes')).default([]),
    qualities: z.array(z.string().min(1)).default([]),
    modes: z.array(z.enum(MODES, { error: `is not one of ${MODES.join(', ')}` })).default(['text']),
  })
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

const fileSchema = z.strictObject({
  accounts: z.array(accountSchema).min(1, 'is empty'),
  models: z.array(modelSchema).default([]),
});

/** What to write instead, by the last key of a path. */
const EXAMPLES: Readonly<Record<string, string>> = {
  accounts: 'accounts: [{ id: airforce-1, provider: airforce, baseUrl: https://api.example, apiKeyEnv: AIRFORCE_KEY }]',
  id: 'id: airforce-1',
  provider: `provider: ${PROVIDERS[0]}`,
  baseUrl: 'baseUrl: https://api.example.com',
  apiKeyEnv: 'apiKeyEnv: AIRFORCE_KEY',
  maxConcurrentTasks: 'maxConcurrentTasks: 4',
  maxRequestsPerSecond: 'maxRequestsPerSecond: 10',
  shared: 'shared: false',
  list: 'list: true',
  pool: 'pool: main',
  onLostAnswer: 'onLostAnswer: fail',
  lostAnswerHoldMs: 'lostAnswerHoldMs: 600000',
  trustedHosts: 'trustedHosts: [127.0.0.1:9000]',
  timing: 'timing: { minPollMs: 2000, maxPollMs: 15000 }',
  firstPollMs: 'firstPollMs: 5000',
  minPollMs: 'minPollMs: 2000',
  maxPollMs: 'maxPollMs: 15000',
  deadlineMs: 'deadlineMs: 86400000',
  resultRetryMs: 'resultRetryMs: 900000',
  models: 'models: [{ id: sora-2, account: airforce-1, pricePerSecondMicroUsd: 100000, durationsSeconds: [4, 8] }]',
  account: 'account: airforce-1',
  upstreamModel: 'upstreamModel: sora-2',
  pricePerSecondMicroUsd: 'pricePerSecondMicroUsd: 100000',
  durationsSeconds: 'durationsSeconds: [4, 8, 12]',
  minDurationSeconds: 'minDurationSeconds: 4',
  maxDurationSeconds: 'maxDurationSeconds: 12',
  aspectRatios: 'aspectRatios: ["16:9", "9:16"]',
  qualities: 'qualities: [720p, 1080p]',
  modes: 'modes: [text, image]',
};

type Path = readonly PropertyKey[];

/** `accounts[0].timing.minPollMs`. */
function printPath(path: Path): string {
  const printed = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return printed.replace(/^\./, '');
}

function complaint(path: Path, problem: string): string {
  const key = path.findLast((part) => typeof part === 'string');
  const example = EXAMPLES[String(key ?? 'accounts')];
  const place = printPath(path) || 'the file';
  return `${place} ${problem}${example === undefined ? '' : `; for example ${example}`}`;
}

function complaints(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => complaint([...issue.path, key], 'is not a known key'));
  }
  if (issue.code !== 'invalid_type') return [complaint(issue.path, issue.message)];
  const missing = issue.message.endsWith('received undefined');
  return [complaint(issue.path, missing ? 'is missing' : `is not of the type ${issue.expected}`)];
}

type FileContent = z.infer<typeof fileSchema>;

/** Rules between entries: ids are unique, keys exist, and a model's accounts lie in one pool. */
function crossComplaints(content: FileContent, environment: Environment): string[] {
  const pools = new Map(content.accounts.map((account) => [account.id, account.pool]));
  const problems = [...repeatedIds(content, 'accounts'), ...repeatedIds(content, 'models')];
  content.accounts.forEach(({ apiKeyEnv }, index) => {
    const key = environment[apiKeyEnv] ?? '';
    const problem = key === '' ? 'is not set' : /[^\x21-\x7e]/.test(key) ? 'holds spaces or control characters' : null;
    if (problem === null) return;
    problems.push(complaint(['accounts', index, 'apiKeyEnv'], `names ${apiKeyEnv}, which ${problem}`));
  });
  content.models.forEach((model, index) => {
    const accounts = accountsOf(model);
    const unknown = accounts.filter((account) => !pools.has(account));
    const path = ['models', index, model.account === undefined ? 'accounts' : 'account'];
    if (unknown.length > 0) problems.push(complaint(path, `names ${unknown.join(', ')}, which is no account`));
    const distinct = new Set(accounts.flatMap((account) => pools.get(account) ?? []));
    if (distinct.size > 1) {
      problems.push(complaint(path, `lies in several pools (${[...distinct].join(', ')}), and may lie in one only`));
    }
  });
  return problems;
}

function repeatedIds(content: FileContent, list: 'accounts' | 'models'): string[] {
  const ids = content[list].map(({ id }) => id);
  return ids.flatMap((id, index) =>
    ids.indexOf(id) === index ? [] : [complaint([list, index, 'id'], `${id} is there twice`)],
  );
}

function accountsOf(model: FileContent['models'][number]): readonly string[] {
  return model.accounts ?? (model.account === undefined ? [] : [model.account]);
}

function toAccount(account: FileContent['accounts'][number], environment: Environment): AccountConfig {
  const { apiKeyEnv, timing, ...rest } = account;
  const given = Object.fromEntries(Object.entries(timing).filter(([, value]) => value !== undefined));
  return { ...rest, apiKey: environment[apiKeyEnv] ?? '', timing: given };
}

function toModel(model: FileContent['models'][number]): ModelConfig {
  const durations = model.durationsSeconds?.toSorted((a, b) => a - b) ?? null;
  return {
    id: model.id,
    accounts: accountsOf(model),
    upstreamModel: model.upstreamModel ?? model.id,
    pricePerSecondMicroUsd: model.pricePerSecondMicroUsd,
    durationsSeconds: durations,
    minDurationSeconds: durations?.[0] ?? model.minDurationSeconds ?? 1,
    maxDurationSeconds: durations?.at(-1) ?? model.maxDurationSeconds ?? 1,
    aspectRatios: model.aspectRatios,
    qualities: model.qualities,
    modes: model.modes,
  };
}

function parseYaml(path: string): unknown {
  const document = parseDocument(readFileSync(path, 'utf8'));
  const [error] = document.errors;
  if (error !== undefined) throw new ConfigError(`${basename(path)} is not YAML: ${error.message.trim()}`);
  return document.toJS();
}

/**
 * Reads accounts and models; keys are looked up in the environment by the names that the file gives.
 * @throws ConfigError naming the path of every entry at fault, its problem and an example.
 */
export function readConfigFile(
  path: string,
  environment: Environment,
): { accounts: readonly AccountConfig[]; models: readonly ModelConfig[] } {
  const parsed = fileSchema.safeParse(parseYaml(path) ?? {});
  const problems = parsed.success
    ? crossComplaints(parsed.data, environment)
    : parsed.error.issues.flatMap((issue) => complaints(issue));
  if (!parsed.success || problems.length > 0) {
    throw new ConfigError(problems.map((problem) => `${basename(path)}: ${problem}`).join('\n'));
  }
  return {
    accounts: parsed.data.accounts.map((account) => toAccount(account, environment)),
    models: parsed.data.models.map(toModel),
  };
}
