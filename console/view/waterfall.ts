/** The life of a video to scale: what it did from when to when. */

import type { Video } from '../answers.ts';
import { duration } from './format.ts';

export interface Stretch {
  readonly kind: 'waiting' | 'generating' | 'archiving';
  readonly title: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** Still goes on. */
  readonly isOpen: boolean;
  readonly detail: string | null;
}

export interface Waterfall {
  readonly startMs: number;
  readonly endMs: number;
  readonly stretches: readonly Stretch[];
}

const at = (iso: string | null) => (iso === null ? null : Date.parse(iso));

/** As far as it has come; what never began has no stretch. */
export function waterfallOf(video: Video, nowMs: number): Waterfall {
  const startMs = Date.parse(video.createdAt);
  const endedMs = at(video.endedAt);
  const endMs = Math.max(endedMs ?? nowMs, startMs);
  const submittedMs = at(video.submittedAt);
  const generatedMs = at(video.generatedAt);
  const marks = [
    { kind: 'waiting', title: 'Waiting for a slot', fromMs: startMs, nextMs: submittedMs },
    { kind: 'generating', title: 'Generating', fromMs: submittedMs, nextMs: generatedMs },
    { kind: 'archiving', title: 'Archiving', fromMs: generatedMs, nextMs: endedMs },
  ] as const;
  const stretches = marks.flatMap(({ kind, title, fromMs, nextMs }): Stretch[] => {
    if (fromMs === null) return [];
    const toMs = Math.max(fromMs, nextMs ?? endMs);
    const isOpen = nextMs === null && endedMs === null;
    return [
      { kind, title, fromMs, toMs, isOpen, detail: kind === 'generating' ? pollsOf(video, toMs - fromMs) : null },
    ];
  });
  return { startMs, endMs, stretches };
}

function pollsOf({ polls }: Video, ms: number): string | null {
  if (polls === 0) return null;
  return polls === 1 ? '1 poll' : `${polls} polls, one each ${duration(ms / polls)}`;
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
