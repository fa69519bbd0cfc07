/** `sweep`: every part of it is done although others failed, and a bad video keeps no other from being started. */

import { eq } from 'drizzle-orm';
import type { ActivityDependencies } from '../../activities/dependencies.ts';
import { listSuspendedAccounts, suspend } from '../../src/catalog/account-health.ts';
import { endVideo } from '../../src/catalog/ends.ts';
import { ledger } from '../../src/catalog/tables/callers.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import { idempotencyKeys, videos } from '../../src/catalog/tables/videos.ts';
import { wish } from '../../src/catalog/wishes.ts';
import { makeArchive } from '../builders.ts';
import { insertSubmission, makeAccount } from '../catalog/rows.ts';
import { describeOnBothCatalogs } from '../catalog/with-catalog.ts';
import { fakeWorkflows } from '../fake-workflows.ts';
import { accept, Scene, type SceneOptions } from '../model/scene.ts';
import { LOST } from '../model/upstream.ts';

/** A suspension that no pause goes with. */
const REFUSED = { error: 'the key was refused', retryAfterMs: undefined, shortestMs: 0, longestMs: 0 };

const MINUTE_MS = 60_000;

/** An error as the client throws it: its own, with what gRPC reported as the cause. */
function temporalError(code: number, details: string): Error {
  const cause = Object.assign(new Error(`${code}: ${details}`), { code, details });
  return new Error('Failed to start Workflow', { cause });
}

const INVALID = temporalError(3, 'input exceeds size limit');
const AWAY = temporalError(14, 'connection refused');

type Workflows = ActivityDependencies['workflows'];

describeOnBothCatalogs('the sweep', (catalog) => {
  let scene: Scene;
  let started: string[];
  /** Videos whose workflow has begun. */
  let begun: Set<string>;

  /** Workflows that are started unless this says otherwise. */
  async function furnish(workflows: Partial<Workflows> = {}, options: SceneOptions = {}): Promise<Scene> {
    started = [];
    begun = new Set();
    const all: Workflows = fakeWorkflows({
      start: async ({ id }) => void started.push(id),
      signalGranted: async (videoId) => scene.told.push(videoId) > 0,
      standing: async (id) => (begun.has(id) ? 'running' : 'gone'),
      ...workflows,
    });
    scene = new Scene(catalog.database.db, { ...options, dependencies: { workflows: all } });
    return await scene.furnish();
  }

  /** Videos that were accepted two minutes ago, one after the other, and never started. */
  async function acceptEarlier(...ids: readonly string[]): Promise<void> {
    for (const [i, id] of ids.entries()) {
      await accept(scene.db, id);
      const createdAt = new Date(Date.now() - 2 * MINUTE_MS + i);
      await scene.db.update(videos).set({ createdAt }).where(eq(videos.id, id));
    }
  }

  async function acceptNow(id: string): Promise<string> {
    await accept(scene.db, id);
    return id;
  }

  async function open(id: string, change: Partial<typeof videos.$inferInsert> = {}): Promise<void> {
    begun.add(id);
    const openedAt = new Date(Date.now() - 60 * MINUTE_MS);
    await scene.db
      .update(videos)
      .set({ openedAt, ...change })
      .where(eq(videos.id, id));
  }

  test('starts what was accepted a minute ago and never started', async () => {
    await furnish();
    await acceptEarlier('v1', 'v2');
    await accept(scene.db, 'fresh');
    expect(await scene.sweep()).toMatchObject({ started: 2, errors: [] });
    expect(started).toEqual(['v1', 'v2']);
  });

  test('has a workflow that was terminated before its first step end its video, and leaves one that runs', async () => {
    const standings = { v1: 'terminated', v2: 'running' } as const;
    await furnish({
      standing: async (id) => standings[id as keyof typeof standings],
      listClosedSince: async () => ['v1'],
    });
    await acceptEarlier('v1', 'v2');
    expect(await scene.sweep()).toMatchObject({ resumed: 1, errors: [] });
    expect(await scene.video('v1')).toMatchObject({ cancelRequestedAt: expect.any(Date) });
    expect(await scene.video('v2')).toMatchObject({ cancelRequestedAt: null });
  });

  test('ends a video whose start is refused as invalid and starts the others', async () => {
    await furnish({
      start: async ({ id }) => {
        if (id === 'v1') throw INVALID;
        started.push(id);
      },
    });
    await acceptEarlier('v1', 'v2');
    expect(await scene.sweep()).toMatchObject({ started: 1, errors: [] });
    expect(started).toEqual(['v2']);
    expect(await scene.video('v1')).toMatchObject({
      state: 'failed',
      settledMicroUsd: 0,
      failure: {
        kind: 'start_refused',
        message: 'Temporal refused to start the video: input exceeds size limit',
      },
    });
    const entries = await scene.db.select().from(ledger).where(eq(ledger.videoId, 'v1'));
    expect(entries.map(({ kind }) => kind).toSorted()).toEqual(['hold', 'release']);
  });

  test.each([
    ['another error', new Error('no such codec')],
    ['a namespace without our attributes', temporalError(3, 'no mapping defined for search attribute VideoState')],
  ])('reports %s at a start, keeps that video and starts the others', async (_name, error) => {
    await furnish({
      start: async ({ id }) => {
        if (id === 'v1') throw error;
        started.push(id);
      },
    });
    await acceptEarlier('v1', 'v2');
    const report = await scene.sweep();
    expect(report).toMatchObject({ started: 1, errors: ['starts: 1 failed'] });
    expect(await scene.video('v1')).toMatchObject({ state: 'queued', endedAt: null });
  });

  test('gives the starts up at the first one while Temporal is away', async () => {
    let tries = 0;
    await furnish({
      start: async () => {
        tries++;
        throw AWAY;
      },
    });
    await acceptEarlier('v1', 'v2', 'v3');
    expect(await scene.sweep()).toMatchObject({ started: 0, errors: ['starts: Temporal is away'] });
    expect(tries).toBe(1);
    expect(await scene.video('v1')).toMatchObject({ endedAt: null });
  });

  test('does everything else when each part before has failed', async () => {
    const away = async () => {
      throw AWAY;
    };
    await furnish({ start: away, standing: away, listClosedSince: away });
    await acceptEarlier('never started', 'v2', 'v3');
    await open('v2');
    await open('v3');
    const longAgo = new Date(Date.now() - 48 * 60 * MINUTE_MS);
    await accept(scene.db, 'old');
    const key = { callerId: 'caller_1', key: 'k', bodyHash: 'h', videoId: 'old', createdAt: longAgo };
    await scene.db.insert(idempotencyKeys).values(key);
    await endVideo(scene.db, 'old', { state: 'completed', failure: null, archive: makeArchive() });
    await scene.db.update(videos).set({ expiresAt: longAgo, endedAt: longAgo }).where(eq(videos.id, 'old'));
    const report = await scene.sweep();
    expect(report).toMatchObject({ started: 0, grants: 1, purged: 1 });
    expect(report.errors.map((error) => error.split(':')[0])).toEqual(['resumes', 'starts']);
    expect(await scene.db.select().from(idempotencyKeys)).toEqual([]);
  });

  test('reports no more errors than people read', async () => {
    await furnish({
      standing: async (id) => {
        throw new Error(`${id} ${'x'.repeat(1000)}`);
      },
    });
    const ids = Array.from({ length: 30 }, (_, i) => `v${i}`);
    for (const id of ids) {
      await accept(scene.db, id);
      await open(id);
    }
    const { errors } = await scene.sweep();
    expect(errors).toHaveLength(20);
    expect(Math.max(...errors.map(({ length }) => length))).toBe(300);
    expect(scene.logged).toHaveLength(30);
  });

  test('has cancelled what an operator terminated before its first step', async () => {
    await furnish({ standing: async () => 'terminated' });
    await acceptEarlier('v1');
    expect(await scene.sweep()).toMatchObject({ started: 1, errors: [] });
    expect(started).toEqual(['v1']);
    expect((await scene.video('v1')).cancelRequestedAt).not.toBeNull();
  });

  test('starts again what is closed or gone, and has cancelled what an operator terminated', async () => {
    const standings = { v1: 'closed', v2: 'gone', v3: 'terminated', v4: 'running' } as const;
    await furnish({ standing: async (id) => standings[id as keyof typeof standings] });
    await acceptEarlier(...Object.keys(standings));
    for (const id of Object.keys(standings)) await open(id);
    expect(await scene.sweep()).toMatchObject({ resumed: 3, errors: [] });
    expect(started.toSorted()).toEqual(['v1', 'v2', 'v3']);
    const isToBeCancelled = async (id: string) => (await scene.video(id)).cancelRequestedAt !== null;
    expect(await Promise.all(Object.keys(standings).map(isToBeCancelled))).toEqual([false, false, true, false]);
    expect(await scene.sweep()).toMatchObject({ resumed: 0 });
  });

  test('resumes the others when one cannot be resumed', async () => {
    await furnish({
      standing: async () => 'closed',
      start: async ({ id }) => {
        if (id === 'v1') throw INVALID;
        started.push(id);
      },
    });
    await acceptEarlier('v1', 'v2');
    await open('v1');
    await open('v2');
    const report = await scene.sweep();
    expect(report).toMatchObject({ resumed: 1 });
    expect(await scene.video('v1')).toMatchObject({ endedAt: null });
  });

  test('resumes a video whose workflow keeps closing ever more slowly, and always', async () => {
    await furnish({ standing: async () => 'closed', listClosedSince: async () => ['v1'] });
    await acceptEarlier('v1');
    await open('v1', { resumes: 5, auditedAt: new Date() });
    expect(await scene.sweep()).toMatchObject({ resumed: 0, errors: [] });
    await scene.pass(31 * MINUTE_MS);
    expect(await scene.sweep()).toMatchObject({ resumed: 0 });
    await scene.pass(2 * MINUTE_MS);
    expect(await scene.sweep()).toMatchObject({ resumed: 1 });
    await scene.db.update(videos).set({ resumes: 1000 });
    await scene.pass(6 * 60 * MINUTE_MS + 1000);
    expect(await scene.sweep()).toMatchObject({ resumed: 1 });
  });

  test('forgets the restarts of a workflow that runs', async () => {
    await furnish();
    await acceptEarlier('v1');
    await open('v1', { resumes: 5 });
    await scene.pass(6 * 60 * MINUTE_MS);
    await scene.sweep();
    expect(await scene.db.select().from(videos)).toMatchObject([{ resumes: 0 }]);
  });

  test('tells workflows of wishes until they have heard', async () => {
    const heard: string[] = [];
    let isThere = false;
    const hear = (what: string) => async (id: string) => {
      if (!isThere) throw AWAY;
      return heard.push(`${what} ${id}`) > 0;
    };
    await furnish({ cancel: hear('cancel'), signalRecheck: hear('recheck') });
    for (const id of ['v1', 'v2']) await open(await acceptNow(id));
    await wish(scene.db, 'v1', 'cancel');
    await wish(scene.db, 'v2', 'recheck');
    expect(await scene.sweep()).toMatchObject({ told: 0, errors: ['wishes: Temporal is away'] });
    isThere = true;
    expect(await scene.sweep()).toMatchObject({ told: 2, errors: [] });
    expect(await scene.sweep()).toMatchObject({ told: 0 });
    expect(heard).toEqual(['cancel v1', 'recheck v2']);
  });

  test.each(['sending', 'unconfirmed', 'running'] as const)(
    'resumes an ended video whose create is %s',
    async (state) => {
      await furnish({ standing: async () => 'closed' });
      await acceptEarlier('v1');
      await open('v1', { state: 'cancelled', endedAt: new Date() });
      await insertSubmission(scene.db, { id: 's1', videoId: 'v1', state, taskId: state === 'running' ? 't1' : null });
      expect(await scene.sweep()).toMatchObject({ resumed: 1 });
    },
  );

  test('tells the winner of a stale grant again, and nothing but what it needs', async () => {
    const slots: unknown[] = [];
    await furnish({ signalGranted: async (_id, slot) => slots.push(slot) > 0 });
    const submissionId = await scene.granted('v1');
    await scene.db.update(submissions).set({ signalledAt: new Date(Date.now() - 2 * MINUTE_MS) });
    await scene.sweep();
    await scene.sweep();
    expect(slots).toEqual([{ submissionId, account: 'airforce-1', provider: 'airforce' }]);
  });

  test('takes a grant back that was not taken and grants it on', async () => {
    await furnish({}, { accounts: [{ maxConcurrentTasks: 1 }] });
    await scene.granted('v1');
    await accept(scene.db, 'v2');
    await scene.requestSlot('v2');
    await scene.pass(2 * MINUTE_MS);
    await scene.sweep();
    expect(scene.told).toEqual(['v1']);
    await scene.pass(2 * MINUTE_MS);
    await scene.sweep();
    expect(await scene.statesOf('v1')).toEqual(['void']);
    expect(scene.told).toEqual(['v1', 'v2']);
    expect(scene.incidents).toEqual(['grant_taken_back']);
  });

  test('moves videos after their model to another pool', async () => {
    await furnish({}, { accounts: [{ maxConcurrentTasks: 1 }] });
    await scene.granted('v1');
    await accept(scene.db, 'v2');
    await scene.requestSlot('v2');
    scene.accounts = [makeAccount({ pool: 'other', maxConcurrentTasks: 2, singleLane: false })];
    await scene.configure();
    expect(await scene.sweep()).toMatchObject({ errors: [] });
    expect(scene.told).toEqual(['v2']);
  });

  test('asks suspended accounts and grants where they are good again', async () => {
    await furnish();
    await suspend(scene.db, 'airforce-1', REFUSED);
    await accept(scene.db, 'v1');
    await scene.requestSlot('v1');
    expect(await scene.sweep()).toMatchObject({ recovered: ['airforce-1'], grants: 1 });
    expect(scene.told).toEqual(['v1']);
  });

  test('leaves an account suspended whose key is still refused', async () => {
    await furnish();
    await suspend(scene.db, 'airforce-1', REFUSED);
    scene.upstream.onProbe = async () => {
      throw new Error('401');
    };
    expect(await scene.sweep()).toMatchObject({ recovered: [], errors: [] });
    expect(await listSuspendedAccounts(scene.db)).toMatchObject([{ id: 'airforce-1' }]);
  });

  test('shows no key to the place where another process has the account', async () => {
    await furnish();
    scene.accounts = [makeAccount({ baseUrl: 'https://moved.example', credential: 'of the new place' })];
    await scene.configure();
    await suspend(scene.db, 'airforce-1', REFUSED);
    let probes = 0;
    scene.upstream.onProbe = async () => {
      probes += 1;
    };
    expect(await scene.sweep()).toMatchObject({ recovered: [], errors: [] });
    expect(probes).toBe(0);
  });

  test('leaves a create in doubt to its workflow', async () => {
    await furnish();
    const id = await scene.granted('v1');
    scene.upstream.plan('v1', { records: 'never', answer: LOST });
    await scene.submit('v1', id);
    expect(await scene.sweep()).toMatchObject({ grants: 0, errors: [] });
    expect(await scene.statesOf('v1')).toEqual(['unconfirmed']);
  });
});
