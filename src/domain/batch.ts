/** A batch: many clips from one manifest, its lines and how each may end. */

import type { MicroUsd } from './money.ts';
import type { DialectName } from './vendor.ts';
import type { VideoDraft } from './video-request.ts';

export const BATCH_STATES = [
  'validating',
  'in_progress',
  'finalizing',
  'cancelling',
  'completed',
  'failed',
  'expired',
  'cancelled',
] as const;
export type BatchState = (typeof BATCH_STATES)[number];

/** A line waits, has its clip under way, or has ended. */
export const LINE_STATES = ['queued', 'running', 'completed', 'failed', 'cancelled', 'expired'] as const;
export type LineState = (typeof LINE_STATES)[number];

/** Why a line never becomes a clip, beside the codes of a create. */
export const INVALID_LINE_CODES = [
  'invalid_json',
  'missing_custom_id',
  'duplicate_custom_id',
  'invalid_url',
  'invalid_line',
] as const;

export interface InvalidLine {
  readonly line: number;
  readonly code: string;
  readonly message: string;
}

/** A clip whose last picture is the first of another: of the same batch, or any of its caller's. */
export type StartFrom = { readonly line: number } | { readonly video: string };

/** A line of a manifest as a create. */
export interface BatchLineDraft {
  readonly line: number;
  readonly customId: string;
  readonly dialect: DialectName;
  readonly draft: VideoDraft;
  readonly startFrom: StartFrom | null;
}

/** What reading a manifest gives, line by line. */
export type ReadLine =
  | { readonly kind: 'create'; readonly create: BatchLineDraft }
  | { readonly kind: 'invalid'; readonly invalid: InvalidLine; readonly customId: string | null }
  /** What is wrong with the manifest itself: nothing comes behind it, and lines before it may not have come. */
  | { readonly kind: 'unreadable'; readonly invalid: InvalidLine };

/** Bounds of a manifest. */
export const MANIFEST_BOUNDS = { bytes: 200 * 1024 * 1024, lines: 50_000, lineBytes: 128 * 1024 } as const;
/** As many bad lines are named. */
export const MOST_NAMED_LINES = 1000;

/** How many lines are bad, by how many of them are named. */
export function countBadLines(named: number): string {
  if (named === 1) return '1 line cannot become a clip';
  return named < MOST_NAMED_LINES ? `${named} lines cannot become clips` : `${named} or more lines cannot become clips`;
}

export const WINDOW_HOURS = { min: 1, max: 7 * 24 } as const;

/** `1h` to `7d` in milliseconds; null for anything else. */
export function windowMs(text: string): number | null {
  const [, digits = '', unit] = /^(\d{1,3})([hd])$/.exec(text) ?? [];
  const hours = Number(digits) * (unit === 'd' ? 24 : 1);
  return digits !== '' && hours >= WINDOW_HOURS.min && hours <= WINDOW_HOURS.max ? hours * 3_600_000 : null;
}

/** The clip of a line: the same one in every run, resume and repeat. */
export function videoIdOfLine(batchId: string, line: number): string {
  return `video_${batchId.slice(batchId.indexOf('_') + 1)}-${line}`;
}

/** What comes next for a batch, as its rows have it. */
export type BatchStep =
  /** Clips are under way: `waitMs` at the latest it is advanced again. */
  | { readonly step: 'wait'; readonly waitMs: number; readonly progress: BatchProgress }
  /** Last pictures of ended clips are needed as first ones of others. */
  | { readonly step: 'pictures'; readonly lines: readonly number[]; readonly progress: BatchProgress }
  | { readonly step: 'write'; readonly progress: BatchProgress }
  | { readonly step: 'ended'; readonly state: BatchState; readonly progress: BatchProgress };

export type BatchCounts = Readonly<Record<LineState, number>>;

export interface BatchProgress {
  readonly counts: BatchCounts;
  readonly costMicroUsd: MicroUsd;
}
