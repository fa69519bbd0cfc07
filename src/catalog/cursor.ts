/** Opaque cursors of lists that are ordered by time, newest first. */

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
