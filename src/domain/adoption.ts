/** How a task whose create answer was lost is found again in its account's list, and what may be concluded. */

import type { VideoRequest } from './video-request.ts';

/** A task as an account's list shows it; what the list leaves out is undefined. */
export interface ListedTask {
  readonly taskId: string;
  /** By the upstream's clock; where the list shows no time, a task is nobody's candidate. */
  readonly createdAtMs: number | undefined;
  readonly model?: string | undefined;
  readonly prompt?: string | undefined;
  readonly durationSeconds?: number | undefined;
}

/** The create whose answer was lost. */
export interface LostCreate {
  readonly upstreamModel: string;
  readonly request: VideoRequest;
  /** When it was sent, by the upstream's clock: our clock corrected by the `Date` of the upstream's answers. */
  readonly sentAtMs: number;
}

/** The lists print whole seconds, so a task may seem to be up to a second older than its create. */
const CLOCK_GRAIN_MS = 1000;

/** Whether a listed task can be the lost create's: not older, and equal in every field the list shows. */
export function isCandidate(task: ListedTask, lost: LostCreate): boolean {
  const agrees = (shown: string | number | undefined, asked: string | number) => shown === undefined || shown === asked;
  return (
    task.createdAtMs !== undefined &&
    task.createdAtMs >= lost.sentAtMs - CLOCK_GRAIN_MS &&
    agrees(task.model, lost.upstreamModel) &&
    agrees(task.durationSeconds, lost.request.durationSeconds) &&
    agrees(task.prompt, lost.request.prompt)
  );
}

/** What is known when a list has been read. */
export interface Inspection {
  /** Unclaimed tasks that can be the lost create's. */
  readonly candidates: readonly ListedTask[];
  /** Whether the upstream answered the create at all (a 5xx is an answer, a reset is not). */
  readonly answered: boolean;
  /** No create can still be on its way after this. */
  readonly sendUntilMs: number;
  /** When the first list after `sendUntilMs` found nothing; null before that. */
  readonly firstEmptyListAtMs: number | null;
  readonly nowMs: number;
}

export type Verdict =
  | { readonly kind: 'adopt'; readonly taskId: string }
  | { readonly kind: 'ambiguous' }
  | { readonly kind: 'not created' }
  | { readonly kind: 'look again'; readonly afterMs: number };

/** How far apart the lists must be that together prove there is no task. */
export interface AdoptionWindow {
  readonly answeredMs: number;
  readonly unansweredMs: number;
}

/** Judges one reading of the list; numbers are the provider's data. */
export function judge(inspection: Inspection, window: AdoptionWindow): Verdict {
  const { candidates, nowMs, sendUntilMs, firstEmptyListAtMs } = inspection;
  const [candidate, ...others] = candidates;
  if (others.length > 0) return { kind: 'ambiguous' };
  if (candidate) return { kind: 'adopt', taskId: candidate.taskId };
  const windowMs = inspection.answered ? window.answeredMs : window.unansweredMs;
  if (!inspection.answered && nowMs < sendUntilMs) {
    return { kind: 'look again', afterMs: Math.min(sendUntilMs - nowMs, window.answeredMs) };
  }
  if (firstEmptyListAtMs === null) return { kind: 'look again', afterMs: windowMs };
  const waitedMs = nowMs - firstEmptyListAtMs;
  return waitedMs >= windowMs ? { kind: 'not created' } : { kind: 'look again', afterMs: windowMs - waitedMs };
}
