/** The documented APIs: their names as we speak them inbound (dialects) and outbound (providers), and what is true of each. */

import type { AdoptionWindow } from './doubt.ts';
import type { PollTiming } from './poll-schedule.ts';

/** Those whose API is documented, and spoken by a provider of its own. */
export const DOCUMENTED_PROVIDERS = ['airforce', 'infrai', 'a4f', 'openai'] as const;
export type DocumentedProvider = (typeof DOCUMENTED_PROVIDERS)[number];

export const PROVIDERS = [...DOCUMENTED_PROVIDERS, 'described'] as const;
/** The outbound adapter for a documented API; `described` for any other, by the description that an account names. */
export type ProviderName = (typeof PROVIDERS)[number];

/** What is true of a provider at every account. */
export interface ProviderFacts {
  /** Its create is answered only when the clip is done, and carries it. */
  readonly answersAtEnd: boolean;
  /** How many input images a task takes at the most. */
  readonly mostImages: number;
  /** A re-sent create with the same key returns the same task. */
  readonly honoursIdempotencyKey: boolean;
  /** How long a list must show nothing before a lost create counts as not made; null where there is no list. */
  readonly listWindow: AdoptionWindow | null;
  readonly cancels: boolean;
  /** How its tasks are polled unless an account is configured otherwise. */
  readonly timing: PollTiming;
  /** How long the upstream keeps a result when it does not say. */
  readonly resultTtlMs: number;
}

const DAY_MS = 86_400_000;

/** AF-27, and a guess for those whose documents name no interval. */
const TIMING: PollTiming = { firstPollMs: 5_000, minPollMs: 5_000, maxPollMs: 15_000, deadlineMs: DAY_MS };

/** A guess, as no document says how soon a task is listed: generous where nothing was heard. */
export const LIST_WINDOW: AdoptionWindow = { answeredMs: 5_000, unansweredMs: 30_000 };

/** The facts of each provider. */
export const PROVIDER_FACTS: Readonly<Record<ProviderName, ProviderFacts>> = {
  airforce: {
    answersAtEnd: false,
    // AF-15 and AF-16, with our own bound.
    mostImages: 8,
    // AF-52: the document names neither an idempotency key nor a cancel.
    honoursIdempotencyKey: false,
    cancels: false,
    listWindow: LIST_WINDOW,
    timing: TIMING,
    // AF-04
    resultTtlMs: DAY_MS,
  },
  infrai: {
    answersAtEnd: false,
    // IN-07
    mostImages: 1,
    // IN-12, IN-32
    honoursIdempotencyKey: true,
    cancels: true,
    // IN-35: jobs in the list show neither time nor prompt, so nothing is told from it; a lost create is sent again.
    listWindow: null,
    timing: TIMING,
    // A guess: the document does not say how long a result is kept.
    resultTtlMs: DAY_MS,
  },
  a4f: {
    // A4-01, A4-28
    answersAtEnd: true,
    // A4-03 to A4-07
    mostImages: 0,
    honoursIdempotencyKey: false,
    cancels: false,
    listWindow: null,
    // A task is never polled: only the deadline counts.
    timing: TIMING,
    resultTtlMs: DAY_MS,
  },
  openai: {
    answersAtEnd: false,
    // OV-10
    mostImages: 1,
    // Neither the document nor the SDKs name a key that the server honours, or a cancel.
    honoursIdempotencyKey: false,
    cancels: false,
    listWindow: LIST_WINDOW,
    timing: TIMING,
    // A guess.
    resultTtlMs: DAY_MS,
  },
  // Each account has those of its own description; these stand where nothing is known of it any more.
  described: {
    answersAtEnd: false,
    mostImages: 0,
    honoursIdempotencyKey: false,
    cancels: false,
    listWindow: null,
    timing: TIMING,
    resultTtlMs: DAY_MS,
  },
};

export const DIALECTS = ['airforce', 'airforce-2024', 'infrai', 'openai', 'a4f', 'ai-gateway'] as const;
/** The inbound face of a documented API. */
export type DialectName = (typeof DIALECTS)[number];
