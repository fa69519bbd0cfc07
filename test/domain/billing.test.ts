/** What a made video costs its caller, by dialect. */

import { settlementOf } from '../../src/domain/billing.ts';

test.each([
  ['airforce', 2_855_000, 2_855_000],
  ['airforce', null, 3_200_000],
  ['airforce-2024', 2_855_000, 3_200_000],
  ['airforce-2024', 9_999_999_999, 3_200_000],
  ['airforce-2024', null, 3_200_000],
] as const)('%s settles a bill of %s at %s (AF-33, AO-14, X7)', (dialect, billedMicroUsd, settledMicroUsd) => {
  expect(settlementOf({ dialect, estimateMicroUsd: 3_200_000, billedMicroUsd })).toBe(settledMicroUsd);
});
