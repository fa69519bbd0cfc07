/** One attempt of an activity: it may be killed, or held up for a while, before and after each thing that it does. */

import type { ActivityDependencies } from '../../activities/dependencies.ts';
import type { Db } from '../../src/catalog/driver/database.ts';
import type { Provider, ProviderCall, StartOutcome, TaskList, TaskStatus } from '../../src/domain/provider.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What happens to an attempt at its nth exchange or transaction; `during` an exchange whose answer takes its time. */
export interface Fault {
  readonly kind: 'killed' | 'held up';
  readonly when: 'before' | 'during' | 'after';
  readonly at: number;
  readonly forMs: number;
}

/** An attempt whose worker is gone does nothing any more. */
export class Killed extends Error {}

/** What a provider has read, and by whom it was learnt. */
export type Told = {
  readonly atMs: number;
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly attempt: FaultyAttempt;
} & (
  | { readonly kind: 'create'; readonly submissionId: string; readonly prompt: string; readonly outcome: StartOutcome }
  | { readonly kind: 'poll'; readonly taskId: string; readonly status: TaskStatus }
  | { readonly kind: 'list'; readonly list: TaskList }
);

/** An attempt that waits for time to pass. */
export interface Stop {
  readonly forMs: number;
  goOn(): void;
}

type News = {
  [Kind in Told['kind']]: Omit<Extract<Told, { kind: Kind }>, 'atMs' | 'baseUrl' | 'apiKey' | 'attempt'>;
}[Told['kind']];

export class FaultyAttempt {
  readonly startedAtMs: number;
  isDead = false;
  isHeldUp = false;
  readonly #time: VirtualTime;
  readonly #fault: Fault | undefined;
  readonly #onTold: (told: Told) => void;
  #points = 0;
  /** A stop that was not asked for yet. */
  #stopped: Stop | null = null;
  #onStop: () => void = () => undefined;

  constructor(time: VirtualTime, fault: Fault | undefined, onTold: (told: Told) => void) {
    this.#time = time;
    this.#fault = fault;
    this.#onTold = onTold;
    this.startedAtMs = time.nowMs;
  }

  /** Resolves when it waits the next time, or with null when its work is over. */
  async untilStop(work: Promise<unknown>): Promise<Stop | null> {
    const stopped = new Promise<void>((resolve) => {
      this.#onStop = resolve;
      if (this.#stopped) resolve();
    });
    await Promise.race([work, stopped]);
    const stop = this.#stopped;
    this.#stopped = null;
    return stop;
  }

  /** The exchange that it makes is answered so much later; a killed one hears nothing of it. */
  stop(forMs: number, release: () => void): void {
    if (this.#fault?.kind === 'killed' && this.#fault.when === 'during') this.isDead = true;
    this.#halt({ forMs, goOn: release });
  }

  #halt(stop: Stop): void {
    this.#stopped = stop;
    this.#onStop();
  }

  watch(dependencies: ActivityDependencies): ActivityDependencies {
    const { workflows, providers, archiveClip } = dependencies;
    const { airforce, openai, infrai } = providers;
    return {
      ...dependencies,
      db: this.#watchDb(dependencies.db),
      providers: {
        ...providers,
        airforce: this.#watchProvider(airforce),
        openai: this.#watchProvider(openai),
        infrai: this.#watchProvider(infrai),
      },
      archiveClip: (order) => this.#point(() => archiveClip(order)),
      workflows: { ...workflows, signalGranted: (...args) => this.#point(() => workflows.signalGranted(...args)) },
    };
  }

  #watchDb(db: Db): Db {
    return new Proxy(db, {
      get: (target, name, receiver) => {
        this.#live();
        if (name !== 'transaction') return Reflect.get(target, name, receiver);
        return (...args: Parameters<Db['transaction']>) => this.#point(() => target.transaction(...args));
      },
    });
  }

  #watchProvider(provider: Provider): Provider {
    const { list, cancel, probe, models } = provider;
    const tell = ({ baseUrl, apiKey }: ProviderCall, news: News) => {
      this.#onTold({ ...news, atMs: this.#time.nowMs, baseUrl, apiKey, attempt: this });
    };
    return {
      ...provider,
      start: (request, call) => {
        const untilMs = this.#time.nowMs + call.timeoutMs;
        return this.#point(async () => {
          // A signal that real time has not fired yet.
          const signal = this.#time.nowMs >= untilMs ? AbortSignal.abort() : call.signal;
          const outcome = await provider.start(request, { ...call, signal });
          tell(call, { kind: 'create', submissionId: call.idempotencyKey, prompt: request.prompt, outcome });
          return outcome;
        });
      },
      poll: (taskId, call) =>
        this.#point(async () => {
          const status = await provider.poll(taskId, call);
          tell(call, { kind: 'poll', taskId, status });
          return status;
        }),
      ...(list && {
        list: (call: ProviderCall) =>
          this.#point(async () => {
            const found = await list(call);
            tell(call, { kind: 'list', list: found });
            return found;
          }),
      }),
      ...(cancel && { cancel: (taskId: string, call: ProviderCall) => this.#point(() => cancel(taskId, call)) }),
      ...(probe && { probe: (call: ProviderCall) => this.#point(() => probe(call)) }),
      ...(models && { models: (call: ProviderCall) => this.#point(() => models(call)) }),
    };
  }

  #live(): void {
    if (this.isDead) throw new Killed('the worker was killed');
  }

  async #point<Result>(work: () => Promise<Result>): Promise<Result> {
    const at = this.#points++;
    await this.#strike(at, 'before');
    const result = await work();
    await this.#strike(at, 'after');
    return result;
  }

  async #strike(at: number, when: Fault['when']): Promise<void> {
    this.#live();
    if (this.#fault?.at !== at || this.#fault.when !== when) return;
    const { kind, forMs } = this.#fault;
    if (kind === 'killed') this.isDead = true;
    else this.isHeldUp = true;
    if (kind === 'held up') await new Promise<void>((goOn) => this.#halt({ forMs, goOn }));
    this.#live();
  }
}
