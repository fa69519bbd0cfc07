/** What a task cost, where a description says that an answer tells it. */

import type { MicroUsd } from '../../domain/money.ts';
import type { Description } from '../../wire/description.ts';
import { amountOf } from '../reading/cost.ts';
import { firstAt } from './pointer.ts';

/** How many of each unit are a cent. */
const PER_CENT = { usd: 0.01, cent: 1, microUsd: 10_000, usdTick: 1e8 } as const;

/** Null where an answer, or an entry of a list, shows no cost. */
export function costAt({ status: { cost } }: Description, answer: unknown): MicroUsd | null {
  return (cost && firstAt(answer, cost.at, (value) => amountOf(value, PER_CENT[cost.unit]))) ?? null;
}
