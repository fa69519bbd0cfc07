/** Lists that are read page by page in order of time, and the opaque cursors that lead from one page to the next. */

import { type SQL, sql } from 'drizzle-orm';
import type { AnyPgColumn } from 'drizzle-orm/pg-core';
import { Refusal } from '../domain/failure.ts';

/** The last row of a page. */
export interface Position {
  readonly at: Date;
  readonly id: string;
}

const CURSOR = /^(\d{1,15}) ([A-Za-z0-9_-]{1,64})$/;
/** The end of the year 9999: later ones are not written as the database reads them. */
const LATEST_MS = 253_402_300_799_999;

/** A cursor for the page after this row. */
export function encodeCursor({ at, id }: Position): string {
  return Buffer.from(`${at.getTime()} ${id}`).toString('base64url');
}

/**
 * Where the page before ended.
 * @throws Refusal `invalid_request` for what is not a cursor.
 */
export function decodeCursor(cursor: string): Position {
  const [, time, id] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  const at = new Date(Number(time));
  if (id === undefined || at.getTime() > LATEST_MS) {
    throw new Refusal('invalid_request', 'the cursor is not one that was given out', { param: 'cursor' });
  }
  return { at, id };
}

/** The rows behind this one, in a list by these columns that begins with the newest or with the oldest. */
export function isBehind(
  columns: Readonly<Record<keyof Position, AnyPgColumn>>,
  { at, id }: Position,
  first: 'newest' | 'oldest' = 'newest',
): SQL {
  const isFurther = sql.raw(first === 'newest' ? '<' : '>');
  return sql`(${columns.at}, ${columns.id}) ${isFurther} (${at.toISOString()}::timestamptz, ${id})`;
}

/** A page of a list, and the cursor of the next one; null where there is none. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}

/** The page of rows that were read with one more than its limit, which tells whether another follows. */
export function cutPage<Item>(rows: readonly Item[], limit: number, cursorOf: (last: Item) => string): Page<Item> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: rows.length > limit && last !== undefined ? cursorOf(last) : null };
}
