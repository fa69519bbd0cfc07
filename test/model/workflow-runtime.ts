/** Runs the workflows' own code in the test's process: what stands in for `@temporalio/workflow`, over virtual time. */

import { AsyncLocalStorage } from 'node:async_hooks';
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  type Duration,
  msToNumber,
  TimeoutFailure,
} from '@temporalio/common';
import type { Activities } from '../../activities/index.ts';
import type { VirtualTime } from './virtual-time.ts';

export type ActivityName = keyof Activities;

/** What of an activity's options counts here. */
export interface ActivityOptions {
  readonly startToCloseTimeout: Duration;
  readonly scheduleToCloseTimeout?: Duration;
  readonly heartbeatTimeout?: Duration;
  readonly retry?: { initialInterval?: Duration; maximumInterval?: Duration; maximumAttempts?: number };
}

/** An activity that a run has asked for: one attempt after the other, until one of them counts. */
export interface AskedActivity {
  readonly run: Run;
  readonly name: ActivityName;
  readonly input: unknown;
  readonly options: ActivityOptions;
  readonly scope: CancellationScope;
  readonly askedAtMs: number;
  attempt: number;
  /** The run has its answer. */
  isOver: boolean;
  settle(result: { readonly value: unknown } | { readonly failure: Error }): void;
}

/** What is thrown to go on as a new run. */
class ContinuedAsNew extends Error {
  readonly input: unknown;
  constructor(input: unknown) {
    super('continued as new');
    this.input = input;
  }
}

/** The part of a run that can be cancelled. */
export class CancellationScope {
  static readonly #current = new AsyncLocalStorage<CancellationScope>();
  readonly cancelRequested: Promise<never>;
  consideredCancelled = false;
  onCancel: () => void = () => undefined;
  #reject: (reason: Error) => void = () => undefined;

  constructor() {
    this.cancelRequested = new Promise((_resolve, reject) => {
      this.#reject = reject;
    });
    this.cancelRequested.catch(() => undefined);
  }

  static current(): CancellationScope {
    const scope = CancellationScope.#current.getStore();
    if (!scope) throw new Error('outside of a workflow');
    return scope;
  }

  static nonCancellable<Result>(work: () => Promise<Result>): Promise<Result> {
    return new CancellationScope().run(work);
  }

  run<Result>(work: () => Result): Result {
    return CancellationScope.#current.run(this, work);
  }

  cancel(): void {
    if (this.consideredCancelled) return;
    this.consideredCancelled = true;
    this.#reject(new CancelledFailure('cancelled'));
    this.onCancel();
  }
}

interface Waiter {
  isMet(): boolean;
  settle(isMet: boolean): void;
}

export type RunStanding = 'running' | 'terminated' | 'closed';

/** One run of a video's workflow. */
export class Run {
  readonly id: string;
  readonly memo: object;
  readonly scope = new CancellationScope();
  readonly handlers = new Map<string, (argument: unknown) => void>();
  readonly waiters = new Set<Waiter>();
  readonly #mostEvents: number;
  standing: RunStanding = 'running';
  /** It was closed from outside. */
  isForced = false;
  closedAtMs = 0;
  events = 3;
  /** What its worker cannot tell it for now; null while one works. */
  backlog: (() => void)[] | null = null;

  constructor(id: string, memo: object, mostEvents: number) {
    this.id = id;
    this.memo = memo;
    this.#mostEvents = mostEvents;
  }

  get isLong(): boolean {
    return this.events > this.#mostEvents;
  }

  /** Tells the run something, unless it has closed; later while none of its workers works. */
  deliver(news: () => void): void {
    if (this.standing !== 'running') return;
    if (this.backlog) this.backlog.push(news);
    else news();
  }
}

const running = new AsyncLocalStorage<{ readonly runtime: WorkflowRuntime; readonly run: Run }>();

function current() {
  const found = running.getStore();
  if (!found) throw new Error('outside of a workflow');
  return found;
}

export class WorkflowRuntime {
  readonly time: VirtualTime;
  /** Activities whose next attempt may begin, in the order in which they were asked for. */
  readonly ready: AskedActivity[] = [];
  /** The last run of each workflow. */
  readonly runs = new Map<string, Run>();
  /** What no workflow may do: end by an error that is none of Temporal's. */
  readonly defects: string[] = [];
  onAsked: (asked: AskedActivity) => void = () => undefined;

  constructor(time: VirtualTime) {
    this.time = time;
  }

  /** Starts a run in its own time; what it comes to is seen in its standing. */
  start<Input>(run: Run, workflow: (input: Input) => Promise<unknown>, input: Input): void {
    this.runs.set(run.id, run);
    const work = () => running.run({ runtime: this, run }, () => run.scope.run(() => workflow(input)));
    // By the right time, and not by the clock of the worker that starts it.
    this.time.withSkew(0, () => {
      Promise.resolve()
        .then(work)
        .then(
          () => this.#close(run, 'closed'),
          (error: unknown) => this.#fail(run, workflow, error),
        );
    });
  }

  #fail<Input>(run: Run, workflow: (input: Input) => Promise<unknown>, error: unknown): void {
    if (run.standing !== 'running') return;
    if (error instanceof ContinuedAsNew) {
      const next = new Run(run.id, run.memo, run.isLong ? run.events : Number.POSITIVE_INFINITY);
      next.backlog = run.backlog;
      run.standing = 'closed';
      this.start(next, workflow, copy(error.input) as Input);
      return;
    }
    if (!(error instanceof ApplicationFailure || error instanceof CancelledFailure)) {
      this.defects.push(`workflow ${run.id}: ${error instanceof Error ? error.stack : String(error)}`);
    }
    this.#close(run, 'closed');
  }

  #close(run: Run, standing: Exclude<RunStanding, 'running'>): void {
    if (run.standing !== 'running') return;
    run.standing = standing;
    run.closedAtMs = this.time.nowMs;
  }

  /** Ends the run from outside: an operator terminates it, or the server closes it. */
  force(run: Run, standing: Exclude<RunStanding, 'running'>): void {
    this.#close(run, standing);
    run.isForced = true;
  }

  /** Tells the workflow; false where none runs. */
  signal(id: string, name: string, argument?: unknown): boolean {
    const run = this.runs.get(id);
    if (run?.standing !== 'running') return false;
    run.events += 1;
    run.deliver(() => run.handlers.get(name)?.(copy(argument)));
    return true;
  }

  cancel(id: string): boolean {
    const run = this.runs.get(id);
    if (run?.standing !== 'running') return false;
    run.deliver(() => run.scope.cancel());
    return true;
  }

  /** No worker can go on with the run for so long. */
  stall(run: Run, forMs: number): void {
    if (run.backlog || run.standing !== 'running') return;
    run.backlog = [];
    this.time.after(forMs, () => {
      const backlog = this.runs.get(run.id)?.backlog ?? [];
      const latest = this.runs.get(run.id) ?? run;
      latest.backlog = null;
      for (const news of backlog) latest.deliver(news);
    });
  }

  /** Lets everything go on that can without time passing. */
  async settle(): Promise<void> {
    for (let isMoving = true; isMoving; ) {
      await new Promise((resolve) => setImmediate(resolve));
      isMoving = false;
      for (const run of this.runs.values()) {
        for (const waiter of run.backlog ? [] : run.waiters) {
          if (!waiter.isMet()) continue;
          isMoving = true;
          waiter.settle(true);
        }
      }
    }
  }

  ask(run: Run, name: ActivityName, input: unknown, options: ActivityOptions): Promise<unknown> {
    run.events += 3;
    const scope = CancellationScope.current();
    return new Promise((resolve, reject) => {
      const asked: AskedActivity = {
        ...{ run, name, options, scope, attempt: 1, isOver: false },
        input: copy(input),
        askedAtMs: this.time.nowMs,
        settle: (result) => {
          if (asked.isOver) return;
          asked.isOver = true;
          run.deliver(() => ('failure' in result ? reject(result.failure) : resolve(copy(result.value))));
        },
      };
      scope.onCancel = () => asked.settle({ failure: failed(asked, new CancelledFailure('cancelled')) });
      this.ready.push(asked);
      this.onAsked(asked);
    });
  }

  /** An attempt has failed: there is another one, or the run is told. */
  retry(asked: AskedActivity, error: Error): void {
    const { retry = {}, scheduleToCloseTimeout } = asked.options;
    const { initialInterval = 1000, maximumInterval, maximumAttempts = Number.POSITIVE_INFINITY } = retry;
    const firstMs = msToNumber(initialInterval);
    const longestMs = maximumInterval === undefined ? firstMs * 100 : msToNumber(maximumInterval);
    const isFinal = error instanceof ApplicationFailure && error.nonRetryable === true;
    const wanted = error instanceof ApplicationFailure ? error.nextRetryDelay : undefined;
    const delayMs = wanted == null ? Math.min(firstMs * 2 ** (asked.attempt - 1), longestMs) : msToNumber(wanted);
    const nextMs = this.time.nowMs + delayMs;
    const lastMs = scheduleToCloseTimeout === undefined ? nextMs : asked.askedAtMs + msToNumber(scheduleToCloseTimeout);
    if (isFinal || asked.attempt >= maximumAttempts || nextMs > lastMs) {
      asked.settle({ failure: failed(asked, error) });
      return;
    }
    asked.attempt += 1;
    this.time.at(nextMs, () => !asked.isOver && this.ready.push(asked));
  }
}

/** As it comes out of a payload. */
function copy(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

function failed({ name }: AskedActivity, cause: Error): ActivityFailure {
  const isKnown = cause instanceof ApplicationFailure || cause instanceof CancelledFailure;
  const shown = isKnown || cause instanceof TimeoutFailure ? cause : ApplicationFailure.fromError(cause);
  return new ActivityFailure('Activity task failed', name, '1', 'MAXIMUM_ATTEMPTS_REACHED', undefined, shown);
}

/** What the workflows import, done by the run that asks. */
export const workflowApi = {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  CancellationScope,
  ActivityCancellationType: { WAIT_CANCELLATION_COMPLETED: 'WAIT_CANCELLATION_COMPLETED' },
  defineSignal: (name: string) => ({ type: 'signal', name }),
  defineQuery: (name: string) => ({ type: 'query', name }),
  setHandler({ name }: { readonly name: string }, handler: (argument: unknown) => void): void {
    current().run.handlers.set(name, handler);
  },
  isCancellation: (error: unknown) =>
    error instanceof CancelledFailure || (error instanceof ActivityFailure && error.cause instanceof CancelledFailure),
  patched: () => true,
  setCurrentDetails: () => undefined,
  upsertSearchAttributes(): void {
    current().run.events += 1;
  },
  workflowInfo() {
    const { id: workflowId, memo, isLong: continueAsNewSuggested } = current().run;
    return { workflowId, memo, continueAsNewSuggested };
  },
  async continueAsNew(input: unknown): Promise<never> {
    throw new ContinuedAsNew(input);
  },
  condition(isMet: () => boolean, timeout?: Duration): Promise<boolean> {
    const { run, runtime } = current();
    if (isMet()) return Promise.resolve(true);
    run.events += 2;
    return new Promise((resolve) => {
      let stop: () => void = () => undefined;
      const waiter: Waiter = {
        isMet,
        settle: (result) => {
          run.waiters.delete(waiter);
          stop();
          resolve(result);
        },
      };
      run.waiters.add(waiter);
      const late = () => run.deliver(() => run.waiters.has(waiter) && waiter.settle(isMet()));
      if (timeout !== undefined) stop = runtime.time.after(msToNumber(timeout), late);
    });
  },
  sleep: (duration: Duration): Promise<boolean> => workflowApi.condition(() => false, duration),
  proxyActivities: proxyOf,
  /** They differ in what they cost a server. */
  proxyLocalActivities: proxyOf,
};

function proxyOf(options: ActivityOptions): object {
  return new Proxy(
    {},
    {
      get: (_target, name) => (input: unknown) => {
        const { run, runtime } = current();
        return runtime.ask(run, name as ActivityName, input, options);
      },
    },
  );
}
