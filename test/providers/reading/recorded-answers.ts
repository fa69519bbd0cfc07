/**
 * What servers of `/v1/videos` and its kin answer, in the shapes of their own models and SDKs, and what is to be read of
 * each. Prompts, ids and hosts are ours.
 */

import type { StartOutcome, TaskStatus } from '../../../src/domain/provider.ts';

/** An answer of one of them to a create or to a poll. */
export interface Recorded<Read> {
  readonly server: string;
  readonly what: string;
  readonly status: number;
  readonly body: unknown;
  readonly read: Read;
}

/** Where they are. */
export const BASE = 'https://up.example';
const CONTENT = { url: `${BASE}/v1/videos/task-1/content`, needsKey: true };
const CDN = 'https://cdn.example/clip.mp4';

function started(taskId: string): StartOutcome {
  return { kind: 'started', taskId, costMicroUsd: null };
}

function refused(
  reason: Extract<StartOutcome, { kind: 'refused' }>['reason'],
  upstream: Extract<StartOutcome, { kind: 'refused' }>['upstream'],
): Partial<StartOutcome> {
  return { kind: 'refused', reason, upstream };
}

/** Behind the content route, or at a link with that route behind it. */
function succeeded(url: string | null = null, costMicroUsd: number | null = null): TaskStatus {
  const place = url === null ? CONTENT : { url, needsKey: false, otherwise: CONTENT };
  return { kind: 'succeeded', result: { ...place, expiresAtMs: null }, costMicroUsd };
}

function failed(upstream: Extract<TaskStatus, { kind: 'failed' }>['upstream']): TaskStatus {
  return { kind: 'failed', upstream, costMicroUsd: null };
}

function pending(word: string, progress: number | null): TaskStatus {
  return { kind: 'pending', word, progress, known: true };
}

const video = { id: 'task-1', object: 'video', created_at: 1_790_000_000, model: 'wan-2.2' };

const sglang = { ...video, seconds: '4', size: '1280x720', completed_at: null, expires_at: null, file_path: null };
const omni = { ...video, seconds: '4', size: '1280x720', progress: 0, error: null };
const aquiles = { ...video, seconds: '4', size: '1280x720', quality: 'standard', progress: 0 };
// Relays give out ids of their own.
const litellm = { ...video, id: 'video_bGl0ZWxsbTpjdXN0b21fbGxtX3Byb3ZpZGVyOm9wZW5haQ==', seconds: '4', size: null };
const newApi = { ...video, id: 'task_Ab3', seconds: '4', size: '1280x720' };
const bifrost = { ...video, id: 'video_7:openai', seconds: '4', extra_fields: { provider: 'openai', latency: 12 } };
const openRouter = { id: 'task-1', generation_id: 'gen-9', polling_url: `${BASE}/v1/videos/task-1` };

export const CREATES: readonly Recorded<Partial<StartOutcome>>[] = [
  { server: 'SGLang', what: 'a task', status: 200, body: { ...sglang, status: 'queued' }, read: started('task-1') },
  {
    server: 'vLLM-Omni',
    what: 'a form that is wanted',
    status: 422,
    body: { detail: [{ type: 'missing', loc: ['body', 'prompt'], msg: 'Field required', input: null }] },
    read: refused('request', { status: 422, code: 'missing', message: 'body.prompt: Field required' }),
  },
  {
    server: 'vLLM-Omni',
    what: 'another model',
    status: 400,
    body: { error: { message: 'The model `x` does not exist.', type: 'NotFoundError', param: null, code: 400 } },
    read: { kind: 'refused' },
  },
  {
    server: 'aquiles-image',
    what: 'a server that is full',
    status: 503,
    body: { detail: 'Server is busy generating another video' },
    read: { kind: 'lost', answered: true },
  },
  {
    server: 'aquiles-image',
    what: 'a route that throws',
    status: 500,
    body: undefined,
    read: { kind: 'lost', answered: true },
  },
  { server: 'LiteLLM', what: 'a task', status: 200, body: { ...litellm, status: 'queued' }, read: started(litellm.id) },
  {
    server: 'LiteLLM',
    what: 'an unknown model',
    status: 400,
    body: {
      error: {
        message: 'video_generation: Invalid model name passed in model=x. Call `/v1/models` to view available models.',
        type: 'None',
        param: 'None',
        code: '400',
      },
    },
    read: { kind: 'refused', reason: 'request' },
  },
  { server: 'new-api', what: 'a task', status: 200, body: { ...newApi, status: 'queued' }, read: started('task_Ab3') },
  {
    server: 'new-api',
    what: 'a model without a channel',
    status: 503,
    body: {
      error: {
        code: 'model_not_found',
        message: 'No available channel for model wan-2.2 under group default (distributor)',
        type: 'new_api_error',
      },
    },
    read: { kind: 'refused', reason: 'model not allowed' },
  },
  {
    server: 'new-api',
    what: 'no quota',
    status: 403,
    body: { code: 'insufficient_user_quota', message: '用户额度不足, 剩余额度: ＄0.000000', data: null },
    read: { kind: 'refused', reason: 'no credit' },
  },
  { server: 'Bifrost', what: 'a task', status: 200, body: { ...bifrost, status: 'queued' }, read: started(bifrost.id) },
  {
    server: 'OpenRouter',
    what: 'a task',
    status: 202,
    body: { ...openRouter, status: 'pending' },
    read: started('task-1'),
  },
  {
    server: 'OpenRouter',
    what: 'no credit',
    status: 402,
    body: { error: { code: 402, message: 'Insufficient credits. Add more using https://openrouter.example/credits' } },
    read: { kind: 'refused', reason: 'no credit' },
  },
  { server: 'xAI', what: 'a task', status: 200, body: { request_id: 'task-1' }, read: started('task-1') },
  {
    server: 'xAI',
    what: 'a refusal in words at the top',
    status: 400,
    body: { code: 'Client specified an invalid argument', error: 'Video duration must be between 1 and 15 seconds' },
    read: { kind: 'refused', reason: 'request' },
  },
  {
    server: 'Together',
    what: 'a task',
    status: 200,
    body: { ...video, created_at: 1_790_000_000.25, status: 'in_progress', outputs: null },
    read: started('task-1'),
  },
];

export const POLLS: readonly Recorded<TaskStatus>[] = [
  {
    server: 'SGLang',
    what: 'waiting',
    status: 200,
    body: { ...sglang, status: 'queued', progress: 0 },
    read: pending('queued', 0),
  },
  {
    server: 'SGLang',
    what: 'an end on its disk',
    status: 200,
    body: { ...sglang, status: 'completed', progress: 100, url: null },
    read: succeeded(),
  },
  {
    server: 'SGLang',
    what: 'an end in a bucket',
    status: 200,
    body: { ...sglang, status: 'completed', progress: 100, url: CDN },
    read: succeeded(CDN),
  },
  {
    server: 'SGLang',
    what: 'an end in two buckets',
    status: 200,
    body: { ...sglang, status: 'completed', urls: [CDN, `${CDN}?2`] },
    read: succeeded(CDN),
  },
  {
    server: 'SGLang',
    what: 'a failure',
    status: 200,
    body: { ...sglang, status: 'failed', error: { message: 'CUDA out of memory' } },
    read: failed({ message: 'CUDA out of memory' }),
  },
  {
    server: 'SGLang',
    what: 'a task that was deleted',
    status: 200,
    body: { ...sglang, status: 'deleted' },
    read: failed({ code: 'deleted' }),
  },
  {
    server: 'SGLang',
    what: 'a task that a restart forgot',
    status: 404,
    body: { detail: 'Video not found' },
    read: { kind: 'missing' },
  },
  {
    server: 'vLLM-Omni',
    what: 'running',
    status: 200,
    body: { ...omni, status: 'in_progress', progress: 40 },
    read: pending('in_progress', 40),
  },
  {
    server: 'vLLM-Omni',
    what: 'an end',
    status: 200,
    body: { ...omni, status: 'completed', inference_time_s: 9.5, file_name: 'task-1.mp4' },
    read: succeeded(),
  },
  {
    server: 'vLLM-Omni',
    what: 'a failure with its own status',
    status: 500,
    body: { ...omni, status: 'failed', error: { code: 500, message: 'engine died' } },
    read: failed({ code: '500', message: 'engine died' }),
  },
  {
    server: 'vLLM-Omni',
    what: 'a refusal by its engine',
    status: 400,
    body: { ...omni, status: 'failed', error: { code: 400, message: 'num_frames is too large' } },
    read: failed({ code: '400', message: 'num_frames is too large' }),
  },
  {
    server: 'aquiles-image',
    what: 'running',
    status: 200,
    body: { ...aquiles, status: 'processing', progress: 50 },
    read: pending('processing', 50),
  },
  {
    server: 'aquiles-image',
    what: 'an end',
    status: 200,
    body: { ...aquiles, status: 'completed', progress: 100 },
    read: succeeded(),
  },
  {
    server: 'aquiles-image',
    what: 'a failure',
    status: 200,
    body: { ...aquiles, status: 'failed', error: { code: 'generation_failed', message: 'NaN in latents' } },
    read: failed({ code: 'generation_failed', message: 'NaN in latents' }),
  },
  {
    server: 'LiteLLM',
    what: 'an end under another id',
    status: 200,
    body: { ...litellm, id: 'video_0', status: 'completed', progress: 100, usage: { duration_seconds: 4 } },
    read: succeeded(),
  },
  {
    server: 'LiteLLM',
    what: 'a failure',
    status: 200,
    body: { ...litellm, status: 'failed', error: { code: 'moderation_blocked', message: 'Your request was blocked.' } },
    read: failed({ code: 'moderation_blocked', message: 'Your request was blocked.' }),
  },
  {
    server: 'new-api',
    what: 'running',
    status: 200,
    body: { ...newApi, status: 'in_progress', progress: 30 },
    read: pending('in_progress', 30),
  },
  {
    server: 'new-api',
    what: 'an end with its link among other facts',
    status: 200,
    body: { ...newApi, status: 'completed', progress: 100, metadata: { url: CDN } },
    read: succeeded(CDN),
  },
  {
    server: 'new-api',
    what: 'an end in an envelope',
    status: 200,
    body: {
      code: 'success',
      message: '',
      data: { task_id: 'task_Ab3', status: 'SUCCESS', progress: '100%', fail_reason: '', data: { video_url: CDN } },
    },
    read: succeeded(CDN),
  },
  {
    server: 'new-api',
    what: 'a failure in an envelope',
    status: 200,
    body: {
      code: 'success',
      message: '',
      data: { task_id: 'task_Ab3', status: 'FAILURE', progress: '100%', fail_reason: 'upstream timeout' },
    },
    read: failed({ code: 'failure', message: 'upstream timeout' }),
  },
  {
    server: 'new-api',
    what: 'running in an envelope',
    status: 200,
    body: { code: 'success', data: { task_id: 'task_Ab3', status: 'NOT_START', progress: '0%' } },
    read: pending('NOT_START', 0),
  },
  {
    server: 'Bifrost',
    what: 'an end',
    status: 200,
    body: { ...bifrost, status: 'completed', progress: 100 },
    read: succeeded(),
  },
  {
    server: 'Bifrost',
    what: 'an end with its clips in a list',
    status: 200,
    body: { ...bifrost, status: 'completed', videos: [{ type: 'url', url: CDN, content_type: 'video/mp4' }] },
    read: succeeded(CDN),
  },
  {
    server: 'OpenRouter',
    what: 'waiting',
    status: 200,
    body: { ...openRouter, status: 'pending' },
    read: pending('pending', null),
  },
  {
    server: 'OpenRouter',
    what: 'an end behind its own content route',
    status: 200,
    body: {
      ...openRouter,
      status: 'completed',
      unsigned_urls: [`${CONTENT.url}?index=0`],
      usage: { cost: 0.5, is_byok: false },
    },
    read: {
      kind: 'succeeded',
      result: { url: `${CONTENT.url}?index=0`, needsKey: true, expiresAtMs: null },
      costMicroUsd: 500_000,
    },
  },
  {
    server: 'OpenRouter',
    what: 'a failure in text',
    status: 200,
    body: { ...openRouter, status: 'failed', error: 'provider returned no video' },
    read: failed({ message: 'provider returned no video' }),
  },
  {
    server: 'OpenRouter',
    what: 'a cancel',
    status: 200,
    body: { ...openRouter, status: 'cancelled' },
    read: failed({ code: 'cancelled' }),
  },
  {
    server: 'OpenRouter',
    what: 'an expiry',
    status: 200,
    body: { ...openRouter, status: 'expired', error: null },
    read: failed({ code: 'expired' }),
  },
  {
    server: 'xAI',
    what: 'waiting',
    status: 202,
    body: { status: 'pending', progress: 12 },
    read: pending('pending', 12),
  },
  {
    server: 'xAI',
    what: 'an end',
    status: 200,
    body: {
      status: 'done',
      progress: 100,
      model: 'grok-imagine-video',
      video: { url: CDN, duration: 4, respect_moderation: true },
      usage: { cost_in_usd_ticks: 2_000_000_000 },
    },
    read: succeeded(CDN, 200_000),
  },
  {
    server: 'xAI',
    what: 'a failure',
    status: 200,
    body: { status: 'failed', error: { code: 'internal_error', message: 'please retry' } },
    read: failed({ code: 'internal_error', message: 'please retry' }),
  },
  { server: 'xAI', what: 'an expiry', status: 200, body: { status: 'expired' }, read: failed({ code: 'expired' }) },
  {
    server: 'Together',
    what: 'running',
    status: 200,
    body: { ...video, created_at: 1_790_000_000.25, status: 'in_progress' },
    read: pending('in_progress', null),
  },
  {
    server: 'Together',
    what: 'an end',
    status: 200,
    body: { ...video, status: 'completed', outputs: { cost: 0.14, video_url: CDN } },
    read: succeeded(CDN, 140_000),
  },
  {
    server: 'Together',
    what: 'a failure',
    status: 200,
    body: { ...video, status: 'failed', error: { message: 'bad seed', code: 'invalid_input' }, outputs: null },
    read: failed({ code: 'invalid_input', message: 'bad seed' }),
  },
];
