/** Tasks and models in the airforce revision's words. */

import { centsFromMicroUsd } from '../../domain/money.ts';
import type { SandboxModel } from '../models.ts';
import { expiresAtMs, faultOf, lookAt, type SandboxTask } from '../task.ts';

function unixSeconds(timeMs: number): number {
  return Math.floor(timeMs / 1000);
}

/** AF-24: `expires_at` is exactly `created` plus the lifetime, both in whole seconds. */
function identity(task: SandboxTask) {
  return {
    task_id: task.id,
    model: task.model,
    created: unixSeconds(task.createdAtMs),
    expires_at: unixSeconds(expiresAtMs(task)),
  };
}

/** AF-20 to AF-26: the answer to a create, always as if nothing had happened yet. */
export function renderCreated(task: SandboxTask) {
  return { ...identity(task), status: 'queued', progress: 0, cost_cents: centsFromMicroUsd(task.estimateMicroUsd) };
}

/** AF-29 to AF-34: a task polled, listed or streamed. */
export function renderTask(task: SandboxTask, at: { nowMs: number; resultUrl: string }) {
  const look = lookAt(task, at.nowMs);
  const hasResult = look.state === 'completed' && !faultOf(task, 'no_result');
  return {
    ...identity(task),
    status: look.strangeWord ?? look.state,
    progress: look.progress,
    ...(hasResult && { result_url: at.resultUrl }),
    ...(look.error !== null && { error: look.error }),
    cost_cents: centsFromMicroUsd(look.costMicroUsd),
    prompt: task.prompt,
    duration_seconds: task.seconds,
    aspect_ratio: task.aspectRatio,
    quality: task.quality,
  };
}

/** When the models were added, as their list claims. */
const MODELS_CREATED = 1_715_000_000;

function renderModel(model: SandboxModel) {
  return {
    id: model.id,
    object: 'model',
    created: MODELS_CREATED,
    owned_by: 'sandbox',
    output_modalities: ['video'],
    video_caps: {
      aspect_ratios: model.aspectRatios,
      qualities: model.qualities,
      min_duration_s: model.minSeconds,
      max_duration_s: model.maxSeconds,
      modes: model.modes,
      price_per_second_cents: model.centsPerSecond,
    },
  };
}

/** AF-02, AF-44 to AF-47: with one model of another kind, since real lists hold all kinds. */
export function renderModels(models: readonly SandboxModel[]) {
  const chat = {
    id: 'sandbox-chat',
    object: 'model',
    created: MODELS_CREATED,
    owned_by: 'sandbox',
    output_modalities: ['text'],
  };
  return { object: 'list', data: [...models.map(renderModel), chat] };
}
