/** Starts sandboxes for tests and speaks to them as an airforce client and as a tester. */

import { type SandboxOptions, startSandbox } from '../../src/sandbox/sandbox.ts';

export interface TaskAnswer {
  task_id: string;
  status: string;
  model: string;
  created: number;
  expires_at: number;
  progress: number;
  cost_cents: number;
  result_url?: string;
  error?: string;
  prompt?: string;
  duration_seconds?: number;
}

export interface BillAnswer {
  tasks: {
    id: string;
    key: string;
    provider: string;
    model: string;
    request: Record<string, unknown>;
    seconds: number;
    costMicroUsd: number;
    state: string;
    createdAt: string;
  }[];
  peakConcurrent: Record<string, number>;
}

export const MINI = { model: 'sandbox-mini', prompt: 'A paper boat', duration_seconds: 1 };

/** The answer's JSON, in the shape the test expects of it. */
export async function readJson<T>(response: Response): Promise<T> {
  const body: T = JSON.parse(await response.text());
  return body;
}

/** Started sandboxes, closed by `closeSandboxes`. */
const started: { close(): Promise<void> }[] = [];

export async function closeSandboxes(): Promise<void> {
  await Promise.all(started.splice(0).map((sandbox) => sandbox.close()));
}

export class SandboxClient {
  readonly url: string;
  readonly key: string;

  constructor(url: string, key = 'key-a') {
    this.url = url;
    this.key = key;
  }

  withKey(key: string): SandboxClient {
    return new SandboxClient(this.url, key);
  }

  /** The same below a path: `/infrai` for that face. */
  under(path: string): SandboxClient {
    return new SandboxClient(this.url + path, this.key);
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${this.key}`, ...init.headers };
    return fetch(`${this.url}${path}`, { ...init, headers });
  }

  post(path: string, body: unknown): Promise<Response> {
    return this.fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  /** The answer to a create, of any status. */
  tryCreate(body: Record<string, unknown> = MINI): Promise<Response> {
    return this.post('/v1/video/generations', body);
  }

  async create(body: Record<string, unknown> = MINI): Promise<TaskAnswer> {
    const response = await this.tryCreate(body);
    if (response.status !== 200) throw new Error(`create: ${response.status} ${await response.text()}`);
    return readJson(response);
  }

  async task(id: string): Promise<TaskAnswer> {
    return readJson(await this.fetch(`/v1/video/tasks/${id}`));
  }

  async list(): Promise<TaskAnswer[]> {
    return (await readJson<{ data: TaskAnswer[] }>(await this.fetch('/v1/video/tasks'))).data;
  }

  /** The events of the task's stream, up to its end; `onOpen` is called when it has begun. */
  async stream(id: string): Promise<{ event: string; data: string }[]> {
    const response = await this.fetch(`/v1/video/tasks/${id}/stream`);
    const blocks = (await response.text()).split('\n\n').filter((block) => block !== '');
    return blocks.map((block) => {
      const [, event = '', data = ''] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
      return { event, data };
    });
  }

  /** Creates a task and waits for its end, by its stream. */
  async finish(body: Record<string, unknown> = MINI): Promise<TaskAnswer> {
    const { task_id } = await this.create(body);
    await this.stream(task_id);
    return this.task(task_id);
  }

  /** Sets faults, speed or both. */
  async configure(settings: { readonly faults?: readonly object[]; readonly speed?: number }): Promise<void> {
    const response = await this.post('/_sandbox/faults', settings);
    if (response.status !== 200) throw new Error(await response.text());
  }

  /** What is made from now on stays as it was made, however slow the machine is. */
  standStill(): Promise<void> {
    return this.configure({ speed: 0.001 });
  }

  /** Sets these faults and no others. */
  setFaults(...faults: Record<string, unknown>[]): Promise<void> {
    return this.configure({ faults });
  }

  async faults(): Promise<{ speed: number; faults: Record<string, unknown>[] }> {
    return readJson(await this.fetch('/_sandbox/faults'));
  }

  async bill(): Promise<BillAnswer> {
    return readJson(await this.fetch('/_sandbox/bill'));
  }
}

/** Starts a sandbox in which a one-second clip takes less than a tenth of a second. */
export async function startFast(options: Partial<SandboxOptions> = {}): Promise<SandboxClient> {
  const sandbox = await startSandbox({ host: '127.0.0.1', port: 0, dataDir: null, speed: 100, ...options });
  started.push(sandbox);
  return new SandboxClient(sandbox.url);
}

/** Downloads as far as it goes. */
export async function download(url: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, { headers });
  const chunks: Uint8Array[] = [];
  let broken = false;
  try {
    for await (const chunk of response.body ?? []) chunks.push(chunk);
  } catch {
    broken = true;
  }
  return { response, bytes: Buffer.concat(chunks), broken };
}
