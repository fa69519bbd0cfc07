/** Webhooks in our words: events, their bodies, the schedule of a delivery, and what comes of an attempt. */

import type { EndState } from './video.ts';

/** What endpoints can be told of. */
export const EVENT_TYPES = [
  'video.completed',
  'video.failed',
  'video.cancelled',
  'video.expired',
  'batch.completed',
  'batch.failed',
  'batch.cancelled',
  'batch.expired',
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

/** The event of a video that ended so. */
export const EVENT_OF_END = {
  completed: 'video.completed',
  failed: 'video.failed',
  cancelled: 'video.cancelled',
  expired: 'video.expired',
} as const satisfies Record<EndState, EventType>;

/** Whose words an endpoint's events have: ours, or OpenAI's, which knows no other end of a video than these two. */
export type EventWords = 'own' | 'openai';

/** Whose words a callback has: ours, or the AI SDK's, which is told once of all clips of a job. */
export type CallbackWords = 'own' | 'ai-gateway';

/** What the AI SDK's job came to. */
export type JobStatus = 'completed' | 'failed' | 'cancelled';

/** Clips that were made are paid, so a job with one of them is completed; all have ended. */
export function jobStatusOf(states: readonly EndState[]): JobStatus {
  if (states.includes('completed')) return 'completed';
  return states.every((state) => state === 'cancelled') ? 'cancelled' : 'failed';
}

/** The AI SDK's event of a job that came to this. */
export function jobEvent(jobId: string, status: JobStatus): { readonly type: EventType; readonly body: string } {
  const type = status === 'completed' ? 'video.completed' : 'video.failed';
  return { type, body: JSON.stringify({ type, data: { jobId, status } }) };
}

/** A job by the id of its first video. */
export function jobIdOf(firstVideoId: string): string {
  return firstVideoId.replace(/^video_/, 'job_');
}

/** The video whose end an event tells of, the first one where it is a job; what is no job stays as it is. */
export function videoOfSubject(subjectId: string): string {
  return subjectId.replace(/^job_/, 'video_');
}

/** The same event in OpenAI's words. */
export function inOpenAiWords(type: EventType): EventType {
  return type === 'video.cancelled' || type === 'video.expired' ? 'video.failed' : type;
}

/** The body that is frozen with an event: what is told is read from the thing's own route. */
export function eventBody(event: {
  readonly id: string;
  readonly type: EventType;
  readonly subjectId: string;
  readonly at: Date;
}): string {
  const { id, type, subjectId, at } = event;
  return JSON.stringify({
    id,
    object: 'event',
    created_at: Math.floor(at.getTime() / 1000),
    type,
    timestamp: at.toISOString(),
    data: { id: subjectId },
  });
}

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** How long after the one before each attempt is made. */
const WAITS_MS: readonly number[] = [
  0,
  5 * SECOND_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
];

const JITTER = 0.2;

/** How long the attempt of this number (1 is the first) waits, with jitter by a number from 0 to 1; null after the last. */
export function attemptWaitMs(attempt: number, random: number): number | null {
  const waitMs = WAITS_MS[attempt - 1];
  return waitMs === undefined ? null : Math.round(waitMs * (1 + JITTER * (2 * random - 1)));
}

/** An endpoint at which nothing but failures happened for this long is disabled. */
export const FAILING_LONGEST_MS = 5 * 24 * HOUR_MS;

/** What an attempt came to: delivered or given up, or to be tried again after so long. */
export type AttemptOutcome =
  | { readonly kind: 'over'; readonly end: 'delivered' | 'failed' | 'stopped' }
  | { readonly kind: 'again'; readonly waitMs: number };
