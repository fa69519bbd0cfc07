/** What lists have in common: how many a page holds, and where it goes on. */

import { refuse } from './read-body.ts';

/** A documented page size. */
export interface LimitBounds {
  readonly default: number;
  readonly max: number;
}

/**
 * The page size asked for; the default where there is none.
 * @throws Refusal `invalid_request` for what is not a whole number from 1 to the maximum.
 */
export function readLimit(text: string | undefined, { default: byDefault, max }: LimitBounds): number {
  if (text === undefined || text === '') return byDefault;
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > max) refuse('limit', `must be a whole number from 1 to ${max}`);
  return limit;
}

/** The choice made among documented words; undefined where there is none. */
export function readChoice<Word extends string>(
  param: string,
  text: string | undefined,
  words: readonly Word[],
): Word | undefined {
  if (text === undefined || text === '') return undefined;
  return words.find((word) => word === text) ?? refuse(param, `must be one of ${words.join(', ')}`);
}
