/** What a video that was made costs its caller: the upstream's bill, or exactly what was held for it. */

import type { MicroUsd } from './money.ts';
import type { DialectName } from './vendor.ts';

/** X6, X7: a dialect that debits at creation has named its price; the others settle when the video is done. */
const DEBITS_AT_CREATION: Readonly<Record<DialectName, boolean>> = {
  airforce: false,
  'airforce-2024': true,
  infrai: false,
  openai: false,
  a4f: false,
  'ai-gateway': false,
};

/** What a video is settled at. */
export interface VideoBill {
  readonly dialect: DialectName;
  readonly estimateMicroUsd: MicroUsd;
  /** Null where the upstream named no cost. */
  readonly billedMicroUsd: MicroUsd | null;
}

/** The estimate where it was debited at creation (AO-14), else the bill (AF-33), or the estimate without one. */
export function settlementOf({ dialect, estimateMicroUsd, billedMicroUsd }: VideoBill): MicroUsd {
  return DEBITS_AT_CREATION[dialect] ? estimateMicroUsd : (billedMicroUsd ?? estimateMicroUsd);
}
