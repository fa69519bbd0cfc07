/** Cents to micro-dollars and back, and which bills wait for a review. */

import { assert, integer, property } from 'fast-check';
import { centsFromMicroUsd, microUsdFromCents, needsReview } from '../../src/domain/money.ts';

describe('money', () => {
  test('comes out of cents as whole micro-dollars', () => {
    expect([320, 0.1, 0.29, 1.005, 0].map(microUsdFromCents)).toEqual([3_200_000, 1000, 2900, 10_050, 0]);
  });

  test('survives the way to cents and back', async () => {
    await assert(
      property(integer({ min: 0, max: 1_000_000_000_000 }), (amountMicroUsd) => {
        expect(microUsdFromCents(centsFromMicroUsd(amountMicroUsd))).toBe(amountMicroUsd);
      }),
    );
  });

  test('is reviewed above three times the estimate', () => {
    expect(needsReview(3_000_000, 1_000_000)).toBe(false);
    expect(needsReview(3_000_001, 1_000_000)).toBe(true);
    expect(needsReview(1, 0)).toBe(true);
  });
});
