/** The parameters of lists: how many entries, and behind which one. */

import { SandboxRefusal } from './refusal.ts';

interface Limits {
  readonly default: number;
  readonly max: number;
}

/** A list's `limit`. */
export function readLimit(value: unknown, { default: usual, max }: Limits): number {
  if (value === undefined) return usual;
  const limit = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : 0;
  if (limit >= 1 && limit <= max) return limit;
  throw new SandboxRefusal(400, 'invalid_request', `limit must be a whole number from 1 to ${max}`, { field: 'limit' });
}

/** A page of a list that goes on behind `after`, an entry's id. */
export function pageAfter<T extends { readonly id: string }>(
  entries: readonly T[],
  { after, limit, field }: { after: string | undefined; limit: number; field: string },
): { page: readonly T[]; hasMore: boolean } {
  const at = after === undefined ? -1 : entries.findIndex(({ id }) => id === after);
  if (after !== undefined && at === -1) {
    throw new SandboxRefusal(400, 'invalid_request', `${field} names no entry of the list`, { field });
  }
  const rest = entries.slice(at + 1);
  return { page: rest.slice(0, limit), hasMore: rest.length > limit };
}
