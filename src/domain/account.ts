/** An upstream account: one credential of a provider as it is configured, and what it can be for operators. */

import type { Passage } from './passage.ts';
import type { AccountTiming } from './poll-schedule.ts';
import type { ProviderName } from './vendor.ts';

/** An account as configured; the key is here and in the worker's memory, nowhere else. */
export interface AccountConfig {
  readonly id: string;
  /** Ids under which the same key was configured for the same API before: what was begun under those goes on. */
  readonly formerIds?: readonly string[];
  readonly provider: ProviderName;
  /** Where the provider is `described`: the description of its API, by its name or its path. */
  readonly api?: string | undefined;
  /** Without a trailing slash; empty until the embedded sandbox listens, where that is the upstream. */
  readonly baseUrl: string;
  readonly apiKey: string;
  /** Of everything that is asked in its name. */
  readonly passage?: Passage;
  readonly maxConcurrentTasks: number;
  /** Of all kinds together, for each worker process. */
  readonly maxRequestsPerSecond: number;
  /** Others use the key too: what its list shows proves nothing about our creates. */
  readonly shared: boolean;
  /** False: the upstream has no list, though its API may document one. */
  readonly list: boolean;
  readonly pool: string;
  /** What follows a lost answer that nothing can tell about: the video fails, or is sent again and perhaps paid again. */
  readonly onLostAnswer: 'fail' | 'resubmit';
  /** How long the slot stays taken then. */
  readonly lostAnswerHoldMs: number;
  /** `host:port` of result links that may be private. */
  readonly trustedHosts: readonly string[];
  /** Overrides of the provider's documented timing. */
  readonly timing: Partial<AccountTiming>;
}

/** The account of this id or, where there is none, the one that had it before; null where neither is configured. */
export function accountNamed<Account extends Pick<AccountConfig, 'id' | 'formerIds'>>(
  accounts: readonly Account[],
  id: string,
): Account | null {
  const renamed = () => accounts.find(({ formerIds }) => formerIds?.includes(id));
  return accounts.find((account) => account.id === id) ?? renamed() ?? null;
}

export const LOST_ANSWER_RULES = ['adopt', 'resend', 'fail', 'resubmit'] as const;
/**
 * What follows a lost answer: the task is found in the account's list, the create is sent again under its key, or nothing
 * can tell, and the account's `onLostAnswer` decides.
 */
export type LostAnswerRule = (typeof LOST_ANSWER_RULES)[number];

/** Why an account takes no more clips for now, or takes them one at a time. */
export const STANDING_REASONS = ['paused', 'suspended', 'full', 'doubtful', 'no list'] as const;
export type StandingReason = (typeof STANDING_REASONS)[number];

export const ACCOUNT_STATES = ['active', 'paused', 'suspended', 'removed'] as const;
/**
 * An account for operators: `paused` for a while, `suspended` since its key was refused or nothing at its base URL takes
 * creates, `removed` from the configuration.
 */
export type AccountState = (typeof ACCOUNT_STATES)[number];
