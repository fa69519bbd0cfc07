/**
 * What ten servers answer, in the shapes of their own models, SDKs and processes: SGLang 0.5.23, vLLM-Omni 0.30.0 and
 * aquiles-image 0.8.3 after the models of their wheels; LiteLLM 1.110.2 and 1.106.2, new-api 0.13.2 and Bifrost 1.7.5 as
 * they were seen to answer; OpenRouter, xAI and Together after their SDKs and documents.
 */

/** A task as a server shows it. */
export interface ShownTask {
  readonly id: string;
  readonly model: string;
  readonly prompt: string;
  readonly seconds: string;
  readonly createdAt: number;
  readonly state: 'running' | 'completed' | 'failed';
  /** Said in place of the server's own word for the end; undefined where it says that. */
  readonly oddWord: string | undefined;
  /** Where a clip lies that has a link of its own. */
  readonly link: string | undefined;
  /** Where the server itself serves it. */
  readonly contentUrl: string;
}

/** A status code and a body. */
export type Shown = readonly [status: number, body: object];

export interface ServerShape {
  readonly name: string;
  /** The shipped description that speaks to it; null: the provider `openai`. */
  readonly api: string | null;
  /** What stands before the paths in an account's base URL. */
  readonly base?: string;
  readonly createPath: string;
  readonly takesFormsAlone?: true;
  readonly made: (task: ShownTask) => Shown;
  readonly taskPath: (id: string) => string;
  readonly shown: (task: ShownTask) => Shown;
  /** A word for success that it does not say by itself. */
  readonly oddWord: string;
  readonly listPath: string;
  readonly list: (tasks: readonly ShownTask[]) => Shown;
  /** The list tells which task is a lost one. */
  readonly lists: boolean;
  /** Null: it has no route of clips. */
  readonly contentPath: ((id: string) => string) | null;
  /** What that route answers where the clip lies elsewhere. */
  readonly noContent?: Shown;
  /** It can give a clip a link of its own. */
  readonly links: boolean;
  /** How it is asked to stop a task; null: it cannot be. */
  readonly stop: { readonly method: string; readonly path: (id: string) => string; readonly answer: object } | null;
  readonly imageBy: 'file' | 'bytes' | 'link';
  /** What it says that a clip cost, in micro-dollars; null where it says nothing. */
  readonly costMicroUsd: number | null;
  /** The id that it gives its task of this number. */
  readonly id: (n: number) => string;
  /** What a snapshot has of a failure's words. */
  readonly failure: { readonly code?: string; readonly message: string };
}

const SAID = 'it did not work out';

/** The server's words for the three states, and the odd one. */
function wordOf(
  { state, oddWord }: ShownTask,
  [running, completed, failed]: readonly [string, string, string],
): string {
  if (state === 'running') return running;
  return state === 'failed' ? failed : (oddWord ?? completed);
}

const openai = {
  createPath: '/v1/videos',
  taskPath: (id: string) => `/v1/videos/${id}`,
  listPath: '/v1/videos',
  contentPath: (id: string) => `/v1/videos/${id}/content`,
  oddWord: 'SUCCEEDED',
  stop: null,
  imageBy: 'file',
  costMicroUsd: null,
} as const;

const videoOf = (task: ShownTask, words: readonly [string, string, string]) => ({
  id: task.id,
  object: 'video',
  created_at: task.createdAt,
  status: wordOf(task, words),
  model: task.model,
  seconds: task.seconds,
  size: '1280x720',
});
const OPENAI_WORDS = ['in_progress', 'completed', 'failed'] as const;
const queued = (task: ShownTask) => ({ ...videoOf(task, OPENAI_WORDS), status: 'queued', progress: 0 });
const progressOf = ({ state }: ShownTask) => (state === 'completed' ? 100 : 40);
const failed = ({ state }: ShownTask, error: unknown) => (state === 'failed' ? error : null);

const notFound: Shown = [404, { detail: 'Video not found' }];

const litellm: ServerShape = {
  ...openai,
  name: 'LiteLLM 1.110',
  api: 'litellm',
  made: (task) => [200, { ...queued(task), size: null, error: null, usage: {} }],
  shown: (task) => [
    200,
    {
      ...videoOf(task, OPENAI_WORDS),
      ...{ progress: progressOf(task), size: null },
      error: failed(task, { code: 'moderation_blocked', message: SAID }),
    },
  ],
  list: () => [400, { error: { message: 'video_list: no provider', type: 'None', param: 'None', code: '400' } }],
  lists: false,
  links: false,
  // Up to 240 characters of base64.
  id: (n) =>
    `video_${Buffer.from(`litellm:custom_llm_provider:openai;model_id:${'m'.repeat(120)};video_id:video_${n}`).toString('base64')}`,
  failure: { code: 'moderation_blocked', message: SAID },
};

const newApi: ServerShape = {
  ...openai,
  name: 'new-api',
  api: 'new-api',
  made: (task) => [200, { ...queued(task), task_id: task.id }],
  shown: (task) => [
    200,
    {
      ...videoOf(task, OPENAI_WORDS),
      ...{ task_id: task.id, progress: task.state === 'completed' ? 100 : 0 },
      ...(task.state === 'failed' && { error: { message: SAID, code: 'task_failed' } }),
    },
  ],
  oddWord: 'SUCCESS',
  list: () => [
    404,
    { error: { message: 'Invalid URL (GET /v1/videos)', type: 'invalid_request_error', param: '', code: '' } },
  ],
  lists: false,
  // Its content route serves the clips of all its channels.
  links: false,
  id: (n) => `task_Ab${n}`,
  failure: { code: 'task_failed', message: SAID },
};

const bifrost: ServerShape = {
  ...openai,
  name: 'Bifrost',
  api: null,
  made: (task) => [200, { ...queued(task), extra_fields: { provider: 'openai', latency: 12 } }],
  shown: (task) => [
    200,
    {
      ...videoOf(task, OPENAI_WORDS),
      ...{ progress: progressOf(task), error: failed(task, { code: 'server_error', message: SAID }) },
      ...(task.link !== undefined &&
        task.state === 'completed' && { videos: [{ type: 'url', url: task.link, content_type: 'video/mp4' }] }),
      extra_fields: { provider: 'openai', latency: 12 },
    },
  ],
  list: (tasks) => [200, { object: 'list', data: tasks.map(queued), has_more: false }],
  lists: true,
  links: true,
  id: (n) => `video_${n}:openai`,
  failure: { code: 'server_error', message: SAID },
};

const sglang: ServerShape = {
  ...openai,
  name: 'SGLang',
  api: 'sglang',
  made: (task) => [200, { ...queued(task), quality: 'standard', remixed_from_video_id: null, url: null, error: null }],
  shown: (task) => [
    200,
    {
      // It says `queued` until the end.
      ...videoOf(task, ['queued', 'completed', 'failed']),
      ...{ progress: progressOf(task), quality: 'standard', remixed_from_video_id: null, completed_at: null },
      ...{ expires_at: null, url: task.link ?? null, file_path: `/out/${task.id}.mp4`, peak_memory_mb: null },
      error: failed(task, { message: SAID }),
    },
  ],
  list: (tasks) => [200, { data: tasks.map(queued), object: 'list' }],
  lists: true,
  links: true,
  noContent: [400, { detail: 'Video has been uploaded to cloud storage. Please use the cloud URL.' }],
  id: (n) => `f47ac10b-58cc-4372-a567-0e02b2c3d4${n}`,
  failure: { message: SAID },
};

const vllmOmni: ServerShape = {
  ...openai,
  name: 'vLLM-Omni',
  api: 'vllm-omni',
  takesFormsAlone: true,
  made: (task) => [200, { ...queued(task), prompt: task.prompt, error: null }],
  shown: (task) => [
    // A failed job comes with a status code of its own.
    task.state === 'failed' ? 500 : 200,
    {
      ...videoOf(task, OPENAI_WORDS),
      ...{ prompt: task.prompt, progress: progressOf(task), file_name: `${task.id}.mp4`, inference_time_s: 9.5 },
      error: failed(task, { code: 500, message: SAID }),
    },
  ],
  list: (tasks) => [
    200,
    { object: 'list', data: tasks.map((task) => ({ ...queued(task), prompt: task.prompt })), has_more: false },
  ],
  lists: true,
  links: false,
  stop: { method: 'DELETE', path: openai.taskPath, answer: { object: 'video.deleted', deleted: true } },
  id: (n) => `video_gen_${n}`,
  failure: { code: '500', message: SAID },
};

const aquiles: ServerShape = {
  ...openai,
  name: 'aquiles-image',
  api: null,
  made: (task) => [200, { ...queued(task), quality: 'standard', error: null }],
  shown: (task) => [
    200,
    {
      ...videoOf(task, ['processing', 'completed', 'failed']),
      ...{ quality: 'standard', progress: progressOf(task), completed_at: null, expires_at: null },
      error: failed(task, { code: 'generation_failed', message: SAID }),
    },
  ],
  list: (tasks) => [200, { data: tasks.map(queued), object: 'list', has_more: false }],
  lists: true,
  links: false,
  id: (n) => `video_${'0'.repeat(20)}${n}`,
  failure: { code: 'generation_failed', message: SAID },
};

const openRouter: ServerShape = {
  ...openai,
  name: 'OpenRouter',
  api: 'openrouter',
  base: '/api',
  made: ({ id, contentUrl }) => [202, { id, generation_id: 'gen-9', polling_url: contentUrl, status: 'pending' }],
  shown: (task) => [
    200,
    {
      ...{ id: task.id, generation_id: 'gen-9', polling_url: task.contentUrl },
      status: wordOf(task, OPENAI_WORDS),
      ...(task.state === 'failed' && { error: SAID }),
      ...(task.state === 'completed' && { usage: { cost: 0.5, is_byok: false } }),
      ...(task.state === 'completed' && { unsigned_urls: [`${task.contentUrl}?index=0`] }),
      ...(task.state === 'completed' && task.link !== undefined && { urls: [task.link] }),
    },
  ],
  list: () => [405, { error: { code: 405, message: 'Method Not Allowed' } }],
  lists: false,
  links: true,
  imageBy: 'bytes',
  costMicroUsd: 500_000,
  id: (n) => `job-abc${n}`,
  failure: { message: SAID },
};

const xai: ServerShape = {
  ...openai,
  name: 'xAI',
  api: 'xai',
  createPath: '/v1/videos/generations',
  made: ({ id }) => [200, { request_id: id }],
  shown: (task) => {
    const status = wordOf(task, ['pending', 'done', 'failed']);
    if (task.state === 'running') return [202, { status, progress: 12 }];
    if (task.state === 'failed') return [200, { status, error: { code: 'internal_error', message: SAID } }];
    const usage = { cost_in_usd_ticks: 2_000_000_000 };
    return [200, { status, progress: 100, model: task.model, video: { url: task.link, duration: 8 }, usage }];
  },
  list: () => notFound,
  lists: false,
  contentPath: null,
  links: true,
  imageBy: 'bytes',
  costMicroUsd: 200_000,
  id: (n) => `d97415a1-5796-b7ec-379f-4e6819e08f${n}`,
  failure: { code: 'internal_error', message: SAID },
};

const together: ServerShape = {
  ...openai,
  name: 'Together',
  api: 'together',
  createPath: '/v2/videos',
  taskPath: (id) => `/v2/videos/${id}`,
  listPath: '/v2/videos',
  // Its times are no whole numbers.
  made: (task) => [200, { ...queued(task), created_at: task.createdAt + 0.25, outputs: null }],
  shown: (task) => [
    200,
    {
      ...{ ...videoOf(task, OPENAI_WORDS), created_at: task.createdAt + 0.25 },
      error: failed(task, { message: SAID, code: 'invalid_input' }),
      outputs: task.state === 'completed' ? { cost: 0.14, video_url: task.link } : null,
    },
  ],
  list: () => notFound,
  lists: false,
  contentPath: null,
  links: true,
  imageBy: 'link',
  costMicroUsd: 140_000,
  id: (n) => `video-${n}`,
  failure: { code: 'invalid_input', message: SAID },
};

export const SERVERS: readonly ServerShape[] = [
  litellm,
  // It shows tasks under other ids than it named.
  {
    ...litellm,
    name: 'LiteLLM 1.106',
    api: null,
    shown: (task) => litellm.shown({ ...task, id: 'video_of_another' }),
  },
  newApi,
  bifrost,
  sglang,
  vllmOmni,
  aquiles,
  openRouter,
  xai,
  together,
];
