/** Clipyard over hostile upstreams: its own workflows, activities and sweeps in virtual time, and all that befalls them. */

import { msToNumber, TimeoutFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import type { ActivityDependencies } from '../../activities/dependencies.ts';
import { createActivities } from '../../activities/index.ts';
import { createClipArchiver } from '../../src/archive/archive-clip.ts';
import { syncAccounts, withFormerIds } from '../../src/catalog/accounts.ts';
import type { Db } from '../../src/catalog/driver/database.ts';
import { syncConfiguredModels } from '../../src/catalog/models.ts';
import { createSecretBox } from '../../src/catalog/secret-box.ts';
import type { AccountConfig } from '../../src/domain/account.ts';
import type { ModelConfig } from '../../src/domain/models.ts';
import type { Provider, ProviderTable } from '../../src/domain/provider.ts';
import type { Video } from '../../src/domain/video.ts';
import type { VideoWorkflows } from '../../src/domain/video-workflows.ts';
import type { MediaStore } from '../../src/media/media-store.ts';
import { fetchUntrusted } from '../../src/net/untrusted/fetch.ts';
import { withFacts } from '../../src/process/parts.ts';
import { PROVIDERS_BY_NAME } from '../../src/providers/index.ts';
import { generateVideo } from '../../workflows/generate-video.ts';
import { fakeWorkflows } from '../fake-workflows.ts';
import { type Fault, FaultyAttempt, Killed, type Told } from './faulty-attempt.ts';
import { type HostileServer, RESULT_TTL_MS } from './hostile-upstream.ts';
import type { VirtualTime } from './virtual-time.ts';
import { type ActivityOptions, type AskedActivity, Run, WorkflowRuntime } from './workflow-runtime.ts';

const CREATE_TIMEOUT_MS = 60_000;

/** Long enough for hours to pass in few polls. */
export const TIMING = { firstPollMs: 10_000, minPollMs: 20_000, maxPollMs: 30 * 60_000, deadlineMs: 4 * 60 * 60_000 };

/** As they are, but for how long results are kept where upstreams do not say so, and how often they are polled: days would pass. */
const PROVIDERS = Object.fromEntries(
  Object.entries(PROVIDERS_BY_NAME).map(([name, provider]: [string, Provider]) => [
    name,
    { ...provider, facts: { ...provider.facts, resultTtlMs: RESULT_TTL_MS, timing: TIMING } },
  ]),
) as typeof PROVIDERS_BY_NAME;

export interface WorldOptions {
  readonly db: Db;
  readonly time: VirtualTime;
  readonly server: Pick<HostileServer, 'onHold'>;
  readonly store: MediaStore;
  readonly accounts: readonly AccountConfig[];
  readonly models: readonly ModelConfig[];
  /** How far the clocks of the workers are off, milliseconds. */
  readonly skewsMs: readonly number[];
  /** After so many events a run goes on as a new one. */
  readonly mostEvents: number;
  /** The documented ones where absent. */
  readonly providers?: ProviderTable;
  /** What stands in for a dependency of its own. */
  readonly dependencies?: Partial<ActivityDependencies>;
}

/** Errors of attempts that say what the workflow is to know. */
const EXPECTED_TYPES: readonly unknown[] = [
  'result_not_ready',
  'result_expired',
  'result_invalid',
  'no_result',
  'account_missing',
];

const quiet = new DefaultLogger('ERROR', () => undefined);

export class World {
  readonly db: Db;
  readonly time: VirtualTime;
  readonly runtime: WorkflowRuntime;
  readonly dependencies: ActivityDependencies;
  /** As they are configured now. */
  readonly accounts: AccountConfig[];
  /** What providers have read, in order. */
  readonly told: Told[] = [];
  /** What may never happen, however the upstreams answer. */
  readonly defects: string[] = [];
  /** Errors that the sweeps reported. */
  readonly incidents = new Map<string, number>();
  /** Faults of the next attempts. */
  readonly faults: Fault[] = [];
  /** Activities that each workflow asked for. */
  readonly asked = new Map<string, number[]>();
  isTemporalAway = false;
  attempts = 0;
  readonly #options: WorldOptions;
  /** What can be done before time passes on. */
  readonly #jobs: (() => Promise<void>)[] = [];
  #active: FaultyAttempt | null = null;
  #underWay = 0;

  constructor(options: WorldOptions) {
    const { db, time, server, accounts } = options;
    this.#options = options;
    this.db = db;
    this.time = time;
    this.runtime = new WorkflowRuntime(time);
    this.runtime.onAsked = ({ run: { id } }) => this.asked.set(id, [...(this.asked.get(id) ?? []), time.nowMs]);
    this.accounts = [...accounts];
    server.onHold = (forMs, release) => this.#active?.stop(forMs, release);
    this.dependencies = this.#makeDependencies(options);
  }

  #makeDependencies({ db, store, providers = PROVIDERS, dependencies }: WorldOptions): ActivityDependencies {
    const unused = async () => {
      throw new Error('nothing of this is used here');
    };
    return {
      ...{ db, store, accounts: this.accounts, providers, workflows: this.#workflows() },
      loadImage: unused,
      linkImage: () => '',
      delivery: { db, secrets: createSecretBox(''), post: unused, trustedHosts: [] },
      putClip: unused,
      archiveClip: createClipArchiver({
        ...{ store, fetchResult: fetchUntrusted, makePoster: async () => null },
        limits: { waitsMs: [0], secondCopyMs: 1 },
      }),
      inspectClip: unused,
      takeLastPicture: unused,
      films: { make: unused, cleanUp: unused, cleanUpOthers: unused },
      renderEnded: () => ({}),
      countIncident: (incident) => void this.incidents.set(incident, (this.incidents.get(incident) ?? 0) + 1),
      follower: { follow: () => undefined, leave: () => undefined },
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
      ...{ createTimeoutMs: CREATE_TIMEOUT_MS, deliveryTimeoutMs: CREATE_TIMEOUT_MS, exchangeTimeoutMs: 15_000 },
      ...dependencies,
    };
  }

  /** Temporal, as the rest of the program knows it. */
  #workflows(): VideoWorkflows {
    const { runtime } = this;
    const reach = () => {
      if (this.isTemporalAway) throw Object.assign(new Error('Temporal is away'), { code: 14 });
    };
    const signal = (name: string) => async (id: string, argument?: unknown) => {
      reach();
      return runtime.signal(id, name, argument);
    };
    return fakeWorkflows({
      start: async (video) => {
        reach();
        this.#start(video);
      },
      cancel: async (id) => (await signal('cancel')(id)) && runtime.cancel(id),
      signalGranted: signal('granted'),
      signalNews: signal('upstreamEvent'),
      signalRecheck: signal('recheck'),
      signalReopen: signal('reopen'),
      standing: async (id) => {
        reach();
        return runtime.runs.get(id)?.standing ?? 'gone';
      },
      listClosedSince: async (since) => {
        reach();
        const closed = [...runtime.runs.values()].filter((run) => run.isForced && run.closedAtMs > since.getTime());
        return closed.map(({ id }) => id);
      },
    });
  }

  #start({ id, request, callerId, dialect, estimateMicroUsd, createdAt, expiresAt }: Video): void {
    if (this.runtime.runs.get(id)?.standing === 'running') return;
    const memo = { dialect, estimateMicroUsd, createdAt: createdAt.toISOString(), expiresAt: expiresAt.toISOString() };
    this.runtime.start(new Run(id, memo, this.#options.mostEvents), generateVideo, { request, callerId });
  }

  /** Enters accounts and models as they are configured now. */
  async configure(): Promise<void> {
    await syncAccounts(
      this.db,
      this.accounts.map((account) => withFacts(account, this.dependencies.providers)),
    );
    this.accounts.splice(0, this.accounts.length, ...(await withFormerIds(this.db, this.accounts)));
    const ids = this.accounts.map(({ id }) => id);
    const models = this.#options.models.map((model) => ({
      ...model,
      accounts: model.accounts.filter((id) => ids.includes(id)),
    }));
    await syncConfiguredModels(
      this.db,
      models.filter(({ accounts }) => accounts.length > 0),
    );
  }

  /** Has something done at its time, before anything else that is due then. */
  later(afterMs: number, job: () => Promise<void>): void {
    this.time.after(afterMs, () => this.#jobs.push(job));
  }

  /** Has a sweep run now and then; `gapMs` is asked after each. */
  sweepEvery(gapMs: () => number): void {
    const options: ActivityOptions = { startToCloseTimeout: '5 minutes', retry: { maximumAttempts: 1 } };
    const run = new Run('sweep', {}, Number.POSITIVE_INFINITY);
    const sweep = () => {
      const settle: AskedActivity['settle'] = (result) => {
        if ('value' in result) this.#noteErrors((result.value as { readonly errors: readonly string[] }).errors);
        this.time.after(gapMs(), sweep);
      };
      const asked = { run, name: 'sweep' as const, input: undefined, options, askedAtMs: this.time.nowMs };
      this.runtime.ready.push({ ...asked, scope: run.scope, attempt: 1, isOver: false, settle });
    };
    this.time.after(gapMs(), sweep);
  }

  #noteErrors(errors: readonly string[]): void {
    if (this.isTemporalAway) return;
    // A sweep that was held up may tell of it when Temporal is back.
    this.defects.push(...errors.filter((error) => !error.includes('away')).map((error) => `sweep: ${error}`));
  }

  /**
   * Goes on until nothing more can happen up to then. `pick` chooses among what can be done at the same time; `onQuiet` is
   * called before time passes, and ends it by false.
   */
  async run(
    untilMs: number,
    { pick, onQuiet }: { pick: (count: number) => number; onQuiet: () => Promise<boolean> },
  ): Promise<void> {
    for (let hasNews = true; ; ) {
      await this.runtime.settle();
      const job = this.#takeJob(pick);
      if (job) {
        await job();
        hasNews = true;
        continue;
      }
      if (hasNews && !(await onQuiet())) return;
      hasNews = false;
      if (!this.time.advance(untilMs)) return;
    }
  }

  get isBusy(): boolean {
    return this.#underWay > 0;
  }

  #takeJob(pick: (count: number) => number): (() => Promise<void>) | undefined {
    const job = this.#jobs.shift();
    if (job) return job;
    const { ready } = this.runtime;
    const [asked] = ready.splice(pick(ready.length), 1);
    return (
      asked && (() => (asked.isOver || asked.run.standing !== 'running' ? Promise.resolve() : this.#attempt(asked)))
    );
  }

  /** One attempt, as far as it goes without time passing. */
  async #attempt(asked: AskedActivity): Promise<void> {
    this.attempts += 1;
    const { attempt: n, name, input, options } = asked;
    const attempt = new FaultyAttempt(this.time, this.faults.shift(), (told) => this.told.push(told));
    const activities = createActivities(attempt.watch(this.dependencies));
    const environment = new MockActivityEnvironment({ attempt: n }, { logger: quiet });
    const skewMs = this.#options.skewsMs[this.attempts % this.#options.skewsMs.length] ?? 0;
    const activity = activities[name] as (input: unknown) => Promise<unknown>;
    const isCurrent = () => !asked.isOver && asked.attempt === n;
    this.#underWay += 1;
    const work = this.time
      .withSkew(skewMs, () => environment.run(activity, input))
      .then(
        (value) => {
          if (attempt.isDead) return;
          this.#checkSize(name, value);
          if (isCurrent()) asked.settle({ value });
        },
        (error: unknown) => {
          if (attempt.isDead) return;
          this.#noteError(name, error);
          if (isCurrent()) this.runtime.retry(asked, error as Error);
        },
      )
      .finally(() => {
        this.#underWay -= 1;
      });
    const limitMs = (limit: ActivityOptions['startToCloseTimeout']) => msToNumber(limit);
    const timeOut = () =>
      isCurrent() && this.runtime.retry(asked, new TimeoutFailure('timed out', undefined, 'START_TO_CLOSE'));
    await this.#follow(attempt, work, () => {
      const ms =
        attempt.isDead || attempt.isHeldUp
          ? limitMs(options.heartbeatTimeout ?? options.startToCloseTimeout)
          : limitMs(options.startToCloseTimeout);
      this.time.at(attempt.startedAtMs + ms, timeOut);
    });
  }

  async #follow(attempt: FaultyAttempt, work: Promise<unknown>, onStop: () => void): Promise<void> {
    this.#active = attempt;
    const stop = await attempt.untilStop(work);
    this.#active = null;
    if (stop || attempt.isDead) onStop();
    if (stop) {
      this.later(stop.forMs, async () => {
        stop.goOn();
        await this.#follow(attempt, work, () => undefined);
      });
    }
  }

  #checkSize(name: string, value: unknown): void {
    const size = JSON.stringify(value ?? null).length;
    if (size > 200_000) this.defects.push(`${name} answers with ${size} characters`);
  }

  #noteError(name: string, error: unknown): void {
    if (error instanceof Killed) return;
    const type = error instanceof Error && 'type' in error ? error.type : undefined;
    if (EXPECTED_TYPES.includes(type)) return;
    if (this.isTemporalAway && String(error).includes('away')) return;
    const causes: unknown[] = [error];
    for (let one = error; one instanceof Error && one.cause; one = one.cause) causes.push(one.cause);
    // Whether an upstream stops a task is its own matter.
    if (name === 'cancelTask' && causes.some((one) => one instanceof Error && one.name === 'UpstreamError')) return;
    const cause = causes.at(-1);
    this.defects.push(`${name} fails: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`);
  }
}
