/** What a task cost, where a description says that an answer tells it. */

import { type MicroUsd, microUsdFromCents } from '../../domain/money.ts';
import type { Description } from '../../wire/description.ts';
import { numberOf } from '../reading/fields.ts';
import { firstAt } from './pointer.ts';

/** How many of each unit are a cent. */
const PER_CENT = { usd: 0.01, cent: 1, microUsd: 10_000, usdTick: 1e8 } as const;

/** Beyond a million dollars it is no clip's cost. */
const MOST_MICRO_USD = 1e12;

/** Null where an answer, or an entry of a list, shows no cost. */
export function costAt({ status: { cost } }: Description, answer: unknown): MicroUsd | null {
  const found =
    cost &&
    firstAt(answer, cost.at, (value) => {
      const amount = numberOf(value);
      const microUsd = amount === undefined || amount < 0 ? undefined : microUsdFromCents(amount / PER_CENT[cost.unit]);
      return microUsd !== undefined && microUsd <= MOST_MICRO_USD ? microUsd : undefined;
    });
  return found ?? null;
}
