/** Attempts of `submitTask` that can be killed, or held up for a while, before or after each thing they do. */

import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { createSubmitActivities } from '../../activities/submit-task.ts';
import type { Db } from '../../src/catalog/driver/database.ts';
import type { Provider } from '../../src/domain/provider.ts';
import type { NextStep } from '../../src/domain/step.ts';
import type { Scene } from './scene.ts';
import { LOST } from './upstream.ts';

/** What happens to an attempt: at its nth exchange or transaction, before or after that. */
export interface Fault {
  readonly kind: 'killed' | 'held up';
  readonly when: 'before' | 'after';
  readonly at: number;
}

export type Outcome = { readonly kind: 'done'; readonly next: NextStep } | { readonly kind: 'interrupted' };

type Point = <Result>(work: () => Promise<Result>) => Promise<Result>;

/** The transactions of a catalog become points; what it only reads stays as it is. */
function watchDb(db: Db, point: Point): Db {
  return new Proxy(db, {
    get(target, name, receiver) {
      if (name !== 'transaction') return Reflect.get(target, name, receiver);
      return (...args: Parameters<Db['transaction']>) => point(() => target.transaction(...args));
    },
  });
}

/** A create that is held up beyond its time is not sent any more: its signal has fired, which a clock of ours cannot do. */
function watchProvider(provider: Provider, point: Point): Provider {
  const { list } = provider;
  return {
    ...provider,
    start: (request, call) => {
      const untilMs = Date.now() + call.timeoutMs;
      return point(async () => (Date.now() >= untilMs ? LOST : await provider.start(request, call)));
    },
    ...(list && { list: (call) => point(() => list(call)) }),
  };
}

/** The attempts of one video's submission; those that were interrupted are let go at the end. */
export class Attempts {
  readonly #scene: Scene;
  readonly #heldUp: (() => void)[] = [];
  readonly #killed: ((reason: Error) => void)[] = [];
  readonly #left: Promise<unknown>[] = [];

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** One attempt, until it is done or its fault strikes. */
  async run(input: { readonly videoId: string; readonly submissionId: string }, fault?: Fault): Promise<Outcome> {
    let interrupt: () => void = () => undefined;
    const interrupted = new Promise<Outcome>((resolve) => {
      interrupt = () => resolve({ kind: 'interrupted' });
    });
    const work = this.#start(input, fault, interrupt);
    this.#left.push(work.catch(() => undefined));
    return await Promise.race([work, interrupted]);
  }

  async #start(
    input: { readonly videoId: string; readonly submissionId: string },
    fault: Fault | undefined,
    interrupt: () => void,
  ): Promise<Outcome> {
    const { dependencies } = this.#scene;
    let reached = 0;
    const pause = async (at: number, when: Fault['when']) => {
      if (fault?.at !== at || fault.when !== when) return;
      interrupt();
      await this.#stand(fault);
    };
    const point: Point = async (work) => {
      const at = reached++;
      await pause(at, 'before');
      const result = await work();
      await pause(at, 'after');
      return result;
    };
    const { submitTask } = createSubmitActivities({
      ...dependencies,
      db: watchDb(dependencies.db, point),
      providers: { ...dependencies.providers, airforce: watchProvider(dependencies.providers.airforce, point) },
    });
    const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
    return { kind: 'done', next: await environment.run(submitTask, input) };
  }

  #stand({ kind }: Fault): Promise<void> {
    return new Promise((resolve, reject) => {
      if (kind === 'killed') this.#killed.push(reject);
      else this.#heldUp.push(resolve);
    });
  }

  /** Those that were held up go on to their ends, long after everybody has stopped waiting for them. */
  async resume(): Promise<void> {
    for (const goOn of this.#heldUp) goOn();
    if (this.#killed.length === 0) await Promise.all(this.#left);
  }

  /** Lets the killed ones go, so that nothing is left behind. */
  async clear(): Promise<void> {
    for (const goOn of this.#heldUp) goOn();
    for (const fail of this.#killed) fail(new Error('this worker was killed'));
    this.#scene.upstream.release();
    await Promise.all(this.#left);
  }
}
