/** The faces as their clients use them: how each creates, ends, hands out a clip and says no. */

import type { FaceName } from '../../src/sandbox/sandbox.ts';
import { readJson, type SandboxClient } from './sandbox-client.ts';

/** A face, seen by a client whose address ends in the face's prefix. */
export interface FaceUse {
  readonly name: string;
  readonly createPath: string;
  /** A one-second clip, as cheap as there is. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly costMicroUsd: number;
  /** Null where nothing but the clip is ever shown. */
  readonly tasks: {
    idOf(created: Record<string, string>): string;
    path(id: string): string;
    /** The word of a task, from what its path answers. */
    word(task: Record<string, string>): string | undefined;
    readonly words: readonly string[];
    readonly listPath: string;
    readonly listKey: string;
    /** Where the clip is, from what the task's path answers. */
    clip(client: SandboxClient, task: Record<string, string>): Promise<Response>;
  } | null;
  /** The body of an error with this status. */
  refusal(status: number): object;
}

const envelope = (type: string, code: unknown) => ({
  error: { message: expect.any(String), type, param: null, code },
});

const OPENAI_TYPES: Record<number, string> = { 401: 'authentication_error', 429: 'rate_limit_error' };
const A4F_CODES: Record<number, readonly [string, string]> = {
  401: ['authentication_error', 'invalid_api_key'],
  403: ['permission_error', 'permission_denied_error'],
  429: ['rate_limit_error', 'rate_limit_exceeded'],
};

const MINI = { model: 'sandbox-mini', prompt: 'A paper boat', duration_seconds: 1 };
const AIRFORCE_PATHS = {
  idOf: (created: Record<string, string>) => created['task_id'] ?? '',
  path: (id: string) => `/v1/video/tasks/${id}`,
  word: (task: Record<string, string>) => task['status'],
  listPath: '/v1/video/tasks',
  listKey: 'data',
  clip: (_client: SandboxClient, task: Record<string, string>) => fetch(task['result_url'] ?? ''),
};

const USES: Readonly<Record<FaceName, Omit<FaceUse, 'name'>>> = {
  airforce: {
    createPath: '/v1/video/generations',
    body: MINI,
    costMicroUsd: 10_000,
    tasks: { ...AIRFORCE_PATHS, words: ['queued', 'processing', 'completed'] },
    refusal: () => ({ error: expect.any(String), code: expect.any(String) }),
  },
  'airforce-2024': {
    createPath: '/v1/video/generations',
    body: MINI,
    costMicroUsd: 10_000,
    tasks: { ...AIRFORCE_PATHS, words: ['queued', 'running', 'completed'] },
    refusal: () => ({ error: { type: expect.any(String), message: expect.any(String) } }),
  },
  infrai: {
    createPath: '/v1/video/generate',
    body: { prompt: 'A paper boat', duration_seconds: 1 },
    costMicroUsd: 10_000,
    tasks: {
      idOf: (created) => created['job_id'] ?? '',
      path: (id) => `/v1/video/status/${id}`,
      word: (task) => task['state'],
      words: ['queued', 'running', 'completed'],
      listPath: '/v1/video/list',
      listKey: 'items',
      clip: (_client, task) => fetch(task['video_url'] ?? ''),
    },
    refusal: (status) => ({
      error: { code: status === 402 ? 'INSUFFICIENT_CREDIT' : expect.any(String), message: expect.any(String) },
    }),
  },
  openai: {
    createPath: '/v1/videos',
    body: { model: 'sandbox-mini', prompt: 'A paper boat', seconds: '1' },
    costMicroUsd: 10_000,
    tasks: {
      idOf: (created) => created['id'] ?? '',
      path: (id) => `/v1/videos/${id}`,
      word: (task) => task['status'],
      words: ['queued', 'in_progress', 'completed'],
      listPath: '/v1/videos',
      listKey: 'data',
      clip: (client, task) => client.fetch(`/v1/videos/${task['id']}/content`),
    },
    refusal: (status) => envelope(OPENAI_TYPES[status] ?? expect.any(String), expect.any(String)),
  },
  a4f: {
    createPath: '/v1/video/generations',
    body: { model: 'provider-2/veo-fast', prompt: 'A paper boat', quality: '720p', duration: 1 },
    costMicroUsd: 120_000,
    tasks: null,
    refusal: (status) => {
      const usual =
        status >= 500 ? ['server_error', 'provider_error'] : ['invalid_request_error', 'invalid_request_error'];
      const [type = '', code = ''] = A4F_CODES[status] ?? usual;
      return envelope(type, code);
    },
  },
};

/** Each of them with its name. */
export const FACE_USES: readonly FaceUse[] = Object.entries(USES).map(([name, use]) => ({ name, ...use }));

/** Creates a task, follows it by its own path, and returns the words it went through and the clip it became. */
export async function makeClip(client: SandboxClient, { createPath, body, tasks }: FaceUse) {
  const created = await client.post(createPath, body);
  if (created.status !== 200) throw new Error(`create: ${created.status} ${await created.text()}`);
  if (tasks === null) {
    const answer = await readJson<{ data: { b64_json: string }[] }>(created);
    return { words: [], clip: Buffer.from(answer.data[0]?.b64_json ?? '', 'base64') };
  }
  let task = await readJson<Record<string, string>>(created);
  const path = tasks.path(tasks.idOf(task));
  const words = new Set([tasks.word(task)]);
  while (!words.has(tasks.words.at(-1))) {
    task = await readJson(await client.fetch(path));
    words.add(tasks.word(task));
  }
  const clip = await tasks.clip(client, task);
  return { words: [...words], clip: Buffer.from(await clip.arrayBuffer()) };
}
