/** Videos of three callers over hostile upstreams: what callers, operators, workers and Temporal do meanwhile. */

import { acceptVideo, queueDeadline } from '../../src/catalog/acceptance.ts';
import { pauseAccount, resumeAccount } from '../../src/catalog/account-health.ts';
import { listAccounts } from '../../src/catalog/account-views.ts';
import { type Db, inTransaction } from '../../src/catalog/driver/database.ts';
import { grantSlotsOfAccount } from '../../src/catalog/slots.ts';
import type { AccountConfig } from '../../src/domain/account.ts';
import { Refusal } from '../../src/domain/failure.ts';
import type { ModelConfig } from '../../src/domain/models.ts';
import { removeVideo } from '../../src/gateway/expiry.ts';
import { cancelVideo, recheckVideo, resolveVideo } from '../../src/gateway/wishes.ts';
import type { MediaStore } from '../../src/media/media-store.ts';
import { withFacts } from '../../src/process/parts.ts';
import { announceGrants } from '../../src/submissions/announce-grants.ts';
import { discoverModels } from '../../src/submissions/discover-models.ts';
import { makeRequest } from '../builders.ts';
import type { Fault } from './faulty-attempt.ts';
import { HostileAccount, type HostileServer, PLAIN_UPSTREAM, type UpstreamPlan } from './hostile-upstream.ts';
import { ESTIMATE, insertCaller } from './scene.ts';
import type { VirtualTime } from './virtual-time.ts';
import { TIMING, World } from './world.ts';

/** What can happen. */
export const DEEDS = [
  'accept',
  'accept',
  'accept',
  'accept poisoned',
  'accept twin',
  'cancel',
  'recheck',
  'remove',
  'resolve',
  'pause',
  'resume',
  'limit',
  'rename',
  'withdraw',
  'restore',
  'change list',
  'kill',
  'kill',
  'hold up',
  'terminate',
  'close',
  'stall',
  'Temporal away',
  'others',
] as const;

export interface Deed {
  readonly kind: (typeof DEEDS)[number];
  /** Chooses to whom, and how. */
  readonly pick: number;
  /** Since the deed before. */
  readonly afterMs: number;
}

/** The upstreams that behave as it comes; beside them there is one that behaves well. */
export const HOSTILE = ['air', 'open', 'inf'] as const;
export type HostileName = (typeof HOSTILE)[number];

export interface Scenario {
  readonly upstreams: Readonly<Record<HostileName, UpstreamPlan>>;
  readonly settings: Readonly<
    Record<
      HostileName,
      Pick<AccountConfig, 'maxConcurrentTasks' | 'list' | 'shared' | 'onLostAnswer' | 'lostAnswerHoldMs'>
    >
  >;
  readonly deeds: readonly Deed[];
  readonly skewsMs: readonly [number, number];
  readonly mostEvents: number;
  readonly heals: boolean;
  /** Chooses among what can be done at the same time. */
  readonly order: readonly number[];
}

const PROVIDERS = { air: 'airforce', open: 'openai', inf: 'infrai', good: 'openai' } as const;

const MODEL_ACCOUNTS: Readonly<Record<string, readonly string[]>> = {
  'open-model': ['open'],
  'twin-model': ['open-twin'],
  'inf-model': ['inf'],
  'both-model': ['air', 'open'],
  'good-model': ['good'],
};
/** The first is published by its upstream alone. */
const MODELS = ['air-model', ...Object.keys(MODEL_ACCOUNTS)];

/** Whether an account may have the model's tasks. */
export function mayServe(account: HostileName, model: string): boolean {
  return model === 'air-model' ? account === 'air' : (MODEL_ACCOUNTS[model] ?? []).some((id) => id.startsWith(account));
}

const EXPIRIES_MS = [30 * 60_000, 2 * 60 * 60_000, 5 * 60 * 60_000];

/** A video as it was asked for. */
export interface PlayedVideo {
  readonly id: string;
  readonly prompt: string;
  readonly model: string;
  readonly acceptedAtMs: number;
  readonly expiresAtMs: number;
  /** Something was done to it from outside. */
  isTouched: boolean;
}

function choose<Item>(items: readonly Item[], pick: number): Item | undefined {
  return items[pick % Math.max(items.length, 1)];
}

export class HostilePlay {
  readonly world: World;
  readonly scenario: Scenario;
  readonly upstreams: readonly HostileAccount[];
  readonly videos: PlayedVideo[] = [];
  /** How long things stood still for reasons of our own, milliseconds. */
  disruptedMs = 0;
  /** Prompts whose doubts an operator has decided. */
  readonly resolved = new Set<string>();
  /** Base URLs whose lists tell of lost creates, by what operators say of them. */
  readonly listing: ReadonlySet<string>;
  /** The limit of each credential. */
  readonly limits = new Map<string, number>();
  readonly #limits: { readonly atMs: number; readonly baseUrl: string; readonly limit: number }[] = [];
  readonly #credentials = new Map<string, string>();
  readonly #db: Db;
  readonly #store: MediaStore;
  readonly #time: VirtualTime;
  #turn = 0;

  constructor(
    scenario: Scenario,
    {
      db,
      time,
      server,
      store,
      name,
    }: {
      readonly db: Db;
      readonly time: VirtualTime;
      readonly server: HostileServer;
      readonly store: MediaStore;
      readonly name: string;
    },
  ) {
    this.scenario = scenario;
    this.#db = db;
    this.#store = store;
    this.#time = time;
    const accountOf = (id: HostileName | 'good'): AccountConfig => ({
      ...{ id, provider: PROVIDERS[id], baseUrl: `${server.origin}/${name}/${id}`, apiKey: `sk-${name}-${id}-key` },
      ...{ maxConcurrentTasks: 2, list: true, shared: false, onLostAnswer: 'fail', lostAnswerHoldMs: 600_000 },
      ...{ maxRequestsPerSecond: 1000, pool: 'main', trustedHosts: [], timing: TIMING },
      ...(id !== 'good' && scenario.settings[id]),
    });
    const accounts = [...HOSTILE, 'good' as const].map(accountOf);
    this.listing = new Set(accounts.filter((one) => withFacts(one).readsList).map(({ baseUrl }) => baseUrl));
    this.upstreams = accounts.map(({ id, baseUrl, apiKey: key }) => {
      const plan = id === 'good' ? PLAIN_UPSTREAM : scenario.upstreams[id as HostileName];
      const account = new HostileAccount({ face: PROVIDERS[id as HostileName], key, baseUrl, plan, time });
      server.add(account);
      return account;
    });
    const open = accounts.find(({ id }) => id === 'open');
    const models = Object.entries(MODEL_ACCOUNTS).map(([id, ids]) => makeModel(id, ids));
    const { skewsMs, mostEvents } = scenario;
    this.world = new World({
      ...{ db, time, server, store, models, skewsMs, mostEvents },
      accounts: [...accounts, ...(open ? [{ ...open, id: 'open-twin', pool: 'other' }] : [])],
    });
  }

  /** The most that a credential was allowed in the quarter of an hour before. */
  limitAt(baseUrl: string, atMs: number): number {
    const own = this.#limits.filter((one) => one.baseUrl === baseUrl && one.atMs <= atMs);
    const last = own.at(-1);
    return Math.max(...own.filter((one) => one.atMs > atMs - 15 * 60_000 || one === last).map(({ limit }) => limit));
  }

  credentialOf(baseUrl: string): string {
    return this.#credentials.get(baseUrl) ?? '';
  }

  /** Brings the catalog in line with the configuration, and remembers the limits. */
  async #configure(): Promise<void> {
    await this.world.configure();
    this.limits.clear();
    for (const account of this.world.accounts) {
      const { credential, baseUrl, maxConcurrentTasks } = withFacts(account);
      const limit = Math.max(this.limits.get(credential) ?? 0, maxConcurrentTasks);
      this.limits.set(credential, limit);
      this.#credentials.set(baseUrl, credential);
      this.#limits.push({ atMs: this.#time.nowMs, baseUrl, limit });
    }
  }

  async begin(): Promise<void> {
    await this.#configure();
    for (const id of ['caller_1', 'caller_2', 'caller_3']) await insertCaller(this.#db, id);
    for (const one of this.upstreams) one.healedAtMs = Number.NEGATIVE_INFINITY;
    await discoverModels(this.world.dependencies);
    for (const one of this.upstreams) one.healedAtMs = Number.POSITIVE_INFINITY;
    let afterMs = 0;
    for (const deed of this.scenario.deeds) {
      afterMs += deed.afterMs;
      this.world.later(afterMs, () => this.#do(deed));
    }
  }

  /** How long the deeds take in all. */
  get deedsMs(): number {
    return this.scenario.deeds.reduce((sum, { afterMs }) => sum + afterMs, 0);
  }

  pick(count: number): number {
    const { order } = this.scenario;
    return order.length === 0 || count < 2 ? 0 : (order[this.#turn++ % order.length] ?? 0) % count;
  }

  heal(): void {
    for (const one of this.upstreams) one.healedAtMs = this.#time.nowMs;
  }

  async #do(deed: Deed): Promise<void> {
    try {
      await this.#perform(deed);
    } catch (error) {
      // What does not go with how things stand is refused.
      if (!(error instanceof Refusal)) throw error;
    }
  }

  async #perform({ kind, pick }: Deed): Promise<void> {
    const { world } = this;
    const { accounts } = world;
    const hostile = accounts.filter(({ id }) => id !== 'good');
    const account = choose(hostile, pick);
    const video = choose(this.videos, pick);
    switch (kind) {
      case 'accept':
        return await this.#accept(pick, `plain v${this.videos.length}`);
      case 'accept poisoned':
        return await this.#accept(pick, `poison v${this.videos.length}`);
      case 'accept twin':
        return await this.#accept(pick, video?.prompt ?? 'plain twin');
      case 'pause':
        return await pauseAccount(this.#db, account?.id ?? '');
      case 'resume':
        await resumeAccount(this.#db, account?.id ?? '');
        return await this.#grant(account?.id ?? '');
      case 'limit':
        return await this.#change(account, { maxConcurrentTasks: 1 + (pick % 3) });
      case 'rename':
        return await this.#change(account, { id: `${account?.id}-new` });
      case 'withdraw':
        accounts.splice(accounts.indexOf(account as AccountConfig), account ? 1 : 0);
        return await this.#configure();
      case 'restore':
        return await this.#restore(pick);
      case 'change list':
        return await this.#change(account, { list: !account?.list });
      case 'kill':
      case 'hold up': {
        this.disruptedMs += 60_000;
        world.faults.push(faultOf(kind === 'kill' ? 'killed' : 'held up', pick));
        return;
      }
      case 'Temporal away':
        world.isTemporalAway = true;
        this.disruptedMs += 60_000 * (1 + (pick % 8));
        return world.later(60_000 * (1 + (pick % 8)), async () => {
          world.isTemporalAway = false;
        });
      case 'others':
        return choose(this.upstreams.slice(0, -1), pick)?.makeForOthers();
      default:
        if (video) await this.#touch(video, kind, pick);
    }
  }

  async #touch(video: PlayedVideo, kind: Deed['kind'], pick: number): Promise<void> {
    const { world } = this;
    const {
      runtime,
      dependencies: { workflows },
    } = world;
    const { id, prompt } = video;
    const starter = { settled: async () => undefined, catchUpLater: () => undefined };
    const wishing = { db: this.#db, workflows, starter, log: { warn: () => undefined } };
    const run = runtime.runs.get(id);
    video.isTouched ||= kind !== 'recheck';
    switch (kind) {
      case 'cancel':
        return await cancelVideo(wishing, id);
      case 'recheck':
        return await recheckVideo(wishing, id);
      case 'remove':
        return await removeVideo({ db: this.#db, store: this.#store }, id, { purgesMedia: pick % 2 === 0 });
      case 'resolve': {
        this.resolved.add(prompt);
        const made = this.upstreams.flatMap(({ tasks }) => tasks).find((task) => task.prompt === prompt);
        const taskId = made?.id ?? 'task_of_nothing';
        return await resolveVideo(wishing, id, pick % 3 === 0 ? { made: false } : { made: true, taskId });
      }
      case 'terminate':
      case 'close':
        if (run) runtime.force(run, kind === 'close' ? 'closed' : 'terminated');
        return;
      case 'stall':
        this.disruptedMs += 60_000 * (2 + (pick % 9));
        if (run) runtime.stall(run, 60_000 * (2 + (pick % 9)));
    }
  }

  async #accept(pick: number, prompt: string): Promise<void> {
    const number = this.videos.length + 1;
    const model = choose(MODELS, pick) ?? '';
    const createdAt = new Date();
    const expiresAt = new Date(createdAt.getTime() + (choose(EXPIRIES_MS, pick >> 4) ?? 0));
    const endBeforeAt = pick % 11 === 0 ? new Date(createdAt.getTime() + 15 * 60_000) : null;
    const id = `video_${String(number).padStart(3, '0')}`;
    const { video } = await acceptVideo(this.#db, {
      ...{
        id,
        callerId: `caller_${1 + (pick % 3)}`,
        dialect: 'airforce',
        estimateMicroUsd: ESTIMATE,
        createdAt,
        expiresAt,
      },
      request: makeRequest({ prompt, model }),
      queueDeadlineAt: queueDeadline(createdAt, expiresAt, endBeforeAt),
      ...{ endBeforeAt, priority: (pick % 3) - 1, batchId: null, limits: null, idempotency: null },
    });
    const acceptedAtMs = this.#time.nowMs;
    this.videos.push({
      id,
      prompt,
      model,
      acceptedAtMs,
      expiresAtMs: expiresAt.getTime(),
      isTouched: endBeforeAt !== null,
    });
    // As the gateway does; what cannot be started is found by the sweep.
    await this.world.dependencies.workflows.start(video).catch(() => undefined);
  }

  async #change(account: AccountConfig | undefined, change: Partial<AccountConfig>): Promise<void> {
    const { accounts } = this.world;
    if (account) accounts.splice(accounts.indexOf(account), 1, { ...account, ...change });
    await this.#configure();
  }

  /** An account that was withdrawn is configured again. */
  async #restore(pick: number): Promise<void> {
    const { accounts } = this.world;
    const missing = HOSTILE.filter((id) => !accounts.some((account) => account.id.startsWith(id)));
    const id = choose(missing, pick);
    const upstream = this.upstreams[HOSTILE.indexOf(id ?? 'air')];
    const [other] = accounts;
    if (id && upstream && other) {
      const { baseUrl, key: apiKey } = upstream;
      accounts.push({
        ...other,
        ...this.scenario.settings[id],
        id,
        provider: PROVIDERS[id],
        baseUrl,
        apiKey,
        pool: 'main',
      });
    }
    await this.#configure();
  }

  async #grant(account: string): Promise<void> {
    const isThere = (await listAccounts(this.#db)).some(({ id }) => id === account);
    if (isThere)
      await announceGrants(
        this.world.dependencies,
        await inTransaction(this.#db, (tx) => grantSlotsOfAccount(tx, account)),
      );
  }
}

function faultOf(kind: Fault['kind'], pick: number): Fault {
  const whens = kind === 'killed' ? (['before', 'during', 'after'] as const) : (['before', 'after'] as const);
  return { kind, when: choose(whens, pick) ?? 'before', at: (pick >> 2) % 6, forMs: 5000 * (1 + (pick % 30)) };
}

function makeModel(id: string, accounts: readonly string[]): ModelConfig {
  return {
    ...{ id, accounts, upstreamModel: id === 'inf-model' ? 'balanced' : id, pricePerSecondMicroUsd: ESTIMATE / 8 },
    ...{ durationsSeconds: null, minDurationSeconds: 1, maxDurationSeconds: 12, modes: ['text'] },
    ...{ aspectRatios: ['16:9'], qualities: ['720p'] },
  };
}
