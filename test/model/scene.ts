/** Activities over a catalog and an upstream in memory, and a driver that takes a video's steps as its workflow does. */

import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { eq, sql } from 'drizzle-orm';
import type { ActivityDependencies } from '../../activities/dependencies.ts';
import { createActivities } from '../../activities/index.ts';
import type { SweepReport } from '../../activities/sweep.ts';
import { acceptVideo } from '../../src/catalog/acceptance.ts';
import { type ConfiguredAccount, syncAccounts } from '../../src/catalog/accounts.ts';
import type { Db } from '../../src/catalog/driver/database.ts';
import { createSecretBox } from '../../src/catalog/secret-box.ts';
import { accountModels } from '../../src/catalog/tables/accounts.ts';
import { callers } from '../../src/catalog/tables/callers.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import { findVideo } from '../../src/catalog/videos.ts';
import type { Poll } from '../../src/domain/poll.ts';
import type { Grant } from '../../src/domain/slot.ts';
import type { NextStep, OpenedVideo, RunningTask, TaskMemory } from '../../src/domain/step.ts';
import type { Video } from '../../src/domain/video.ts';
import type { ImageReference } from '../../src/domain/video-request.ts';
import { PROVIDERS_BY_NAME } from '../../src/providers/index.ts';
import type { CheckTaskInput } from '../../src/submissions/poll-task.ts';
import { makeArchive, makeOffer, makeRequest } from '../builders.ts';
import { makeAccount } from '../catalog/rows.ts';
import { fakeWorkflows } from '../fake-workflows.ts';
import { silentLog } from '../temporal/silent-log.ts';
import { Upstream, type UpstreamOptions } from './upstream.ts';

/** What an estimate is in these tests: one dollar. */
export const ESTIMATE = 1_000_000;

export interface SceneOptions extends UpstreamOptions {
  readonly accounts?: readonly Partial<ConfiguredAccount>[];
  /** Whether operators say that the accounts have a list; they do when absent. */
  readonly hasList?: boolean;
  readonly createTimeoutMs?: number;
  readonly dependencies?: Partial<ActivityDependencies>;
}

/** A caller without a limit, so that money is counted and never refused. */
export async function insertCaller(db: Db, id: string, overrides: Partial<typeof callers.$inferInsert> = {}) {
  await db.insert(callers).values({ id, name: id, keyHash: `hash of ${id}`, ...overrides });
}

/** Offers a model at accounts, in this order of preference. */
export async function offerModel(db: Db, model: string, accounts: readonly string[]): Promise<void> {
  const { capabilities, pricePerSecondMicroUsd } = makeOffer();
  const rows = accounts.map((account, preference) => ({
    account,
    model,
    upstreamModel: model,
    pricePerSecondMicroUsd,
    capabilities,
    source: 'configured' as const,
    preference,
    refreshedAt: new Date(),
  }));
  await db.insert(accountModels).values(rows);
}

interface AcceptOptions {
  readonly callerId?: string;
  readonly model?: string;
  readonly images?: readonly ImageReference[];
  readonly priority?: number;
}

/** Accepts a video of this caller; its prompt is its id, so that its tasks can be told apart. */
export async function accept(
  db: Db,
  id: string,
  { callerId = 'caller_1', model = 'wan-2.6', images = [], priority = 0 }: AcceptOptions = {},
): Promise<Video> {
  const createdAt = new Date();
  const expiresAt = new Date(createdAt.getTime() + 86_400_000);
  const { video } = await acceptVideo(db, {
    id,
    callerId,
    dialect: 'airforce',
    request: makeRequest({ prompt: id, model, images, ...(images.length > 0 && { mode: 'reference' }) }),
    estimateMicroUsd: ESTIMATE,
    createdAt,
    expiresAt,
    queueDeadlineAt: expiresAt,
    priority,
    batchId: null,
    limits: null,
    idempotency: null,
  });
  return video;
}

/** Failures are what is tested, so the worker's own lines about them are left out. */
const makeEnvironment = () => new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });

export class Scene {
  readonly db: Db;
  readonly upstream: Upstream;
  readonly dependencies: ActivityDependencies;
  readonly activities: ReturnType<typeof createActivities>;
  /** Winners of slots that were told, in order. */
  readonly told: string[] = [];
  /** Incidents that were counted, in order. */
  readonly incidents: string[] = [];
  /** Errors that were logged. */
  readonly logged: string[] = [];
  /** Words that were logged, each behind its account. */
  readonly words: string[] = [];
  /** Keys that were removed from the media store, in order. */
  readonly removed: string[] = [];
  readonly #remove = async (key: string) => void this.removed.push(key);
  /** Warnings that were, about tasks alone. */
  readonly warned: string[] = [];
  accounts: ConfiguredAccount[];

  constructor(db: Db, options: SceneOptions = {}) {
    this.db = db;
    this.upstream = new Upstream(options);
    const { honoursIdempotencyKey, listWindow } = this.upstream.provider.facts;
    const singleLane = listWindow !== null && !honoursIdempotencyKey;
    this.accounts = (options.accounts ?? [{}]).map((account) => {
      const id = account.id ?? 'airforce-1';
      return makeAccount({
        id,
        baseUrl: `https://${id}.example`,
        readsList: listWindow !== null,
        singleLane,
        ...account,
      });
    });
    this.dependencies = this.#makeDependencies(options);
    this.activities = createActivities(this.dependencies);
  }

  #makeDependencies({ createTimeoutMs = 60_000, hasList = true, dependencies }: SceneOptions): ActivityDependencies {
    const log = silentLog();
    const unused = async () => {
      throw new Error('nothing of this is used here');
    };
    return {
      db: this.db,
      store: { stage: unused, read: unused, sizeBytes: unused, remove: this.#remove, check: unused },
      loadImage: unused,
      delivery: { db: this.db, secrets: createSecretBox(''), post: unused, trustedHosts: [] },
      putClip: unused,
      linkImage: () => {
        throw new Error('nothing of this is used here');
      },
      archiveClip: unused,
      inspectClip: unused,
      takeLastPicture: unused,
      films: { make: unused, cleanUp: unused, cleanUpOthers: unused },
      renderEnded: () => ({}),
      deliveryTimeoutMs: createTimeoutMs,
      providers: { ...PROVIDERS_BY_NAME, airforce: this.upstream.provider },
      accounts: this.accounts.map((account) => ({
        ...account,
        apiKey: 'key',
        shared: false,
        list: hasList,
        trustedHosts: [],
        timing: {},
        maxRequestsPerSecond: 1000,
        onLostAnswer: 'fail',
        lostAnswerHoldMs: 0,
      })),
      workflows: fakeWorkflows({
        start: unused,
        signalGranted: async (videoId) => this.told.push(videoId) > 0,
      }),
      countIncident: (incident) => void this.incidents.push(incident),
      follower: { follow: () => undefined, leave: () => undefined },
      log: {
        info: () => undefined,
        warn: (fields, line) => {
          log.warn(fields, line);
          if ('taskId' in fields) this.warned.push(line);
          if ('word' in fields && 'account' in fields) this.words.push(`${fields['account']} ${fields['word']}`);
        },
        error: (_fields, line) => void this.logged.push(line),
      },
      createTimeoutMs,
      exchangeTimeoutMs: 5000,
      ...dependencies,
    };
  }

  /** Enters the accounts as they are configured now. */
  async configure(): Promise<void> {
    await syncAccounts(this.db, this.accounts);
  }

  /** Accounts, one caller and one model: what most tests need. */
  async furnish(): Promise<this> {
    await this.configure();
    await insertCaller(this.db, 'caller_1');
    await offerModel(
      this.db,
      'wan-2.6',
      this.accounts.map(({ id }) => id),
    );
    return this;
  }

  requestSlot(videoId: string): Promise<NextStep> {
    return makeEnvironment().run(this.activities.requestSlot, { videoId });
  }

  submit(videoId: string, submissionId: string): Promise<NextStep> {
    return makeEnvironment().run(this.activities.submitTask, { videoId, submissionId });
  }

  /** Accepts a video and brings it to its slot. */
  async granted(videoId: string): Promise<string> {
    await accept(this.db, videoId);
    const next = await this.requestSlot(videoId);
    if (next.step !== 'submit') throw new Error(`video ${videoId} has no slot: ${next.step}`);
    return next.submissionId;
  }

  /** Opens a video as its workflow does, which remembers this of its task. */
  async open(videoId: string, memory?: TaskMemory): Promise<NextStep> {
    const request = makeRequest({ prompt: videoId, model: 'wan-2.6' });
    const at = new Date().toISOString();
    const expiresAt = new Date(Date.now() + 86_400_000).toISOString();
    const accepted = { dialect: 'airforce', estimateMicroUsd: ESTIMATE, createdAt: at, expiresAt } as const;
    const input = { videoId, request, callerId: 'caller_1', accepted, memory };
    const opened: OpenedVideo = await makeEnvironment().run(this.activities.openVideo, input);
    return opened.next;
  }

  /** Takes one step as the workflow would, waiting left out; an archive always succeeds. */
  async take(videoId: string, next: NextStep): Promise<NextStep> {
    const { activities } = this;
    switch (next.step) {
      case 'open':
        return await this.open(videoId);
      case 'slot':
        return await this.requestSlot(videoId);
      case 'submit':
      case 'confirm':
        return await this.submit(videoId, next.submissionId);
      case 'watch': {
        const input: CheckTaskInput = { videoId, task: next.task, finality: 'never', ended: next.ended };
        const poll: Poll = await makeEnvironment().run(activities.checkTask, input);
        return poll.kind === 'over' ? poll.next : next;
      }
      case 'cancel':
        await makeEnvironment().run(activities.cancelTask, { task: next.task });
        return await this.end(videoId, 'cancelled');
      case 'archive':
        return await this.end(videoId, 'completed');
      case 'end':
        return await makeEnvironment().run(activities.endVideo, { videoId, ...next, archive: null });
      case 'ended':
        return next;
    }
  }

  /** Polls a task that is not waited for any longer. */
  async giveUp(videoId: string, task: RunningTask): Promise<NextStep> {
    const input: CheckTaskInput = { videoId, task, finality: 'in any case' };
    const poll: Poll = await makeEnvironment().run(this.activities.checkTask, input);
    if (poll.kind !== 'over') throw new Error('the task is waited for on');
    return poll.next;
  }

  async end(videoId: string, state: 'completed' | 'failed' | 'cancelled' | 'expired'): Promise<NextStep> {
    const failure = state === 'completed' ? null : ({ kind: 'cancelled', message: state, upstream: null } as const);
    const archive = state === 'completed' ? makeArchive() : null;
    return await makeEnvironment().run(this.activities.endVideo, { videoId, state, failure, archive });
  }

  sweep(): Promise<SweepReport> {
    return makeEnvironment().run(this.activities.sweep);
  }

  /** Lets time pass for all that is under way, in the rows and upstream. */
  async pass(ms: number): Promise<void> {
    const by = `interval '${ms} milliseconds'`;
    const shift = (table: string, columns: readonly string[]) => {
      const set = columns.map((column) => `${column} = ${column} - ${by}`).join(', ');
      return this.db.execute(sql.raw(`update ${table} set ${set}`));
    };
    await shift('submissions', [
      'granted_at',
      'signalled_at',
      'sent_at',
      'send_until',
      'first_empty_list_at',
      'missing_since',
      'list_unreadable_since',
      'running_at',
    ]);
    await shift('waiting', ['not_before']);
    await shift('accounts', ['paused_until', 'troubled_at', 'suspended_at', 'list_read_at', 'first_used_at']);
    await shift('account_models', ['suspended_until']);
    await shift('videos', [
      'created_at',
      'expires_at',
      'queue_deadline_at',
      'end_before_at',
      'opened_at',
      'audited_at',
    ]);
    await shift('orphans', ['created_at', 'found_at']);
    for (const task of this.upstream.tasks) task.visibleAtMs -= ms;
  }

  async video(id: string): Promise<Video> {
    const video = await findVideo(this.db, id);
    if (!video) throw new Error(`no video ${id}`);
    return video;
  }

  /** A video's submissions, first to last. */
  async submissionsOf(videoId: string) {
    return await this.db.select().from(submissions).where(eq(submissions.videoId, videoId)).orderBy(submissions.n);
  }

  async statesOf(videoId: string): Promise<readonly string[]> {
    return (await this.submissionsOf(videoId)).map(({ state }) => state);
  }
}

/** The videos of grants, in order. */
export function winners(grants: readonly Grant[]): readonly string[] {
  return grants.map(({ videoId }) => videoId);
}
