/** The names of the documented APIs: what we speak inbound (dialects) and outbound (providers). */

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

export const DIALECTS = ['airforce', 'airforce-2024', 'infrai', 'openai', 'a4f', 'ai-gateway'] as const;
/** The inbound face of a documented API. */
export type DialectName = (typeof DIALECTS)[number];
