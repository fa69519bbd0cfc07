/** An upstream in memory that takes creates as it is told: recorded or not, answered or not, at once or late. */

import type { AdoptionWindow } from '../../src/domain/doubt.ts';
import type { Provider, StartCall, StartOutcome, TaskStatus } from '../../src/domain/provider.ts';
import type { ProviderFacts } from '../../src/domain/vendor.ts';
import type { VideoRequest } from '../../src/domain/video-request.ts';
import { airforce } from '../../src/providers/airforce.ts';

export type Answer = 'started' | StartOutcome;

/** What becomes of one create. */
export interface CreatePlan {
  /** When its task exists for all to see. */
  readonly records: 'at once' | 'never' | { readonly afterMs: number };
  /** `never`: the worker is killed while it waits; a promise: when it resolves. */
  readonly answer: Answer | 'never' | Promise<Answer>;
}

export interface MadeTask {
  readonly taskId: string;
  readonly key: string;
  readonly account: string;
  readonly model: string;
  readonly prompt: string;
  readonly durationSeconds: number | undefined;
  visibleAtMs: number;
  status: TaskStatus;
}

export const LOST: StartOutcome = { kind: 'lost', answered: false, upstream: { message: 'socket hang up' } };
export const ANSWERED_5XX: StartOutcome = { kind: 'lost', answered: true, upstream: { status: 500 } };
export const NOT_SENT: StartOutcome = { kind: 'not sent', message: 'connect ECONNREFUSED' };

/** A refusal with this status and reason. */
export function refusal(reason: Extract<StartOutcome, { kind: 'refused' }>['reason'], status: number): StartOutcome {
  return { kind: 'refused', reason, upstream: { status, message: `refused with ${status}` } };
}

/** What no server says of a create whose key has a task: it would have said so the first time. A conflict is no verdict. */
function isVerdict(given: StartOutcome): boolean {
  return given.kind === 'refused' && given.reason === 'request' && given.upstream.status !== 409;
}

const ORDINARY: CreatePlan = { records: 'at once', answer: 'started' };
const PENDING: TaskStatus = { kind: 'pending', progress: null, word: 'processing', known: true };

export interface UpstreamOptions {
  readonly honoursIdempotencyKey?: boolean;
  readonly listWindow?: AdoptionWindow | null;
}

export class Upstream {
  readonly provider: Provider;
  readonly tasks: MadeTask[] = [];
  /** Every create that was sent, by its prompt and key. */
  readonly creates: { readonly prompt: string; readonly key: string }[] = [];
  /** Called with each create before anything else happens. */
  onCreate: (prompt: string) => void = () => undefined;
  onCheck: () => Promise<void> = async () => undefined;
  onList: () => Promise<void> = async () => undefined;
  onProbe: () => Promise<void> = async () => undefined;
  /** Whether its list tells of each task what it was made for; the documented ones need not. */
  showsPrompts = true;
  /** How far the clock that its list dates tasks by is ahead of the one that its answers tell. */
  datesAheadMs = 0;
  readonly #plans = new Map<string, CreatePlan[]>();
  readonly #hung = new Set<(outcome: StartOutcome) => void>();
  #count = 0;

  constructor({
    honoursIdempotencyKey = false,
    listWindow = { answeredMs: 0, unansweredMs: 0 },
  }: UpstreamOptions = {}) {
    const facts: ProviderFacts = { ...airforce.facts, honoursIdempotencyKey, listWindow, cancels: false };
    this.provider = {
      name: 'airforce',
      facts,
      start: (request, call) => this.#start(request, call),
      poll: async (taskId) => {
        await this.onCheck();
        return this.tasks.find((task) => task.taskId === taskId)?.status ?? { kind: 'missing' };
      },
      list: async ({ baseUrl }) => {
        await this.onList();
        return this.#list(baseUrl, honoursIdempotencyKey);
      },
      models: async () => {
        throw new Error('this upstream publishes no models');
      },
      probe: () => this.onProbe(),
    };
  }

  /** How the next creates with this prompt go; after that they go well. */
  plan(prompt: string, ...plans: readonly CreatePlan[]): void {
    this.#plans.set(prompt, [...(this.#plans.get(prompt) ?? []), ...plans]);
  }

  /** Tasks made for a prompt: what is paid. */
  tasksOf(prompt: string): readonly MadeTask[] {
    return this.tasks.filter((task) => task.prompt === prompt);
  }

  finish(taskId: string, status: TaskStatus): void {
    const task = this.tasks.find((one) => one.taskId === taskId);
    if (task) task.status = status;
  }

  /** Lets every create go whose worker was killed, so that nothing is left waiting. */
  release(): void {
    for (const letGo of this.#hung) letGo(LOST);
    this.#hung.clear();
  }

  async #start(request: VideoRequest, call: StartCall): Promise<StartOutcome> {
    const { prompt } = request;
    // As `fetch` does: what was given up before it began is not sent.
    if (call.signal.aborted) return LOST;
    this.onCreate(prompt);
    const { records, answer } = this.#plans.get(prompt)?.shift() ?? ORDINARY;
    this.creates.push({ prompt, key: call.idempotencyKey });
    const task = this.#make(request, call, records);
    const given = answer === 'never' ? await this.#hang() : await Promise.race([answer, expiry(call.signal)]);
    if (given !== 'started' && !(task && isVerdict(given))) return given;
    if (!task) throw new Error('a create that makes no task is not answered with one');
    return { kind: 'started', taskId: task.taskId, costMicroUsd: null };
  }

  #make(request: VideoRequest, call: StartCall, records: CreatePlan['records']): MadeTask | undefined {
    const known = this.tasks.find(({ key }) => key === call.idempotencyKey);
    if (known && this.provider.facts.honoursIdempotencyKey) return known;
    if (records === 'never') return undefined;
    const task: MadeTask = {
      taskId: `task_${++this.#count}`,
      key: call.idempotencyKey,
      account: call.baseUrl,
      model: call.upstreamModel,
      prompt: request.prompt,
      durationSeconds: request.durationSeconds,
      visibleAtMs: Date.now() + (records === 'at once' ? 0 : records.afterMs),
      status: PENDING,
    };
    this.tasks.push(task);
    return task;
  }

  #hang(): Promise<StartOutcome> {
    return new Promise((resolve) => {
      this.#hung.add(resolve);
    });
  }

  /** As the documents have it: whole seconds, and infrai's list shows nothing but ids. */
  #list(account: string, hidesFields: boolean) {
    const visible = this.tasks.filter((task) => task.account === account && task.visibleAtMs <= Date.now());
    const tasks = visible.map(({ taskId, visibleAtMs, model, prompt, durationSeconds, status }) =>
      hidesFields
        ? { taskId, createdAtMs: undefined, costMicroUsd: null }
        : {
            ...{
              taskId,
              createdAtMs: wholeSeconds(visibleAtMs + this.datesAheadMs),
              model,
              durationSeconds,
              costMicroUsd: 'costMicroUsd' in status ? status.costMicroUsd : null,
            },
            ...(this.showsPrompts && { prompt }),
          },
    );
    return { tasks, upstreamNowMs: wholeSeconds(Date.now()) };
  }
}

function wholeSeconds(atMs: number): number {
  return Math.floor(atMs / 1000) * 1000;
}

function expiry(signal: AbortSignal): Promise<StartOutcome> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(LOST), { once: true });
  });
}

/** An answer that a test gives when it is time. */
export function gate() {
  let open: (outcome: Answer) => void = () => undefined;
  const answer = new Promise<Answer>((resolve) => {
    open = resolve;
  });
  return { answer, open };
}

export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
