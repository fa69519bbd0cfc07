/** What becomes of a create whose answer was lost: one judge for upstreams with a list, with a key, and with neither. */

import type { ListedTask, Sighting } from './adoption.ts';

/** How far apart the lists must be that together show that there is no task; the numbers are the provider's data. */
export interface AdoptionWindow {
  /** Where the upstream answered the create, if without a task. */
  readonly answeredMs: number;
  /** Where nothing was heard of it. */
  readonly unansweredMs: number;
}

/** The budget of a doubt as the rows have it; instants are milliseconds of the catalog's clock. */
export interface Doubt {
  readonly nowMs: number;
  readonly sentAtMs: number;
  /** No create can still be on its way after this. */
  readonly sendUntilMs: number;
  /** Whether an attempt may still write its answer down. */
  readonly isSending: boolean;
  /** Whether the upstream answered the create at all (a 5xx is an answer, a reset is not). */
  readonly answered: boolean;
  /** Creates of the video whose answers were lost, this one among them. */
  readonly lostCreates: number;
  /** The video has its end, or is to have it: nothing is sent for it any more. */
  readonly isOver: boolean;
  /** When the clip would be of no use to its caller any more. */
  readonly expiresAtMs: number;
}

/** What an account lets us find out. */
export type Evidence =
  | (Sighting & {
      readonly kind: 'list';
      /** It has shown a task of ours: only then does it prove absence. */
      readonly isProven: boolean;
      /** When the first list after `sendUntilMs` found nothing; null before that. */
      readonly firstEmptyListAtMs: number | null;
      readonly window: AdoptionWindow;
    })
  | { readonly kind: 'unreadable list'; readonly sinceMs: number }
  /** A create with the same key is the same create. */
  | { readonly kind: 'key' }
  | {
      readonly kind: 'nothing';
      readonly onLostAnswer: 'fail' | 'resubmit';
      /** How long the slot stays taken, from `sinceMs` on. */
      readonly holdMs: number;
      readonly sinceMs: number | null;
    };

export type Verdict =
  | { readonly kind: 'adopt'; readonly taskId: string }
  | { readonly kind: 'wait'; readonly afterMs: number; readonly reason: DoubtReason }
  /** The same create is to be sent again, under its key. */
  | { readonly kind: 'ask again' }
  /** No task was made; `isCertain` where that is proven, else it may have been billed. */
  | { readonly kind: 'not made'; readonly resendAfterMs: number; readonly isCertain: boolean }
  /** Neither adopted nor sent again: the video fails with `answer_lost`. `isCertain` as above. */
  | { readonly kind: 'give up'; readonly reason: keyof typeof GIVEN_UP; readonly isCertain: boolean };

/** Why a doubt lasts, in words for the caller who waits. */
export const DOUBT_REASONS = {
  'still answered': 'the create may still be answered',
  'not listed': 'the answer to the create was lost, and the account’s list does not show its task so far',
  'list unreadable': 'the answer to the create was lost, and the account’s list cannot be read',
  'asked again': 'the answer to the create was lost, and it is sent again under the same key',
  held: 'the answer to the create was lost, and nothing tells whether a task was made',
} as const;
export type DoubtReason = keyof typeof DOUBT_REASONS;

/** Why a doubt ends its video. */
export const GIVEN_UP = {
  ambiguous: 'the answer to the create was lost, and more than one task of the account can be its own',
  'lost again': 'the answers to all creates were lost, and none of them made a task that the account’s list shows',
  untold: 'the answer to the create was lost, and nothing tells whether it made a task',
  'too late': 'the answer to the create was lost, and the time of the video ran out before it was found',
} as const;

/** A create is sent again after these waits, one for each answer that was lost. */
const RESEND_WAITS_MS = [5_000, 30_000, 120_000, 600_000] as const;

/** A list that has never shown a task of ours is believed once. */
const UNPROVEN_RESENDS = 1;

/** What an attempt that is still sending may take to write its answer down. */
export const WRITE_DOWN_MS = 1000;

/** After so long a list that cannot be read counts as none. */
export const UNREADABLE_LIST_MS = 120_000;

/** A doubt keeps its account's lane for so long; then others go on beside it. */
export const LANE_MS = 90_000;

/** No document says how long a key is remembered; half a day is what others promise at the least. */
const KEY_LIVES_MS = 12 * 60 * 60_000;

/** Waits grow with the age of the doubt, within these bounds. */
const KEY_WAITS = { shortestMs: 1000, longestMs: 5 * 60_000 } as const;
const LIST_WAITS = { shortestMs: 5000, longestMs: 30_000 } as const;

function pacedMs(
  ageMs: number,
  { shortestMs, longestMs }: { readonly shortestMs: number; readonly longestMs: number },
) {
  return Math.min(Math.max(ageMs, shortestMs), longestMs);
}

/** Judges what is known of a doubt; every doubt comes to an end. */
export function judge(doubt: Doubt, evidence: Evidence): Verdict {
  if (evidence.kind === 'list' && evidence.candidates.length === 1) {
    const [task] = evidence.candidates as readonly [ListedTask];
    return { kind: 'adopt', taskId: task.taskId };
  }
  const verdict = decide(doubt, evidence);
  if (verdict.kind === 'wait' || verdict.kind === 'adopt') return verdict;
  const { nowMs, sendUntilMs, isSending, expiresAtMs } = doubt;
  const writeDownMs = isSending ? sendUntilMs + WRITE_DOWN_MS - nowMs : 0;
  // An attempt that is still sending knows more than anything that can be read; to ask again harms it not.
  if (writeDownMs > 0 && verdict.kind !== 'ask again') {
    return { kind: 'wait', afterMs: writeDownMs, reason: 'still answered' };
  }
  const isCreated = verdict.kind === 'ask again' || (verdict.kind === 'not made' && !doubt.isOver);
  if (isCreated && nowMs >= expiresAtMs) {
    return { kind: 'give up', reason: 'too late', isCertain: verdict.kind === 'not made' && verdict.isCertain };
  }
  return verdict;
}

function decide(doubt: Doubt, evidence: Evidence): Verdict {
  switch (evidence.kind) {
    case 'list':
      return readFromList(doubt, evidence);
    case 'unreadable list': {
      const leftMs = evidence.sinceMs + UNREADABLE_LIST_MS - doubt.nowMs;
      const afterMs = Math.min(pacedMs(doubt.nowMs - evidence.sinceMs, LIST_WAITS), Math.max(leftMs, 1));
      return { kind: 'wait', afterMs, reason: 'list unreadable' };
    }
    case 'key': {
      const ageMs = doubt.nowMs - doubt.sentAtMs;
      if (ageMs > KEY_LIVES_MS) return { kind: 'give up', reason: 'untold', isCertain: false };
      return { kind: 'ask again' };
    }
    case 'nothing': {
      const leftMs = (evidence.sinceMs ?? doubt.nowMs) + evidence.holdMs - doubt.nowMs;
      if (leftMs > 0) return { kind: 'wait', afterMs: leftMs, reason: 'held' };
      const isResent = evidence.onLostAnswer === 'resubmit' && doubt.lostCreates <= RESEND_WAITS_MS.length;
      if (isResent && !doubt.isOver) return { kind: 'not made', resendAfterMs: 0, isCertain: false };
      return { kind: 'give up', reason: 'untold', isCertain: false };
    }
  }
}

/** How long to wait before a create is sent again under its key; a hint counts within the bounds, as any wait does. */
export function askAgainAfterMs({ nowMs, sentAtMs }: Pick<Doubt, 'nowMs' | 'sentAtMs'>, retryAfterMs = 0): number {
  return pacedMs(Math.max(nowMs - sentAtMs, retryAfterMs), KEY_WAITS);
}

function readFromList(doubt: Doubt, evidence: Extract<Evidence, { kind: 'list' }>): Verdict {
  const { candidates, strangers, window, firstEmptyListAtMs, isProven } = evidence;
  const { nowMs, sendUntilMs, answered, lostCreates } = doubt;
  if (candidates.length > 1) return { kind: 'give up', reason: 'ambiguous', isCertain: false };
  const windowMs = answered ? window.answeredMs : window.unansweredMs;
  const wait = (afterMs: number): Verdict => ({ kind: 'wait', afterMs, reason: 'not listed' });
  if (!answered && nowMs < sendUntilMs) return wait(Math.min(sendUntilMs - nowMs, window.answeredMs));
  if (firstEmptyListAtMs === null) return wait(windowMs);
  const waitedMs = nowMs - firstEmptyListAtMs;
  if (waitedMs < windowMs) return wait(windowMs - waitedMs);
  // A task that no submission has may be this one after all, under words that its upstream has changed.
  if (strangers.length > 0) return { kind: 'give up', reason: 'ambiguous', isCertain: false };
  const resends = isProven ? RESEND_WAITS_MS.length : UNPROVEN_RESENDS;
  if (lostCreates > resends) return { kind: 'give up', reason: 'lost again', isCertain: isProven };
  return { kind: 'not made', resendAfterMs: RESEND_WAITS_MS[lostCreates - 1] ?? 0, isCertain: isProven };
}
