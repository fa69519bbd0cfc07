/** Upstreams over real HTTP that answer in any manner, and keep the truth of what they made, ran and billed. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '../../src/domain/json.ts';
import {
  type CreateManner,
  ENTRIES,
  IDS,
  type ListManner,
  type Manner,
  PLAIN_TASK,
  send,
  type TaskPlan,
  WELL,
} from './manners.ts';
import type { VirtualTime } from './virtual-time.ts';

/** APIs that are spoken: where things stand in each. */
const FACES = {
  airforce: {
    create: '/v1/video/generations',
    list: '/v1/video/tasks',
    idKey: 'task_id',
    poll: /^\/v1\/video\/tasks\/([^/]+)$/,
  },
  openai: { create: '/v1/videos', list: '/v1/videos', idKey: 'id', poll: /^\/v1\/videos\/([^/]+)$/ },
  infrai: {
    create: '/v1/video/generate',
    list: '/v1/video/list',
    idKey: 'job_id',
    poll: /^\/v1\/video\/status\/([^/]+)$/,
  },
} as const;
export type Face = keyof typeof FACES;

/** How long results are kept. */
export const RESULT_TTL_MS = 2 * 60 * 60_000;

const CANCEL = /^\/v1\/video\/cancel\/([^/]+)$/;
const CONTENT = /^(?:\/files|\/v1\/videos)\/([^/]+)\/(?:clip\.mp4|content)$/;
/** Stands in what lists show of others' tasks, and may come into no video's row. */
export const OTHERS_MARK = 'of another user of the key';

/** How an upstream behaves: the manners of each kind of answer come one after the other, and again from the first. */
export interface UpstreamPlan {
  readonly creates: readonly CreateManner[];
  readonly polls: readonly Manner[];
  readonly lists: readonly ListManner[];
  /** Cancels, models and clips. */
  readonly others: readonly Manner[];
  readonly tasks: readonly TaskPlan[];
  /** Only prompts that are poisoned meet these manners. */
  readonly isOnlyForPoisoned: boolean;
  /** Tasks it lets a key run at once. */
  readonly limit: number;
  /** How far its clock is off; null: it sends no `Date`. */
  readonly clockMs: number | null;
}

export const PLAIN_UPSTREAM: UpstreamPlan = {
  ...{ creates: [], polls: [], lists: [], others: [], tasks: [], isOnlyForPoisoned: false, limit: 100, clockMs: 0 },
};

/** A task as it truly is. */
export interface TrueTask {
  readonly id: string;
  readonly prompt: string;
  readonly model: string;
  readonly seconds: number;
  readonly idempotencyKey: string | undefined;
  readonly madeAtMs: number;
  readonly number: number;
  plan: TaskPlan;
  cancelledAtMs: number | null;
}

/** A create that arrived. */
export interface ArrivedCreate {
  readonly prompt: string;
  readonly atMs: number;
  readonly made: TrueTask | null;
  /** Tasks of the key that ran then, this one among them. */
  readonly running: readonly TrueTask[];
}

/** Whether a prompt is one that its upstream treats badly. */
export const isPoisoned = (prompt: string) => prompt.startsWith('poison');

interface Arrived {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string;
}

/** One credential at one upstream. */
export class HostileAccount {
  readonly face: Face;
  readonly key: string;
  readonly baseUrl: string;
  readonly tasks: TrueTask[] = [];
  readonly creates: ArrivedCreate[] = [];
  /** From then on it answers well, and every task comes to its end and into the list. */
  healedAtMs = Number.POSITIVE_INFINITY;
  readonly #plan: UpstreamPlan;
  readonly #time: VirtualTime;
  readonly #turns = new Map<string, number>();

  constructor({
    face,
    key,
    baseUrl,
    plan,
    time,
  }: { face: Face; key: string; baseUrl: string; plan: UpstreamPlan; time: VirtualTime }) {
    this.face = face;
    this.key = key;
    this.baseUrl = baseUrl;
    this.#plan = plan;
    this.#time = time;
  }

  get isHealed(): boolean {
    return this.#time.nowMs >= this.healedAtMs;
  }

  get clockMs(): number | null {
    return this.#plan.clockMs;
  }

  /** When the task ends; null while that is not to be seen. */
  endOf({ plan, madeAtMs, cancelledAtMs }: TrueTask): number | null {
    if (cancelledAtMs !== null) return cancelledAtMs;
    if (plan.end !== 'never') return madeAtMs + plan.lastsMs;
    return this.healedAtMs === Number.POSITIVE_INFINITY ? null : Math.max(this.healedAtMs, madeAtMs + plan.lastsMs);
  }

  stateOf(task: TrueTask): 'running' | 'completed' | 'failed' | 'cancelled' {
    const endMs = this.endOf(task);
    if (endMs === null || endMs > this.#time.nowMs) return 'running';
    if (task.cancelledAtMs !== null) return 'cancelled';
    return task.plan.end === 'failed' ? 'failed' : 'completed';
  }

  /** What it bills for the task, cents. */
  billOf(task: TrueTask): number {
    return this.stateOf(task) === 'completed' ? (task.plan.cents ?? PLAIN_TASK.cents ?? 0) : 0;
  }

  running(): readonly TrueTask[] {
    return this.tasks.filter((task) => this.stateOf(task) === 'running');
  }

  /** Another user of the key makes a task. */
  makeForOthers(): void {
    this.#make({
      prompt: `${OTHERS_MARK} ${this.tasks.length}`,
      model: 'other',
      seconds: 5,
      idempotencyKey: undefined,
    });
  }

  #make(asked: Pick<TrueTask, 'prompt' | 'model' | 'seconds' | 'idempotencyKey'>): TrueTask {
    const number = this.tasks.length + 1;
    const plan =
      this.#plan.tasks.length === 0
        ? PLAIN_TASK
        : (this.#plan.tasks[(number - 1) % this.#plan.tasks.length] ?? PLAIN_TASK);
    const task = { ...asked, number, plan, id: IDS[plan.id](number), madeAtMs: this.#time.nowMs, cancelledAtMs: null };
    this.tasks.push(task);
    return task;
  }

  #next<One extends Manner>(kind: string, manners: readonly One[], prompt: string | null): One | null {
    const isSpared = this.#plan.isOnlyForPoisoned && !(prompt !== null && isPoisoned(prompt));
    if (manners.length === 0 || isSpared || this.isHealed) return null;
    const turn = this.#turns.get(kind) ?? 0;
    this.#turns.set(kind, turn + 1);
    return manners[turn % manners.length] ?? null;
  }

  /** The manner of the answer, and what it is about; null where there is no such route. */
  answer(
    method: string,
    arrived: Arrived,
  ): { readonly manner: Manner & { afterMs?: number }; readonly subject: JsonObject; readonly prompt?: string } | null {
    const { path } = arrived;
    const face = FACES[this.face];
    if (method === 'POST' && path === face.create) return this.#create(arrived);
    if (path === face.list)
      return { manner: this.#next('list', this.#plan.lists, null) ?? WELL, subject: this.#list(arrived.query) };
    if (path === '/v1/models')
      return { manner: this.#next('models', this.#plan.others, null) ?? WELL, subject: MODELS };
    const asked = (face.poll.exec(path) ?? CANCEL.exec(path))?.[1];
    const task = asked === undefined ? undefined : this.find(decodeURIComponent(asked));
    if (asked === undefined) return null;
    const prompt = task?.prompt ?? '';
    if (method === 'POST') {
      const manner = this.#next('cancel', this.#plan.others, prompt) ?? WELL;
      if (task && manner.cut !== 'before' && manner.status < 300 && this.stateOf(task) === 'running')
        task.cancelledAtMs = this.#time.nowMs;
      return { manner, subject: { ok: true }, prompt };
    }
    if (!task || !(task.plan.isKnown || this.isHealed))
      return { manner: { ...WELL, status: 404, shape: 'an error object' }, subject: {}, prompt };
    return { manner: this.#next('poll', this.#plan.polls, prompt) ?? WELL, subject: this.#show(task), prompt };
  }

  find(id: string): TrueTask | undefined {
    return this.tasks.find((task) => task.id === id);
  }

  /** How a clip is answered. */
  clip(id: string): Manner | null {
    const task = this.find(id);
    if (!task || this.stateOf(task) !== 'completed') return null;
    return this.#next('content', this.#plan.others, task.prompt) ?? WELL;
  }

  #create({ body }: Arrived) {
    const asked = readCreate(body);
    const manner = this.#next('create', this.#plan.creates, asked.prompt) ?? WELL;
    const running = this.running();
    const known = this.tasks.find(
      ({ idempotencyKey }) => idempotencyKey !== undefined && idempotencyKey === asked.idempotencyKey,
    );
    const isFull = !known && !this.isHealed && running.length >= this.#plan.limit;
    const isTaken = manner.cut !== 'before' && manner.makes && !isFull;
    const made = isTaken && !known ? this.#make(asked) : null;
    this.creates.push({
      prompt: asked.prompt,
      atMs: this.#time.nowMs,
      made,
      running: made ? [...running, made] : running,
    });
    const { prompt } = asked;
    if (isFull) {
      return {
        manner: {
          ...WELL,
          status: 429,
          shape: 'an error object',
          text: 'rate limit',
          retryAfter: manner.retryAfter,
        } as const,
        subject: {},
        prompt,
      };
    }
    return { manner, subject: this.#show(known ?? made ?? this.#unmade(asked)), prompt };
  }

  /** Named and not there. */
  #unmade(asked: Pick<TrueTask, 'prompt' | 'model' | 'seconds' | 'idempotencyKey'>): TrueTask {
    const number = this.creates.length;
    return {
      ...asked,
      number,
      id: `never_made_${number}`,
      plan: PLAIN_TASK,
      madeAtMs: this.#time.nowMs,
      cancelledAtMs: null,
    };
  }

  #list(query: URLSearchParams): JsonObject {
    const manner = this.#turns.get('list') ?? 0;
    const { lists } = this.#plan;
    const entries =
      this.isHealed || lists.length === 0
        ? 'documented'
        : (lists[(manner - 1 + lists.length) % lists.length]?.entries ?? 'documented');
    const isListed = ({ plan, madeAtMs }: TrueTask) =>
      this.isHealed || (plan.listedAfterMs !== null && madeAtMs + plan.listedAfterMs <= this.#time.nowMs);
    const shown = this.tasks
      .filter(isListed)
      .toReversed()
      .slice(0, Number(query.get('limit') ?? 100));
    const isSpared = (task: TrueTask) => this.#plan.isOnlyForPoisoned && !isPoisoned(task.prompt);
    const data = shown.map((task) =>
      ENTRIES[isSpared(task) ? 'documented' : entries](this.#show(task), task.number),
    ) as JsonObject[];
    return this.face === 'infrai' ? { items: data, next_cursor: null } : { object: 'list', data };
  }

  #show(task: TrueTask): JsonObject {
    const state = this.stateOf(task);
    const { id, prompt, model, seconds, madeAtMs, plan } = task;
    const created = Math.floor((madeAtMs + (this.clockMs ?? 0)) / 1000);
    const cost =
      plan.cents === null && !this.isHealed ? {} : { cost_cents: state === 'running' ? 100 : this.billOf(task) };
    const error = state === 'failed' ? { error: { message: 'it could not be made' } } : {};
    const progress = state === 'completed' ? 100 : 40;
    const url = `${this.baseUrl}/files/${encodeURIComponent(id)}/clip.mp4`;
    switch (this.face) {
      case 'airforce': {
        const times = { created, expires_at: created + RESULT_TTL_MS / 1000 };
        const result = state === 'completed' ? { result_url: url } : {};
        const status = state === 'running' ? 'processing' : state;
        return {
          task_id: id,
          status,
          model,
          prompt,
          duration_seconds: seconds,
          progress,
          ...times,
          ...cost,
          ...error,
          ...result,
        };
      }
      case 'openai': {
        const status = state === 'running' ? 'in_progress' : state;
        return {
          id,
          object: 'video',
          status,
          model,
          prompt,
          seconds: String(seconds),
          progress,
          created_at: created,
          ...cost,
          ...error,
        };
      }
      case 'infrai':
        return { job_id: id, state, ...(state === 'completed' && { video_url: url }), ...error };
    }
  }
}

const MODELS: JsonObject = {
  data: [
    {
      id: 'air-model',
      output_modalities: ['video'],
      video_caps: {
        ...{ modes: ['text'], aspect_ratios: ['16:9'], qualities: ['720p'], min_duration_s: 5, max_duration_s: 10 },
        price_per_second_cents: 12.5,
      },
    },
  ],
};

/** What a create asks for, as JSON or as a form. */
function readCreate(body: string): Pick<TrueTask, 'prompt' | 'model' | 'seconds' | 'idempotencyKey'> {
  const field = (name: string) => new RegExp(`name="${name}"\r\n(?:.+\r\n)*\r\n([^]*?)\r\n--`).exec(body)?.[1];
  const asked: Record<string, unknown> = body.startsWith('{')
    ? JSON.parse(body)
    : { prompt: field('prompt'), model: field('model') };
  return {
    prompt: String(asked['prompt']),
    model: String(asked['model'] ?? asked['prefer']),
    seconds: Number(asked['duration_seconds'] ?? asked['seconds'] ?? 8),
    idempotencyKey: asked['idempotency_key'] as string | undefined,
  };
}

/** The server that all of them share; an account's base URL is a path of it. */
export class HostileServer {
  readonly origin: string;
  /** Told of each answer that takes its time; `release` gives it. */
  onHold: (afterMs: number, release: () => void) => void = (_afterMs, release) => release();
  readonly #http: Server;
  readonly #accounts = new Map<string, HostileAccount>();
  readonly #clip: Buffer;
  readonly #time: () => number;

  static async start(clip: Buffer, time: () => number): Promise<HostileServer> {
    const http = createServer();
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    return new HostileServer(http, clip, time);
  }

  private constructor(http: Server, clip: Buffer, time: () => number) {
    this.#http = http;
    this.#clip = clip;
    this.#time = time;
    this.origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    http.on('request', (message, response) => void this.#serve(message, response));
  }

  add(account: HostileAccount): void {
    this.#accounts.set(new URL(account.baseUrl).pathname, account);
  }

  async close(): Promise<void> {
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(message.url ?? '', this.origin);
    const [, base = '', path = ''] = /^(\/[^/]+\/[^/]+)(\/.*)$/.exec(pathname) ?? [];
    const account = this.#accounts.get(base);
    const chunks: Uint8Array[] = [];
    for await (const chunk of message) chunks.push(chunk);
    if (!account) return void response.writeHead(404).end();
    const headers: Record<string, string> = {};
    if (account.clockMs === null) response.sendDate = false;
    else headers['date'] = new Date(this.#time() + account.clockMs).toUTCString();
    const clipOf = CONTENT.exec(path)?.[1];
    if (clipOf !== undefined) return this.#sendClip(response, account.clip(decodeURIComponent(clipOf)), headers);
    if (message.headers.authorization !== `Bearer ${account.key}`) return void response.writeHead(401, headers).end();
    const answer = account.answer(message.method ?? '', { path, query, body: Buffer.concat(chunks).toString('utf8') });
    if (!answer) return void response.writeHead(404, headers).end('{}');
    const { manner, subject, prompt = '' } = answer;
    const sent = send(manner, {
      subject,
      prompt,
      key: account.key,
      idKey: FACES[account.face].idKey,
      otherId: account.tasks[0]?.id ?? 'task_0',
    });
    const give = () => deliver(response, manner, { ...sent, headers: { ...headers, ...sent.headers } });
    if (manner.afterMs) this.onHold(manner.afterMs, give);
    else give();
  }

  #sendClip(response: ServerResponse, manner: Manner | null, headers: Record<string, string>): void {
    if (manner === null) return void response.writeHead(404, headers).end();
    const isClip = manner.shape === 'documented' && manner.status === 200;
    const sent = isClip
      ? { status: 200, headers: { 'content-type': 'video/mp4' }, body: this.#clip }
      : send(manner, { subject: {}, prompt: '', key: '', idKey: 'id', otherId: '' });
    deliver(response, manner, { ...sent, headers: { ...headers, ...sent.headers } });
  }
}

function deliver(
  response: ServerResponse,
  { cut }: Manner,
  {
    status,
    headers,
    body,
  }: { readonly status: number; readonly headers: Record<string, string>; readonly body: string | Buffer },
): void {
  if (cut === 'before' || cut === 'after') return void response.socket?.resetAndDestroy();
  const bytes = Buffer.from(body as string);
  if (cut === 'within') {
    response.writeHead(status, { ...headers, 'content-length': String(bytes.length + 10) });
    return void response.write(bytes.subarray(0, bytes.length / 2), () => response.socket?.destroy());
  }
  response.writeHead(status, headers).end(bytes);
}
