/** What a follower of changes has been told: a set of transactions, written as PostgreSQL writes a snapshot. */

import { isVideoId } from './video.ts';

/** All transactions below `end` but the missing ones, which rise. */
export interface Seen {
  readonly end: bigint;
  readonly missing: readonly bigint[];
}

/**
 * Where a follower is: what it has seen, and what besides, where it stands in the midst of it. A transaction may change
 * several videos, told by their ids; before any change come the videos as they are, by theirs.
 */
export interface Position {
  readonly seen: Seen;
  readonly within?: { readonly transaction: bigint; readonly videoId: string };
  /** Of the videos as they are this was the last one told; null where the first one is still to be. */
  readonly shownTo?: string | null;
}

/** One change in the order in which they are told: by transaction, then by video. */
export interface ChangePlace {
  readonly transaction: bigint;
  readonly videoId: string;
  /** No other change of its transaction follows. */
  readonly isLast: boolean;
}

export function includes({ end, missing }: Seen, transaction: bigint): boolean {
  return transaction < end && !missing.includes(transaction);
}

/** Whether a change has been told at this position. */
export function isTold({ seen, within }: Position, { transaction, videoId }: Omit<ChangePlace, 'isLast'>): boolean {
  return includes(seen, transaction) || (within?.transaction === transaction && videoId <= within.videoId);
}

/** What either has seen. */
export function union(one: Seen, other: Seen): Seen {
  const missing = [...new Set([...one.missing, ...other.missing])]
    .filter((transaction) => !includes(one, transaction) && !includes(other, transaction))
    .sort((a, b) => (a < b ? -1 : 1));
  const isFurther = one.end > other.end;
  return { end: isFurther ? one.end : other.end, missing };
}

/** The position after a change that was read at `read`, in order, from `from` on. */
export function after(from: Position, read: Seen, { transaction, videoId, isLast }: ChangePlace): Position {
  // What that reading could see up to here has been told, or had been before.
  const end = isLast ? transaction + 1n : transaction;
  const told = { end, missing: read.missing.filter((missing) => missing < end) };
  return move(from, { seen: told, ...(!isLast && { within: { transaction, videoId } }) });
}

/** A position beyond both. */
export function move(from: Position, to: Position): Position {
  const seen = union(from.seen, to.seen);
  const within = [to.within, from.within].find((each) => each && !includes(seen, each.transaction));
  return { seen, ...(within && { within }) };
}

/** As the catalog reads it. */
export function printSeen({ end, missing }: Seen): string {
  return `${missing[0] ?? end}:${end}:${missing.join(',')}`;
}

const SNAPSHOT = /^(\d{1,19}):(\d{1,19}):((?:\d{1,19},)*\d{1,19})?$/;

/** Null for what is none. */
export function parseSeen(text: string): Seen | null {
  const [, first = '', last = '', listed] = SNAPSHOT.exec(text) ?? [];
  if (last === '') return null;
  const [start, end] = [BigInt(first), BigInt(last)];
  const missing = listed === undefined ? [] : listed.split(',').map(BigInt);
  const isOrdered = missing.every((each, index) => {
    return each >= start && each < end && (index === 0 || each > (missing[index - 1] ?? each));
  });
  return start > 0n && start <= end && isOrdered ? { end, missing } : null;
}

/** The id of the event that a follower was told last; it goes on from there. */
export function printPosition({ seen, within, shownTo }: Position): string {
  const text = printSeen(seen);
  if (within !== undefined) return `${text}/${within.transaction}/${within.videoId}`;
  return typeof shownTo === 'string' ? `${text}+${shownTo}` : text;
}

const POSITION = /^([\d:,]+)(?:\/(\d{1,19})\/([^/]+)|\+(.+))?$/;
/** Each connection of the catalog may be in the midst of one transaction. */
const LONGEST_POSITION = 8192;

/** Null for what is none. */
export function parsePosition(text: string): Position | null {
  const [, snapshot = '', transaction, videoId, shownTo] =
    text.length > LONGEST_POSITION ? [] : (POSITION.exec(text) ?? []);
  const seen = parseSeen(snapshot);
  const named = videoId ?? shownTo;
  if (seen === null || (named !== undefined && !isVideoId(named))) return null;
  if (transaction !== undefined && videoId !== undefined) {
    return { seen, within: { transaction: BigInt(transaction), videoId } };
  }
  return { seen, ...(shownTo !== undefined && { shownTo }) };
}
