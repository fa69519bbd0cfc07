/** Tasks and models in infrai's words. */

import { INSUFFICIENT_CREDIT, type InfraiState, RESOLUTIONS } from '../../wire/infrai.ts';
import type { SandboxModel } from '../models.ts';
import type { SandboxRefusal } from '../refusal.ts';
import { expiresAtMs, faultOf, lookAt, type SandboxState, type SandboxTask } from '../task.ts';

const VENDOR = 'sandbox';
const DAY_MS = 86_400_000;

/** X3: the document lists no words. */
const STATE_OF: Readonly<Record<SandboxState, InfraiState>> = {
  queued: 'queued',
  processing: 'running',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
  expired: 'expired',
};

/** The job's word at a moment. */
export function stateOf(task: SandboxTask, nowMs: number): string {
  const look = lookAt(task, nowMs);
  return look.strangeWord ?? STATE_OF[look.state];
}

/** IN-13, IN-35: neither times nor progress nor cost. */
export function renderJob(task: SandboxTask, at: { nowMs: number; resultUrl: string }) {
  const { state, error } = lookAt(task, at.nowMs);
  const hasResult = state === 'completed' && !faultOf(task, 'no_result');
  return {
    job_id: task.id,
    state: stateOf(task, at.nowMs),
    ...(hasResult && { video_url: at.resultUrl }),
    thumbnail_url: null,
    ...(error !== null && { error: { code: 'GENERATION_FAILED', message: error } }),
  };
}

/** IN-18 */
export function renderDetail(task: SandboxTask, at: { nowMs: number; resultUrl: string }) {
  return {
    ...renderJob(task, at),
    duration_seconds: task.seconds,
    resolution: task.quality,
    vendor: VENDOR,
    model: task.model,
  };
}

/** IN-26 */
export function renderRetention(task: SandboxTask) {
  return { job_id: task.id, retention_days: task.lifetimeMs / DAY_MS, expires_at: expiryOf(task) };
}

/** IN-25: ISO 8601. */
export function expiryOf(task: SandboxTask): string {
  return new Date(expiresAtMs(task)).toISOString();
}

/** IN-30: one vendor has them all. */
export function renderCapabilities(models: readonly SandboxModel[]) {
  const vendor = {
    vendor: VENDOR,
    models: models.map(({ id }) => id),
    resolutions: RESOLUTIONS.filter((resolution) => models.some(({ qualities }) => qualities.includes(resolution))),
    max_duration_seconds: Math.max(...models.map(({ maxSeconds }) => maxSeconds)),
    supports_extend: false,
    supports_upscale: false,
  };
  return { vendors: [vendor] };
}

/** IN-03: the one code that is documented; the others are made like it. */
export function renderRefusal({ status, code, message }: SandboxRefusal) {
  return { error: { code: status === 402 ? INSUFFICIENT_CREDIT : code.toUpperCase(), message } };
}
