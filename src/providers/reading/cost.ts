/** What a task cost, where an answer tells it in money. */

import type { JsonObject } from '../../domain/json.ts';
import { type MicroUsd, microUsdFromCents } from '../../domain/money.ts';
import { at, firstOf, numberOf, textOf } from './fields.ts';

const CENTS_PER_DOLLAR = 100;
/** xAI's unit: 1e10 of them are a dollar. */
const TICKS_PER_CENT = 1e8;

/** Beyond a million dollars it is no clip's cost. */
const MOST_MICRO_USD = 1e12;

/** Where a cost stands, and in what: AF-26, AF-33 first, then what others add to theirs. */
const COSTS: readonly { readonly path: string; readonly perCent: number }[] = [
  { path: 'cost_cents', perCent: 1 },
  { path: 'usage.cost', perCent: 1 / CENTS_PER_DOLLAR },
  { path: 'usage.cost_in_usd_ticks', perCent: TICKS_PER_CENT },
  { path: 'cost_in_usd_ticks', perCent: TICKS_PER_CENT },
  { path: 'outputs.cost', perCent: 1 / CENTS_PER_DOLLAR },
];

/** An amount, of whose unit so many are a cent; undefined for what is no clip's cost. */
export function amountOf(value: unknown, perCent: number): MicroUsd | undefined {
  const amount = numberOf(value);
  const microUsd = amount === undefined || amount < 0 ? undefined : microUsdFromCents(amount / perCent);
  return microUsd !== undefined && microUsd <= MOST_MICRO_USD ? microUsd : undefined;
}

/** Null where a task shows no cost. An undocumented field that says nothing was charged is not taken at its word. */
export function costOf(task: JsonObject): MicroUsd | null {
  const currency = textOf(at(task, 'usage.currency')) ?? 'USD';
  const cost = firstOf(COSTS, ({ path, perCent }) => {
    const amount = at(task, path);
    if (numberOf(amount) === 0 && path !== 'cost_cents') return undefined;
    if (path === 'usage.cost' && currency.toUpperCase() !== 'USD') return undefined;
    return amountOf(amount, perCent);
  });
  return cost ?? null;
}
