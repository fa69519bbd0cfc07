/** Tasks and errors in the words of OpenAI's `/v1/videos`. */

import { sizeOf } from '../../domain/frame.ts';
import { centsFromMicroUsd } from '../../domain/money.ts';
import type { OpenaiStatus } from '../../wire/openai/videos.ts';
import type { SandboxRefusal } from '../refusal.ts';
import { endsAtMs, expiresAtMs, lookAt, type SandboxState, type SandboxTask, type TaskLook } from '../task.ts';

/** X3: there is no word for a video that was never finished. */
const STATUS_OF: Readonly<Record<SandboxState, OpenaiStatus>> = {
  queued: 'queued',
  processing: 'in_progress',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'failed',
  expired: 'failed',
};

const FAILURE_CODES: Readonly<Partial<Record<SandboxState, string>>> = {
  failed: 'generation_failed',
  cancelled: 'cancelled',
  expired: 'expired',
};

function unixSeconds(timeMs: number): number {
  return Math.floor(timeMs / 1000);
}

function errorOf({ state, error }: TaskLook) {
  const code = FAILURE_CODES[state];
  return code === undefined ? null : { code, message: error ?? `the video is ${state}` };
}

/** OV-14 to OV-21, contract 3.3; `cost_cents` is an addition, as gateways make it. */
export function renderVideo(task: SandboxTask, nowMs: number) {
  const look = lookAt(task, nowMs);
  return {
    id: task.id,
    object: 'video',
    model: task.model,
    status: look.strangeWord ?? STATUS_OF[look.state],
    progress: look.progress,
    created_at: unixSeconds(task.createdAtMs),
    completed_at: look.state === 'completed' ? unixSeconds(endsAtMs(task)) : null,
    expires_at: unixSeconds(expiresAtMs(task)),
    error: errorOf(look),
    prompt: task.prompt,
    remixed_from_video_id: task.request['remixed_from_video_id'] ?? null,
    seconds: String(task.seconds),
    size: sizeOf(task) ?? null,
    cost_cents: centsFromMicroUsd(look.costMicroUsd),
  };
}

const TYPE_OF_STATUS: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  402: 'insufficient_quota',
  403: 'permission_error',
  429: 'rate_limit_error',
};
const CODE_OF_STATUS: Readonly<Record<number, string>> = { 401: 'invalid_api_key', 429: 'rate_limit_exceeded' };
/** The fields that are called otherwise here than in a clip of any API. */
const PARAM_OF_FIELD: Readonly<Partial<Record<string, string>>> = {
  aspectRatio: 'size',
  quality: 'size',
  images: 'input_reference',
  mode: 'input_reference',
};

/** Contract, 3.4; OV-23. */
export function renderRefusal({ status, code, message, field }: SandboxRefusal) {
  const usualType = status >= 500 ? 'server_error' : 'invalid_request_error';
  const param = field === undefined ? null : (PARAM_OF_FIELD[field] ?? field);
  const error = { message, type: TYPE_OF_STATUS[status] ?? usualType, param, code: CODE_OF_STATUS[status] ?? code };
  return { error };
}
