/** clipyard.yaml: upstream accounts and models, checked down to each key, with mistakes named by their path. */

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseDocument } from 'yaml';
import type { z } from 'zod';
import type { AccountConfig } from '../domain/account.ts';
import { defined } from '../domain/defined.ts';
import { isJsonObject } from '../domain/json.ts';
import type { ModelConfig } from '../domain/models.ts';
import { NO_PROXIES, type Proxies } from '../domain/passage.ts';
import type { PollTiming } from '../domain/poll-schedule.ts';
import { PROVIDER_FACTS } from '../domain/vendor.ts';
import type { Description } from '../wire/description.ts';
import { didYouMean } from './closest-name.ts';
import { descriptionFile, printPath, readDescription } from './descriptions.ts';
import { ConfigError, type Environment, exampleOf } from './entry.ts';
import { type AccountContent, FILE_KEYS, type FileContent, type FileKey, fileSchema } from './file-keys.ts';
import { passageOf, problemsOfPassage, variablesOf } from './passages.ts';

type Path = readonly PropertyKey[];

const lastKey = (path: Path) => String(path.findLast((part) => typeof part === 'string'));

/** The row of a path's last key, which stands below the others; undefined where there is no such key. */
function findKey(path: Path): FileKey | undefined {
  let row: FileKey | undefined;
  let rows: Readonly<Record<string, FileKey>> | undefined = FILE_KEYS;
  for (const key of path.filter((part) => typeof part === 'string')) {
    row = rows?.[key];
    rows = row?.keys;
  }
  return row;
}

function complaint(path: Path, problem: string): string {
  const [key, row] = path.length === 0 ? ['accounts', FILE_KEYS.accounts] : [lastKey(path), findKey(path)];
  return `${printPath(path) || 'the file'} ${problem}${row === undefined ? '' : `; for example ${key}: ${exampleOf(row)}`}`;
}

/** Whether nothing was written there, not even the key or only the key. */
function isMissing(content: unknown, path: Path): boolean {
  const parent = path.slice(0, -1).reduce<unknown>((value, key) => Reflect.get(Object(value), key), content);
  return isJsonObject(parent) && (parent[lastKey(path)] ?? null) === null;
}

function complaints(content: unknown, issue: z.core.$ZodIssue): readonly string[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(path.length === 0 ? FILE_KEYS : (findKey(path)?.keys ?? {}));
    return issue.keys.map((key) => complaint([...path, key], `is not a known key${didYouMean(key, known)}`));
  }
  // Rules between keys say themselves what is wrong with a missing one.
  if (issue.code !== 'custom' && isMissing(content, path)) return [complaint(path, 'is missing')];
  const isOurs = issue.code !== 'invalid_type' || !issue.message.startsWith('Invalid input');
  return [complaint(path, isOurs ? issue.message : `is not of the type ${issue.expected}`)];
}

/** Rules between entries: ids are unique, keys exist, intervals are in order, and a model's accounts lie in one pool. */
function crossComplaints(content: FileContent, { environment, timingOf }: Surroundings): readonly string[] {
  return [
    ...repeatedIds(content, 'accounts'),
    ...repeatedIds(content, 'models'),
    ...content.accounts.flatMap(({ apiKeyEnv }, index) => {
      const key = environment[apiKeyEnv] ?? '';
      const problem =
        key === '' ? 'is not set' : /[^\x21-\x7e]/.test(key) ? 'holds spaces or control characters' : null;
      if (problem === null) return [];
      return [complaint(['accounts', index, 'apiKeyEnv'], `names ${apiKeyEnv}, which ${problem}`)];
    }),
    ...content.accounts.flatMap((account, index) => misplacedApi(account, ['accounts', index, 'api'])),
    ...content.accounts.flatMap((account, index) =>
      problemsOfPassage(account, environment).map(([path, problem]) =>
        complaint(['accounts', index, ...path], problem),
      ),
    ),
    ...content.accounts.flatMap((account, index) => {
      return crossedIntervals(account, timingOf(account), ['accounts', index, 'timing']);
    }),
    ...content.models.flatMap((model, index) => unusableAccounts(content, model, ['models', index])),
  ];
}

function repeatedIds(content: FileContent, list: 'accounts' | 'models'): readonly string[] {
  const ids = content[list].map(({ id }) => id);
  return ids.flatMap((id, index) =>
    ids.indexOf(id) === index ? [] : [complaint([list, index, 'id'], `${id} is there twice`)],
  );
}

/** What the rules between entries look at besides the file. */
interface Surroundings {
  readonly environment: Environment;
  /** As the account's API documents it. */
  timingOf(account: AccountContent): PollTiming;
}

function misplacedApi({ provider, api }: AccountContent, path: Path): readonly string[] {
  if ((provider === 'described') === (api !== undefined)) return [];
  return [
    complaint(path, provider === 'described' ? 'is missing' : `is for provider described, and this is ${provider}`),
  ];
}

/** The bound that is not written is the provider's. */
function crossedIntervals({ timing }: AccountContent, documented: PollTiming, path: Path): readonly string[] {
  const { minPollMs = documented.minPollMs, maxPollMs = documented.maxPollMs } = timing;
  if (minPollMs <= maxPollMs) return [];
  return timing.minPollMs === undefined
    ? [complaint([...path, 'maxPollMs'], `is smaller than minPollMs, ${minPollMs}`)]
    : [complaint([...path, 'minPollMs'], `is larger than maxPollMs, ${maxPollMs}`)];
}

function unusableAccounts(content: FileContent, model: FileContent['models'][number], path: Path): readonly string[] {
  const pools = new Map(content.accounts.map((account) => [account.id, account.pool]));
  const named = [...path, model.account === undefined ? 'accounts' : 'account'];
  const unknown = accountsOf(model).filter((account) => !pools.has(account));
  const distinct = new Set(accountsOf(model).flatMap((account) => pools.get(account) ?? []));
  return [
    ...(unknown.length > 0 ? [complaint(named, `names ${unknown.join(', ')}, which is no account`)] : []),
    ...(distinct.size > 1
      ? [complaint(named, `lies in several pools (${[...distinct].join(', ')}), and may lie in one only`)]
      : []),
  ];
}

function accountsOf(model: FileContent['models'][number]): readonly string[] {
  return model.accounts ?? (model.account === undefined ? [] : [model.account]);
}

function toAccount(account: AccountContent, environment: Environment, proxies: Proxies): AccountConfig {
  const { apiKeyEnv, api, timing, headers: _headers, proxy: _proxy, ...rest } = account;
  const given = Object.fromEntries(Object.entries(timing).filter(([, value]) => value !== undefined));
  const passage = passageOf(account, environment, proxies);
  return { ...rest, ...defined({ api }), apiKey: environment[apiKeyEnv] ?? '', passage, timing: given };
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

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new ConfigError(`${basename(path)} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function parseYaml(path: string): unknown {
  const document = parseDocument(readText(path));
  const [error] = document.errors;
  if (error !== undefined) throw new ConfigError(`${basename(path)} is not YAML: ${error.message.trim()}`);
  return document.toJS();
}

/** What clipyard.yaml gives. */
export interface Upstreams {
  readonly accounts: readonly AccountConfig[];
  readonly models: readonly ModelConfig[];
  /** The environment variables that the file names: they hold the accounts' keys and other secrets. */
  readonly keyNames: readonly string[];
  /** What accounts name as their `api`, read. */
  readonly descriptions: Readonly<Record<string, Description>>;
}

interface ReadDescriptions {
  readonly descriptions: Readonly<Record<string, Description>>;
  readonly problems: readonly string[];
}

/** Reads each description that accounts name, once. */
function readDescriptions({ accounts }: FileContent, configFile: string): ReadDescriptions {
  const descriptions: Record<string, Description> = {};
  const problems: string[] = [];
  for (const [index, { api }] of accounts.entries()) {
    if (api === undefined || descriptions[api]) continue;
    try {
      descriptions[api] = readDescription(descriptionFile(api, configFile));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(`accounts[${index}].api: ${error.message}`);
    }
  }
  return { descriptions, problems };
}

/**
 * Reads accounts and models; keys are looked up in the environment by the names that the file gives. `proxies` are those
 * of accounts that name none.
 * @throws ConfigError naming the path of every entry at fault, its problem and an example.
 */
export function readConfigFile(path: string, environment: Environment, proxies = NO_PROXIES): Upstreams {
  const content = parseYaml(path) ?? {};
  const parsed = fileSchema.safeParse(content);
  const read = parsed.success ? readDescriptions(parsed.data, path) : { descriptions: {}, problems: [] };
  const timingOf = ({ provider, api = '' }: AccountContent) =>
    read.descriptions[api]?.timing ?? PROVIDER_FACTS[provider].timing;
  const problems = parsed.success
    ? [...read.problems, ...crossComplaints(parsed.data, { environment, timingOf })]
    : parsed.error.issues.flatMap((issue) => complaints(content, issue));
  if (!parsed.success || problems.length > 0) {
    throw new ConfigError(problems.map((problem) => `${basename(path)}: ${problem}`).join('\n'));
  }
  const { accounts, models } = parsed.data;
  return {
    accounts: accounts.map((account) => toAccount(account, environment, proxies)),
    models: models.map(toModel),
    keyNames: accounts.flatMap((account) => [account.apiKeyEnv, ...variablesOf(account)]),
    descriptions: read.descriptions,
  };
}
