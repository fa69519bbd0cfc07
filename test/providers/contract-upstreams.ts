/** For each provider: how its upstream answers, so that one suite can hold all of them to the same rules. */

import { readDescription, shippedDescriptions, shippedFile } from '../../src/config/descriptions.ts';
import { defined } from '../../src/domain/defined.ts';
import type { Provider } from '../../src/domain/provider.ts';
import { DOCUMENTED_PROVIDERS, type DocumentedProvider } from '../../src/domain/vendor.ts';
import type { VideoRequest } from '../../src/domain/video-request.ts';
import { describedProvider } from '../../src/providers/described/described.ts';
import { PROVIDERS_BY_NAME } from '../../src/providers/index.ts';
import { readRecordedAnswers } from './described/recorded.ts';

/** How an upstream answers creates. */
export interface CreatingUpstream {
  readonly provider: Provider;
  readonly createPath: string;
  readonly created: object;
  /** What the create is then taken for. */
  readonly made: object;
  /** What is asked for other than usual, where the API has no words for that. */
  readonly request?: Partial<VideoRequest>;
  /** The header that carries the key, and how its value begins; a bearer token where absent. */
  readonly keyHeader?: readonly [name: string, beginning: string];
  /** Statuses of which a description states what they say. */
  readonly statedStatuses?: readonly number[];
}

/** A documented upstream whose task is always `task-1`. */
export interface PolledUpstream extends CreatingUpstream {
  /** The documented key of a task's id. */
  readonly idKey: string;
  readonly taskPath: (id: string) => string;
  /** The task in a state; `failed` says `no` with the code `because`. */
  readonly task: (word: string) => object;
  readonly runningWords: readonly string[];
  readonly completedWord: string;
  readonly failedWord: string;
  readonly resultUrl: (origin: string) => string;
  readonly listPath: string;
  readonly list: (tasks: readonly object[]) => object;
  readonly probePath: string;
}

const STARTED = { kind: 'started', taskId: 'task-1' };
const FAILURE = { code: 'because', message: 'no' };
const CLIP_URL = 'https://cdn.example/clip.mp4';

const airforceTask = {
  task_id: 'task-1',
  status: 'queued',
  model: 'wan-2.6',
  created: 1_700_000_000,
  expires_at: 1_700_086_400,
  progress: 0,
  cost_cents: 320,
};

const openaiVideo = {
  id: 'task-1',
  object: 'video',
  created_at: 1_700_000_000,
  status: 'queued',
  model: 'wan-2.6',
  progress: 0,
  seconds: '8',
  size: '1280x720',
};

type Answers = Omit<CreatingUpstream, 'provider'> | Omit<PolledUpstream, 'provider'>;

const FAKE_UPSTREAMS: Readonly<Record<DocumentedProvider, Answers>> = {
  airforce: {
    createPath: '/v1/video/generations',
    created: airforceTask,
    made: STARTED,
    idKey: 'task_id',
    taskPath: (id) => `/v1/video/tasks/${id}`,
    task: (status) => ({
      ...airforceTask,
      status,
      ...(status === 'completed' && { result_url: CLIP_URL }),
      ...(status === 'failed' && { error: { type: FAILURE.code, message: FAILURE.message } }),
    }),
    runningWords: ['queued', 'processing'],
    completedWord: 'completed',
    failedWord: 'failed',
    resultUrl: () => CLIP_URL,
    listPath: '/v1/video/tasks',
    list: (data) => ({ data }),
    probePath: '/v1/video/tasks',
  },
  infrai: {
    createPath: '/v1/video/generate',
    created: { job_id: 'task-1', state: 'queued' },
    made: STARTED,
    idKey: 'job_id',
    taskPath: (id) => `/v1/video/status/${id}`,
    task: (state) => ({
      job_id: 'task-1',
      state,
      ...(state === 'completed' && { video_url: CLIP_URL }),
      ...(state === 'failed' && { error: FAILURE }),
    }),
    runningWords: ['queued', 'running'],
    completedWord: 'completed',
    failedWord: 'failed',
    resultUrl: () => CLIP_URL,
    listPath: '/v1/video/list?limit=100',
    list: (items) => ({ items }),
    probePath: '/v1/video/list?limit=1',
  },
  openai: {
    createPath: '/v1/videos',
    created: openaiVideo,
    made: STARTED,
    idKey: 'id',
    taskPath: (id) => `/v1/videos/${id}`,
    task: (status) => ({ ...openaiVideo, status, error: status === 'failed' ? FAILURE : null }),
    runningWords: ['queued', 'in_progress'],
    completedWord: 'completed',
    failedWord: 'failed',
    resultUrl: (origin) => `${origin}/v1/videos/task-1/content`,
    listPath: '/v1/videos?limit=100&order=desc',
    list: (data) => ({ object: 'list', data, has_more: false }),
    probePath: '/v1/videos?limit=1',
  },
  /** The answer is the clip: there is nothing else to ask it. */
  a4f: {
    createPath: '/v1/video/generations',
    created: { created: 1_700_000_000, data: [{ b64_json: Buffer.from('a clip').toString('base64'), url: null }] },
    made: { kind: 'delivered', clip: { sizeBytes: 6 } },
  },
};

/** The model that calls of tests name. */
const UPSTREAM_MODEL = 'wan-2.6';

/** The upstream of a shipped description, by its recorded answers. */
function describedUpstream(name: string): CreatingUpstream & { readonly name: string } {
  const description = readDescription(shippedFile(name));
  const { sends, create, request } = readRecordedAnswers(name);
  const { header, value } = description.auth;
  const [first] = create;
  return {
    name,
    provider: describedProvider(description),
    createPath: sends?.path?.replace('MODEL', UPSTREAM_MODEL) ?? '',
    created: Object(first?.body),
    made: first?.is ?? {},
    request: defined(request),
    keyHeader: [header.toLowerCase(), value.replace('$apiKey', 'sk-upstream-test').replace('$jwt', 'ey')],
    statedStatuses: Object.keys(description.refusals).map(Number),
  };
}

/** All of them, each with its provider. */
export const CREATING_UPSTREAMS: readonly (CreatingUpstream & { readonly name: string })[] = [
  ...DOCUMENTED_PROVIDERS.map((name) => ({ name, provider: PROVIDERS_BY_NAME[name], ...FAKE_UPSTREAMS[name] })),
  ...shippedDescriptions().map(describedUpstream),
];

/** Those that name a task, which is then polled. */
export const POLLED_UPSTREAMS = CREATING_UPSTREAMS.filter(
  (upstream): upstream is PolledUpstream & { readonly name: string } => 'taskPath' in upstream,
);
