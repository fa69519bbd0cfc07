/** Money as integer micro-dollars, its conversions from and to the documents' cents, and how people read it. */

/** Integer micro-dollars: 1,000,000 is one US dollar. */
export type MicroUsd = number;

const MICRO_USD_PER_CENT = 10_000;

/** Cents (fractions allowed, as upstreams print them) to whole micro-dollars, rounded half up. */
export function microUsdFromCents(cents: number): MicroUsd {
  return Math.round(cents * MICRO_USD_PER_CENT);
}

/** Micro-dollars to cents; exact, so it may be fractional. */
export function centsFromMicroUsd(amountMicroUsd: MicroUsd): number {
  return amountMicroUsd / MICRO_USD_PER_CENT;
}

/** In dollars for people: exact, with two decimals or as many as it takes. */
export function dollarsOf(amountMicroUsd: MicroUsd): string {
  const [whole = '0', decimals = ''] = Math.abs(amountMicroUsd / 1_000_000)
    .toFixed(6)
    .split('.');
  const fraction = decimals.replace(/0+$/, '').padEnd(2, '0');
  return `${amountMicroUsd < 0 ? '-' : ''}$${whole}.${fraction}`;
}

/** The most that may be settled without review: a bill above this multiple of the estimate is held. */
const SETTLE_CAP_FACTOR = 3;

/** Whether an upstream bill may be settled at once, or must wait for an operator's decision. */
export function needsReview(billedMicroUsd: MicroUsd, estimateMicroUsd: MicroUsd): boolean {
  return billedMicroUsd > estimateMicroUsd * SETTLE_CAP_FACTOR;
}
