/** The names of the documented APIs: what we speak inbound (dialects) and outbound (providers). */

export const PROVIDERS = ['airforce'] as const;
/** The outbound adapter for a documented API. */
export type ProviderName = (typeof PROVIDERS)[number];

export const DIALECTS = ['airforce', 'airforce-2024', 'infrai'] as const;
/** The inbound face of a documented API. */
export type DialectName = (typeof DIALECTS)[number];
