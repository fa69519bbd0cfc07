/** The settings of a process: the only reader of the environment and of clipyard.yaml. */

import type { PollTiming } from './domain/poll-schedule.ts';
import type { ProviderName } from './domain/vendor.ts';
import type { Mode } from './domain/video-request.ts';

/** One upstream credential; the key is here and in the worker's memory, nowhere else. */
export interface AccountConfig {
  readonly id: string;
  readonly provider: ProviderName;
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly maxConcurrentTasks: number;
  readonly shared: boolean;
  readonly pool: string;
  /** `host:port` of result links that may be private. */
  readonly trustedHosts: readonly string[];
  /** Overrides of the provider's documented timing. */
  readonly timing: Partial<PollTiming>;
}

/** A model that the operator offers beside those that a provider publishes. */
export interface ModelConfig {
  readonly id: string;
  /** In order of preference. */
  readonly accounts: readonly string[];
  readonly upstreamModel: string;
  readonly pricePerSecondMicroUsd: number;
  readonly durationsSeconds: readonly number[] | null;
  readonly minDurationSeconds: number;
  readonly maxDurationSeconds: number;
  readonly aspectRatios: readonly string[];
  readonly qualities: readonly string[];
  readonly modes: readonly Mode[];
}

export interface Config {
  readonly host: string;
  readonly port: number;
  /** Absolute. */
  readonly dataDir: string;
  /** Without a trailing slash. */
  readonly publicUrl: string;
  /** Null: generated. */
  readonly rootKey: string | null;
  readonly signingKeys: readonly string[];
  readonly accounts: readonly AccountConfig[];
  readonly models: readonly ModelConfig[];
  /** Null: no configuration was found, and the embedded sandbox is the upstream. */
  readonly configFile: string | null;
  /** Null: PGlite in the data directory. */
  readonly databaseUrl: string | null;
  readonly temporal: {
    /** True when an address or a profile was given; otherwise the dev server is embedded. */
    readonly external: boolean;
    readonly namespace: string;
    readonly uiUrl: string | null;
    readonly cliPath: string | null;
  };
  /** `host:port` that callers' URLs may name although they are private. */
  readonly trustedHosts: readonly string[];
  readonly drainSeconds: number;
  readonly syncWaitSeconds: number;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
}
