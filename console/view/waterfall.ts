/** The life of a video to scale: what it did from when to when, when it was polled, and who was told of its end. */

import type { Delivery, Video } from '../answers.ts';
import { counted, duration } from './format.ts';

export interface Stretch {
  readonly kind: 'waiting' | 'submitting' | 'generating' | 'archiving' | 'telling';
  readonly title: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** Still goes on. */
  readonly isOpen: boolean;
  readonly detail: string | null;
  /** When something was done in it, each once. */
  readonly marksMs: readonly number[];
}

export interface Waterfall {
  readonly startMs: number;
  /** Deliveries may go on behind it: those that are repeated for days would leave nothing of the rest to see. */
  readonly endMs: number;
  readonly stretches: readonly Stretch[];
}

/** How much of the scale deliveries take at most, as a part of the life before them. */
const MOST_FOR_DELIVERIES = 0.5;

const at = (iso: string | null) => (iso === null ? null : Date.parse(iso));

/** As far as it has come; what never began has no stretch. */
export function waterfallOf(video: Video, nowMs: number, deliveries: readonly Delivery[] = []): Waterfall {
  const startMs = Date.parse(video.createdAt);
  const endedMs = at(video.endedAt);
  const lifeEndMs = Math.max(endedMs ?? nowMs, startMs);
  const submittedMs = at(video.submittedAt);
  const generatedMs = at(video.generatedAt);
  const lastSentMs = at(video.sentAt);
  // Behind the begin of its task it was the create of another one.
  const sentMs = lastSentMs !== null && lastSentMs < (submittedMs ?? Number.POSITIVE_INFINITY) ? lastSentMs : null;
  const steps = [
    { kind: 'waiting', title: 'Waiting for a slot', fromMs: startMs, nextMs: sentMs ?? submittedMs },
    { kind: 'submitting', title: 'Submitting', fromMs: sentMs, nextMs: submittedMs },
    { kind: 'generating', title: 'Generating', fromMs: submittedMs, nextMs: generatedMs },
    { kind: 'archiving', title: 'Archiving', fromMs: generatedMs, nextMs: endedMs },
  ] as const;
  const life = steps.flatMap(({ kind, title, fromMs, nextMs }): Stretch[] => {
    if (fromMs === null) return [];
    const toMs = Math.max(fromMs, nextMs ?? lifeEndMs);
    const isOpen = nextMs === null && endedMs === null;
    const polls = kind === 'generating' ? pollsOf(video, fromMs, toMs) : { detail: null, marksMs: [] };
    return [{ kind, title, fromMs, toMs, isOpen, ...polls }];
  });
  const told = toldOf(deliveries, nowMs);
  const lastMs = told === null ? lifeEndMs : lifeEndMs + (lifeEndMs - startMs) * MOST_FOR_DELIVERIES;
  return {
    startMs,
    endMs: told === null ? lifeEndMs : Math.max(lifeEndMs, Math.min(told.toMs, lastMs)),
    stretches: told === null ? life : [...life, told],
  };
}

function pollsOf({ polls: all, createdAt, pollOffsetsMs }: Video, fromMs: number, toMs: number) {
  const startMs = Date.parse(createdAt);
  const marksMs = pollOffsetsMs.map((offsetMs) => startMs + offsetMs).filter((ms) => ms >= fromMs && ms <= toMs);
  const each = pollOffsetsMs.length === 0 ? 1 : Math.round(all / pollOffsetsMs.length);
  // A task that goes on after its video was cancelled is polled on.
  const polls = pollOffsetsMs.length === 0 ? all : Math.round((all * marksMs.length) / pollOffsetsMs.length);
  const words = polls <= 1 ? counted(polls, 'poll') : `${polls} polls, one each ${duration((toMs - fromMs) / polls)}`;
  const detail = `${words}${each > 1 ? `, ${each} a mark` : ''}`;
  return { detail: polls === 0 ? null : detail, marksMs };
}

/** From the first delivery's begin to the end of the last; null where none is. */
function toldOf(deliveries: readonly Delivery[], nowMs: number): Stretch | null {
  if (deliveries.length === 0) return null;
  const isOpen = deliveries.some(({ endedAt }) => endedAt === null);
  const fromMs = Math.min(...deliveries.map(({ createdAt }) => Date.parse(createdAt)));
  const toMs = Math.max(fromMs, ...deliveries.map(({ endedAt }) => at(endedAt) ?? nowMs));
  const delivered = deliveries.filter(({ state }) => state === 'delivered').length;
  const attempts = deliveries.reduce((sum, each) => sum + each.attempts, 0);
  const detail = `${delivered} of ${counted(deliveries.length, 'delivery', 'deliveries')}, ${counted(attempts, 'attempt')}`;
  return { kind: 'telling', title: 'Telling webhooks', fromMs, toMs, isOpen, detail, marksMs: [] };
}

/** Where round times stand below the bars: five of them at most. */
export function ticksOf({ startMs, endMs }: Waterfall): readonly { readonly part: number; readonly label: string }[] {
  const spanMs = endMs - startMs;
  if (spanMs <= 0) return [];
  const steps = [100, 200, 500, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21_600, 43_200, 86_400];
  const stepMs =
    steps.map((step, index) => (index < 3 ? step : step * 1000)).find((step) => spanMs / step <= 5) ?? spanMs / 4;
  const count = Math.floor(spanMs / stepMs);
  return Array.from({ length: count + 1 }, (_, index) => ({
    part: (index * stepMs) / spanMs,
    label: index === 0 ? '0' : shortTime(index * stepMs),
  }));
}

function shortTime(ms: number): string {
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60_000) return `${ms / 1000} s`;
  return duration(ms);
}
