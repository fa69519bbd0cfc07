/** The names of the documented APIs: what we speak inbound (dialects) and outbound (providers). */

import type { PollTiming } from './poll-schedule.ts';

export const PROVIDERS = ['airforce', 'infrai', 'a4f', 'openai'] as const;
/** The outbound adapter for a documented API. */
export type ProviderName = (typeof PROVIDERS)[number];

/** Whether a provider's create is answered only when the clip is done, and carries it (A4-01, A4-28). */
export const ANSWERS_AT_END = {
  airforce: false,
  infrai: false,
  a4f: true,
  openai: false,
} as const satisfies Record<ProviderName, boolean>;

/** How many input images a task takes at the most: AF-15 and AF-16 with our own bound, IN-07, A4-03 to A4-07, OV-10. */
export const MOST_IMAGES = {
  airforce: 8,
  infrai: 1,
  a4f: 0,
  openai: 1,
} as const satisfies Record<ProviderName, number>;

const DAY_MS = 86_400_000;

/**
 * How a provider's tasks are polled unless an account is configured otherwise. AF-27 for airforce; guesses for infrai and
 * openai, whose documents name no interval. A task of a4f is never polled: of its row only the deadline counts.
 */
export const DOCUMENTED_TIMING = {
  airforce: { firstPollMs: 5_000, minPollMs: 5_000, maxPollMs: 15_000, deadlineMs: DAY_MS },
  infrai: { firstPollMs: 5_000, minPollMs: 5_000, maxPollMs: 15_000, deadlineMs: DAY_MS },
  a4f: { firstPollMs: 5_000, minPollMs: 5_000, maxPollMs: 15_000, deadlineMs: DAY_MS },
  openai: { firstPollMs: 5_000, minPollMs: 5_000, maxPollMs: 15_000, deadlineMs: DAY_MS },
} as const satisfies Record<ProviderName, PollTiming>;

export const DIALECTS = ['airforce', 'airforce-2024', 'infrai', 'openai', 'a4f', 'ai-gateway'] as const;
/** The inbound face of a documented API. */
export type DialectName = (typeof DIALECTS)[number];
