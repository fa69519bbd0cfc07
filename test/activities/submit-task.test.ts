/** `submitTask`: each way a create can go, and what rows, slots and accounts look like afterwards. */

import { eq } from 'drizzle-orm';
import type { Db } from '../../src/catalog/driver/database.ts';
import { endVideo } from '../../src/catalog/ends.ts';
import { concludeDoubt } from '../../src/catalog/submissions.ts';
import { accountModels, accounts } from '../../src/catalog/tables/accounts.ts';
import { ledger } from '../../src/catalog/tables/callers.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import { videos } from '../../src/catalog/tables/videos.ts';
import { readWaits } from '../../src/catalog/waiting-reasons.ts';
import { wish } from '../../src/catalog/wishes.ts';
import type { NextStep } from '../../src/domain/step.ts';
import { UpstreamError } from '../../src/domain/upstream-error.ts';
import { describeOnBothCatalogs } from '../catalog/with-catalog.ts';
import { accept, Scene, type SceneOptions } from '../model/scene.ts';
import { ANSWERED_5XX, type CreatePlan, gate, LOST, NOT_SENT, refusal, until } from '../model/upstream.ts';

const never = (answer: CreatePlan['answer']): CreatePlan => ({ records: 'never', answer });

describeOnBothCatalogs('submitTask', (catalog) => {
  let scene: Scene;

  const furnish = async (options: SceneOptions = {}) => {
    scene = await new Scene(catalog.database.db, options).furnish();
    return scene;
  };

  afterEach(() => {
    jest.restoreAllMocks();
    scene.upstream.release();
  });

  /** Resolves when a create has reached the upstream. */
  const reached = () =>
    new Promise<void>((resolve) => {
      scene.upstream.onCreate = () => resolve();
    });

  /** `v1`, cancelled while its create is sent: what comes of the create once it is answered by `open`. */
  const cancelledWhileSent = async (records: 'at once' | 'never') => {
    const id = await scene.granted('v1');
    const { answer, open } = gate();
    scene.upstream.plan('v1', { records, answer });
    const sent = reached();
    const submitted = scene.submit('v1', id);
    await sent;
    await scene.end('v1', 'cancelled');
    return { submitted: () => submitted, open };
  };

  const accountRow = async (id = 'airforce-1') => {
    const [row] = await catalog.database.db.select().from(accounts).where(eq(accounts.id, id));
    return row;
  };

  test('enters the task and frees the lane for the next', async () => {
    await furnish();
    const id = await scene.granted('v1');
    await accept(scene.db, 'v2');
    expect(await scene.requestSlot('v2')).toMatchObject({ step: 'slot' });
    expect(await scene.submit('v1', id)).toMatchObject({ step: 'watch', ended: false, task: { taskId: 'task_1' } });
    expect(await scene.video('v1')).toMatchObject({ state: 'generating', taskId: 'task_1', submissions: 1 });
    expect(scene.told).toEqual(['v2']);
  });

  test('sends once however often it is tried', async () => {
    await furnish();
    const id = await scene.granted('v1');
    const steps = await Promise.all([scene.submit('v1', id), scene.submit('v1', id), scene.submit('v1', id)]);
    expect(steps.map(({ step }) => step)).toContain('watch');
    expect(await scene.submit('v1', id)).toMatchObject({ step: 'watch' });
    expect(scene.upstream.creates).toHaveLength(1);
  });

  test.each([
    ['a task', 'started', 'watch', 'running'],
    ['the clip', { kind: 'delivered', clip: { sha256: 'of the clip', sizeBytes: 1 } }, 'archive', 'ended'],
    ['a refusal', refusal('request', 400), 'ended', 'void'],
  ] as const)(
    'writes down that it is answered with %s when the catalog is back',
    async (_what, answer, step, state) => {
      await furnish();
      const id = await scene.granted('v1');
      scene.upstream.plan('v1', { records: answer === 'started' ? 'at once' : 'never', answer });
      scene.upstream.onCreate = () => {
        const stopped = Object.assign(new Error('terminating connection'), { code: '57P01' });
        jest.spyOn(scene.db, 'transaction').mockRejectedValueOnce(stopped).mockRejectedValueOnce(stopped);
      };
      expect(await scene.submit('v1', id)).toMatchObject({ step });
      expect(await scene.statesOf('v1')).toEqual([state]);
      expect(scene.upstream.creates).toHaveLength(1);
    },
  );

  test('of a video that ended sends nothing', async () => {
    await furnish();
    const id = await scene.granted('v1');
    await scene.end('v1', 'cancelled');
    expect(await scene.submit('v1', id)).toMatchObject({ step: 'ended', end: { state: 'cancelled' } });
    expect(scene.upstream.creates).toEqual([]);
  });

  test.each<[string, (db: Db) => Promise<unknown>, string]>([
    ['whose cancel stands in its row', (db) => wish(db, 'v1', 'cancel'), 'cancelled'],
    [
      "past its queue's deadline",
      (db) => db.update(videos).set({ queueDeadlineAt: new Date(Date.now() - 60_000) }),
      'expired',
    ],
  ])('of a video %s sends nothing', async (_name, happen, state) => {
    await furnish();
    const id = await scene.granted('v1');
    await happen(scene.db);
    expect(await scene.submit('v1', id)).toMatchObject({ step: 'end', state });
    expect(scene.upstream.creates).toEqual([]);
    expect(await scene.statesOf('v1')).toEqual(['granted']);
  });

  test('that cannot connect pauses the account and queues the video first', async () => {
    await furnish();
    const id = await scene.granted('v1');
    scene.upstream.plan('v1', never(NOT_SENT));
    expect(await scene.submit('v1', id)).toMatchObject({ step: 'slot', lookAgainMs: expect.any(Number) });
    expect(await scene.statesOf('v1')).toEqual(['void']);
    expect(await scene.video('v1')).toMatchObject({ state: 'queued', account: null });
    expect(await accountRow()).toMatchObject({ troubles: 1, lastError: 'connect ECONNREFUSED' });
  });

  test.each([
    ['unauthenticated', 401],
    ['no credit', 402],
    ['model not allowed', 403],
    ['rate limited', 429],
  ] as const)('refused as %s moves the video to the next account', async (reason, status) => {
    await furnish({ accounts: [{ id: 'first' }, { id: 'second' }] });
    const id = await scene.granted('v1');
    scene.upstream.plan('v1', never(refusal(reason, status)));
    scene.upstream.onProbe = async () => {
      throw new UpstreamError('answered', 'refused as well', { upstream: { status } });
    };
    expect(await scene.submit('v1', id)).toMatchObject({ step: 'submit', account: 'second' });
    const { pausedUntil, suspendedAt } = (await accountRow('first')) ?? {};
    const [model] = await scene.db.select().from(accountModels).where(eq(accountModels.account, 'first'));
    expect({
      paused: pausedUntil !== null,
      suspended: suspendedAt !== null,
      model: model?.suspendedUntil !== null,
    }).toEqual({
      // A suspended account is paused besides.
      paused: status === 429 || status === 401,
      suspended: status === 401,
      model: status === 402 || status === 403,
    });
  });

  test('told to wait stays so when a create that was sent before ends well', async () => {
    await furnish({ honoursIdempotencyKey: true });
    const [earlier, later] = [await scene.granted('v1'), await scene.granted('v2')];
    const { answer, open } = gate();
    scene.upstream.plan('v1', { records: 'at once', answer });
    const sent = reached();
    const submitted = scene.submit('v1', earlier);
    await sent;
    scene.upstream.plan('v2', never(refusal('rate limited', 429)));
    await scene.submit('v2', later);
    open('started');
    expect(await submitted).toMatchObject({ step: 'watch' });
    expect(await accountRow()).toMatchObject({ pausedUntil: expect.any(Date), lastError: 'refused with 429' });
  });

  test('refused with 401 at an account whose key its own GET takes suspends the model there alone', async () => {
    await furnish({ accounts: [{ id: 'first' }, { id: 'second' }] });
    const id = await scene.granted('v1');
    scene.upstream.plan('v1', never(refusal('unauthenticated', 401)));
    expect(await scene.submit('v1', id)).toMatchObject({ step: 'submit', account: 'second' });
    expect(await accountRow('first')).toMatchObject({ suspendedAt: null, lastError: 'refused with 401' });
    const models = await scene.db.select().from(accountModels).orderBy(accountModels.account);
    expect(models.map(({ suspendedUntil }) => suspendedUntil !== null)).toEqual([true, false]);
  });

  test('refused with 401 where the key cannot be asked about suspends the account', async () => {
    await furnish({ accounts: [{ id: 'first' }, { id: 'second' }] });
    const id = await scene.granted('v1');
    scene.upstream.plan('v1', never(refusal('unauthenticated', 401)));
    Reflect.deleteProperty(scene.upstream.provider, 'probe');
    expect(await scene.submit('v1', id)).toMatchObject({ step: 'submit', account: 'second' });
    expect(await accountRow('first')).toMatchObject({ suspendedAt: expect.any(Date) });
  });

  describe('refused as at a base URL where nothing takes creates', () => {
    const notFound = new UpstreamError('answered', 'not found', { upstream: { status: 404 } });
    const page = new UpstreamError('answered', 'a page', { upstream: { status: 200 }, isPage: true });
    const away = new UpstreamError('answered', 'away', { upstream: { status: 503 } });
    const probes = (error: UpstreamError) => async () => {
      throw error;
    };
    const NO_ROUTE = refusal('no route', 404);
    const PAGE: CreatePlan['answer'] = { kind: 'lost', answered: true, upstream: { status: 200 }, isPage: true };

    test.each([
      ['finds nothing there either', notFound, NO_ROUTE],
      ['is answered with a page', page, NO_ROUTE],
      ['is answered with a page, as the create is', page, PAGE],
    ])('suspends the account where its own GET %s, and the video goes on', async (_name, found, answer) => {
      await furnish({ accounts: [{ id: 'first' }, { id: 'second' }] });
      const id = await scene.granted('v1');
      scene.upstream.plan('v1', never(answer));
      scene.upstream.onProbe = probes(found);
      expect(await scene.submit('v1', id)).toMatchObject({ step: 'submit', account: 'second' });
      const lastError = expect.stringMatching(/^nothing at https:\/\/first\.example takes creates: (?:404|200), /);
      expect(await accountRow('first')).toMatchObject({ suspendedAt: expect.any(Date), lastError });
      expect(await scene.statesOf('v1')).toEqual(['void', 'granted']);
    });

    test('keeps the clips waiting, and sends nothing, until the GET is answered as it should be', async () => {
      await furnish();
      const id = await scene.granted('v1');
      scene.upstream.plan('v1', never(NO_ROUTE));
      scene.upstream.onProbe = probes(notFound);
      expect(await scene.submit('v1', id)).toMatchObject({ step: 'slot', isQueued: true });
      await accept(scene.db, 'v2');
      expect(await scene.requestSlot('v2')).toMatchObject({ step: 'slot' });
      const waits = await readWaits(scene.db, [await scene.video('v1'), await scene.video('v2')]);
      expect([...waits.values()]).toMatchObject([{ kind: 'account_suspended' }, { kind: 'account_suspended' }]);
      expect(await scene.sweep()).toMatchObject({ recovered: [], grants: 0 });
      expect(scene.upstream.creates).toHaveLength(1);
      scene.upstream.onProbe = async () => undefined;
      await scene.pass(10_000);
      expect(await scene.sweep()).toMatchObject({ recovered: ['airforce-1'] });
      expect(scene.told[0]).toBe('v1');
    });

    test.each([
      ['answers it as the API does', async () => undefined],
      ['does not answer it now', probes(away)],
    ])('may be about the clip where the base URL %s', async (_name, onProbe) => {
      await furnish();
      const id = await scene.granted('v1');
      scene.upstream.plan('v1', never(NO_ROUTE));
      scene.upstream.onProbe = onProbe;
      expect(await scene.submit('v1', id)).toMatchObject({ step: 'slot', isQueued: true });
      expect(await accountRow()).toMatchObject({ suspendedAt: null });
      expect((await scene.db.select().from(videos))[0]?.undecidedRefusals).toBe(1);
    });

    test('suspends where only creates tell, unless one of the last went well', async () => {
      await furnish();
      Reflect.deleteProperty(scene.upstream.provider, 'probe');
      const first = await scene.granted('v1');
      scene.upstream.plan('v1', never(NO_ROUTE));
      await scene.submit('v1', first);
      expect(await accountRow()).toMatchObject({ suspendedAt: expect.any(Date) });
      // The sweep has a create find out.
      await scene.pass(10_000);
      await scene.sweep();
      const [granted] = (await scene.submissionsOf('v1')).slice(-1);
      expect(await scene.submit('v1', granted?.id ?? '')).toMatchObject({ step: 'watch' });
      expect(await accountRow()).toMatchObject({ suspendedAt: null });
      const second = await scene.granted('v2');
      scene.upstream.plan('v2', never(NO_ROUTE));
      await scene.submit('v2', second);
      expect(await accountRow()).toMatchObject({ suspendedAt: null });
    });

    test('is not believed of a list that is known to be missing', async () => {
      await furnish();
      const first = await scene.granted('v1');
      expect(await scene.submit('v1', first)).toMatchObject({ step: 'watch' });
      await scene.db.update(accounts).set({ listMissingAt: new Date() });
      scene.upstream.onProbe = probes(notFound);
      const second = await scene.granted('v2');
      scene.upstream.plan('v2', never(NO_ROUTE));
      await scene.submit('v2', second);
      expect(await accountRow()).toMatchObject({ suspendedAt: null });
    });

    test('leaves a page in doubt where the GET is answered as it should be', async () => {
      await furnish();
      const id = await scene.granted('v1');
      scene.upstream.plan('v1', { records: 'at once', answer: PAGE });
      expect(await scene.submit('v1', id)).toMatchObject({ step: 'watch', task: { taskId: 'task_1' } });
      expect(scene.upstream.tasks).toHaveLength(1);
    });
  });

  test('refused for the request ends the video and frees the slot', async () => {
    await furnish({ accounts: [{ maxConcurrentTasks: 1 }] });
    const id = await scene.granted('v1');
    await accept(scene.db, 'v2');
    await scene.requestSlot('v2');
    scene.upstream.plan('v1', never(refusal('request', 400)));
    expect(await scene.submit('v1', id)).toMatchObject({
      step: 'ended',
      end: { state: 'failed', failure: { kind: 'upstream_refused', upstream: { status: 400 } } },
    });
    expect(scene.told).toEqual(['v2']);
  });

  test.each([
    ['no credit', refusal('no credit', 402), 1],
    ['a model that is not allowed', refusal('model not allowed', 403), 1],
    ['a rate limit', refusal('rate limited', 429), 2],
    ['no connection', NOT_SENT, 2],
  ])('kept from being made by %s lets the other clips try', async (_trouble, outcome, tries) => {
    await furnish({ accounts: [{ maxConcurrentTasks: 1 }] });
    let submissionId = await scene.granted('v1');
    await accept(scene.db, 'v2');
    await scene.requestSlot('v2');
    scene.upstream.plan('v1', never(outcome), never(outcome));
    for (let turn = 1; turn <= tries; turn++) {
      await scene.submit('v1', submissionId);
      await scene.pass(11 * 60_000);
      const next = await scene.requestSlot('v1');
      expect(next).toMatchObject({ step: turn < tries ? 'submit' : 'slot' });
      if (next.step === 'submit') submissionId = next.submissionId;
    }
    expect(await scene.statesOf('v2')).toEqual(['granted']);
  });

  describe.each([402, 403])('refused with %i, which may be about the clip alone,', (status) => {
    const undecided = never(refusal('undecided', status));

    test('goes behind the others, and says why it waits', async () => {
      await furnish({ accounts: [{ maxConcurrentTasks: 1 }] });
      const id = await scene.granted('v1');
      for (const other of ['v2', 'v3']) {
        await accept(scene.db, other);
        await scene.requestSlot(other);
      }
      scene.upstream.plan('v1', undecided);
      expect(await scene.submit('v1', id)).toMatchObject({ step: 'slot', isQueued: true });
      const waits = await readWaits(scene.db, [await scene.video('v1')]);
      expect(waits.get('v1')).toMatchObject({
        kind: 'slot',
        until: expect.any(String),
        detail: expect.stringMatching(new RegExp(`refused it, which is tried again: refused with ${status}$`)),
      });
      await scene.pass(60_000);
      await scene.end('v2', 'cancelled');
      expect(scene.told).toEqual(['v2', 'v3']);
      await scene.end('v3', 'cancelled');
      expect(scene.told).toEqual(['v2', 'v3', 'v1']);
    });

    test('ends with the third of such refusals', async () => {
      await furnish();
      await accept(scene.db, 'v1');
      scene.upstream.plan('v1', undecided, undecided, undecided);
      const steps: NextStep[] = [];
      for (let tries = 0; tries < 3; tries++) {
        const slot = await scene.requestSlot('v1');
        if (slot.step !== 'submit') throw new Error(`no slot for try ${tries}: ${slot.step}`);
        steps.push(await scene.submit('v1', slot.submissionId));
        await scene.pass(60_000);
      }
      const failure = { kind: 'upstream_refused', upstream: { status } };
      expect(steps).toMatchObject([
        { step: 'slot' },
        { step: 'slot' },
        { step: 'ended', end: { state: 'failed', failure } },
      ]);
    });
  });

  test('cancelled while it is sent keeps slot and hold until the task ends', async () => {
    await furnish();
    const { submitted, open } = await cancelledWhileSent('at once');
    expect(await scene.video('v1')).toMatchObject({ state: 'cancelled', settledMicroUsd: null });
    open('started');
    const watch = await submitted();
    expect(watch).toMatchObject({ step: 'watch', ended: true });
    scene.upstream.finish('task_1', { kind: 'succeeded', result: null, costMicroUsd: 400_000 });
    expect(await scene.take('v1', watch)).toMatchObject({ step: 'ended', end: { state: 'cancelled' } });
    expect(await scene.video('v1')).toMatchObject({ settledMicroUsd: 400_000 });
  });

  test('whose answer is the clip leaves nothing in the store where the video was cancelled while it was sent', async () => {
    await furnish();
    const { submitted, open } = await cancelledWhileSent('never');
    scene.removed.length = 0;
    open({ kind: 'delivered', clip: { sha256: 'of the clip', sizeBytes: 1 } });
    expect(await submitted()).toMatchObject({ step: 'ended', end: { state: 'cancelled' } });
    expect(scene.removed).toContain('videos/v1/clip.mp4');
  });

  test('whose answer is the clip leaves it in the store where the video waits for it', async () => {
    await furnish();
    const id = await scene.granted('v1');
    scene.upstream.plan('v1', never({ kind: 'delivered', clip: { sha256: 'of the clip', sizeBytes: 1 } }));
    expect(await scene.submit('v1', id)).toMatchObject({ step: 'archive' });
    expect(scene.removed).toEqual([]);
  });

  test.each([
    ['lost', LOST],
    ['refused', refusal('request', 400)],
    ['not sent', NOT_SENT],
  ])('cancelled while it is sent and then %s stays cancelled and gives the hold back', async (_name, outcome) => {
    await furnish();
    const { submitted, open } = await cancelledWhileSent('never');
    open(outcome);
    let next = await submitted();
    const past = new Date(Date.now() - 1000);
    await scene.db.update(submissions).set({ sendUntil: past });
    for (let tries = 0; next.step !== 'ended' && tries < 100; tries++) next = await scene.take('v1', next);
    expect(await scene.video('v1')).toMatchObject({ state: 'cancelled', settledMicroUsd: 0 });
    expect(await scene.statesOf('v1')).toEqual(['void']);
    const kinds = (await scene.db.select().from(ledger)).map(({ kind }) => kind);
    expect(kinds).toEqual(['hold', 'release']);
    expect(scene.upstream.creates).toHaveLength(1);
  });

  test('does not send when the worker was held up too long', async () => {
    await furnish({ createTimeoutMs: 60_000, listWindow: { answeredMs: 1000, unansweredMs: 1000 } });
    const id = await scene.granted('v1');
    const now = Date.now.bind(Date);
    // The machine sleeps between the claim and the create: the account is looked up in between.
    const { accounts: configured } = scene.dependencies;
    jest.spyOn(configured, 'find').mockImplementationOnce((...args) => {
      jest.spyOn(Date, 'now').mockImplementation(() => now() + 120_000);
      return configured.filter(args[0])[0];
    });
    expect(await scene.submit('v1', id)).toMatchObject({ step: 'confirm' });
    expect(scene.upstream.creates).toEqual([]);
    expect(await scene.statesOf('v1')).toEqual(['unconfirmed']);
  });

  test('whose answer names the task of another create is in doubt', async () => {
    await furnish();
    const first = await scene.granted('v1');
    await scene.submit('v1', first);
    const second = await scene.granted('v2');
    const taken = (await scene.submissionsOf('v1'))[0]?.taskId ?? '';
    scene.upstream.provider.start = async () => ({ kind: 'started', taskId: taken, costMicroUsd: null });
    expect(await scene.submit('v2', second)).toMatchObject({ step: 'confirm' });
    expect(await scene.submissionsOf('v2')).toMatchObject([{ state: 'unconfirmed', taskId: null, answered: true }]);
  });

  test('reports a task that no workflow waits for any more', async () => {
    await furnish();
    const id = await scene.granted('v1');
    const { answer, open } = gate();
    scene.upstream.plan('v1', { records: 'at once', answer });
    const sent = reached();
    const submitted = scene.submit('v1', id);
    await sent;
    await scene.db.update(submissions).set({ state: 'void' });
    open('started');
    await submitted;
    expect(scene.logged).toEqual(['a task was made that no submission waits for']);
  });
});

describeOnBothCatalogs('a lost create', (catalog) => {
  let scene: Scene;

  const furnish = async (options: SceneOptions = {}) => {
    scene = await new Scene(catalog.database.db, options).furnish();
    return scene;
  };

  afterEach(() => scene.upstream.release());

  test('whose task is in the list is adopted', async () => {
    await furnish();
    const id = await scene.granted('v1');
    scene.upstream.plan('v1', { records: 'at once', answer: LOST });
    expect(await scene.submit('v1', id)).toMatchObject({ step: 'watch', task: { taskId: 'task_1' } });
    expect(scene.upstream.creates).toHaveLength(1);
  });

  test('that the upstream answered is sent again after two lists without it, and a wait', async () => {
    await furnish();
    const id = await scene.granted('v1');
    scene.upstream.plan('v1', never(ANSWERED_5XX));
    const first = await scene.submit('v1', id);
    expect(first).toMatchObject({ step: 'confirm', submissionId: id });
    expect(await scene.video('v1')).toMatchObject({ state: 'unconfirmed' });
    const second = await scene.submit('v1', id);
    expect(second).toMatchObject({ step: 'slot', isQueued: true, lookAgainMs: expect.any(Number) });
    expect(await scene.requestSlot('v1')).toMatchObject({ step: 'slot' });
    await scene.pass(5000);
    const third = await scene.requestSlot('v1');
    expect(third).toMatchObject({ step: 'submit' });
    expect(await scene.statesOf('v1')).toEqual(['void', 'granted']);
    expect(await scene.take('v1', third)).toMatchObject({ step: 'watch' });
    expect(scene.incidents).toEqual(['lost_answer', 'create_repeated']);
  });

  test('is not taken for unmade before its time to be sent is over', async () => {
    await furnish({ createTimeoutMs: 60_000 });
    const id = await scene.granted('v1');
    scene.upstream.plan('v1', never(LOST));
    await scene.submit('v1', id);
    expect(await scene.submit('v1', id)).toMatchObject({ step: 'confirm' });
    expect(await scene.submit('v1', id)).toMatchObject({ step: 'confirm' });
    expect(await scene.submissionsOf('v1')).toMatchObject([{ state: 'unconfirmed', firstEmptyListAt: null }]);
  });

  test('with two tasks that can be its own ends the video, and both take slots until they end', async () => {
    await furnish({ accounts: [{ maxConcurrentTasks: 2 }] });
    const id = await scene.granted('v1');
    await accept(scene.db, 'v2');
    await scene.requestSlot('v2');
    scene.upstream.plan('v1', { records: 'at once', answer: LOST });
    scene.upstream.onCreate = () => {
      scene.upstream.tasks.push({ ...madeAlready, visibleAtMs: Date.now() });
    };
    const step = await scene.submit('v1', id);
    expect(step).toMatchObject({ step: 'ended', end: { state: 'failed', failure: { kind: 'answer_lost' } } });
    // A worker killed before its answer arrived: the next attempt comes to the same end, and sends nothing.
    expect(await scene.submit('v1', id)).toEqual(step);
    expect(await scene.statesOf('v1')).toEqual(['void']);
    expect(scene.told).toEqual([]);
    expect(scene.upstream.creates).toHaveLength(1);
    for (const { taskId } of scene.upstream.tasks) {
      scene.upstream.finish(taskId, { kind: 'succeeded', result: null, costMicroUsd: 5 });
    }
    await scene.sweep();
    expect(scene.told).toEqual(['v2']);
  });

  test('at a shared account fails only when it is not being sent any more', async () => {
    await furnish({ accounts: [{ readsList: false, singleLane: false }], createTimeoutMs: 60_000 });
    const id = await scene.granted('v1');
    const { answer, open } = gate();
    scene.upstream.plan('v1', { records: 'at once', answer });
    const first = scene.submit('v1', id);
    await until(() => scene.upstream.creates.length === 1);
    expect(await scene.submit('v1', id)).toMatchObject({ step: 'confirm' });
    open(LOST);
    expect(await first).toMatchObject({ step: 'ended', end: { failure: { kind: 'answer_lost' } } });
  });

  test.each([
    ['lives goes on', true],
    ['was killed is lost', false],
  ])('that may take twenty minutes and whose attempt %s after a minute', async (_name, lives) => {
    const timers = jest.spyOn(globalThis, 'setInterval');
    await furnish({ accounts: [{ readsList: false, singleLane: false }], createTimeoutMs: 20 * 60_000 });
    const id = await scene.granted('v1');
    const { answer, open } = gate();
    scene.upstream.plan('v1', { records: 'at once', answer });
    const first = scene.submit('v1', id);
    await until(() => scene.upstream.creates.length === 1);
    await scene.pass(62_000);
    const sendUntil = async () => (await scene.submissionsOf('v1'))[0]?.sendUntil?.getTime() ?? 0;
    const passedMs = await sendUntil();
    const [tells] = timers.mock.calls.find(([, ms]) => ms === 15_000) ?? [];
    timers.mockRestore();
    if (lives) {
      tells?.();
      while ((await sendUntil()) === passedMs) await new Promise(setImmediate);
    }
    const wanted = lives ? { step: 'confirm' } : { step: 'ended', end: { failure: { kind: 'answer_lost' } } };
    expect(await scene.submit('v1', id)).toMatchObject(wanted);
    expect(await scene.statesOf('v1')).toEqual([lives ? 'sending' : 'void']);
    open('started');
    expect(await first).toMatchObject({ step: lives ? 'watch' : 'ended' });
  });

  test('whose task is found while its video is given up goes on', async () => {
    await furnish();
    const id = await scene.granted('v1');
    scene.upstream.plan('v1', never(ANSWERED_5XX));
    await scene.submit('v1', id);
    await scene.db.update(submissions).set({ state: 'running', taskId: 'task_1', runningAt: new Date() });
    const failure = { kind: 'answer_lost', message: 'lost', upstream: null } as const;
    const closes = (tx: Db) => concludeDoubt(tx, id, null);
    const ending = { state: 'failed', failure, archive: null, closes } as const;
    expect(await endVideo(scene.db, 'v1', ending)).toMatchObject({ end: null, grants: [] });
    expect(await scene.video('v1')).toMatchObject({ endedAt: null });
  });

  test('of a cancelled video that made no task frees slot and lane', async () => {
    await furnish({ accounts: [{ maxConcurrentTasks: 1 }] });
    const id = await scene.granted('v1');
    await accept(scene.db, 'v2');
    await scene.requestSlot('v2');
    scene.upstream.plan('v1', never(ANSWERED_5XX));
    await scene.submit('v1', id);
    const step = await scene.end('v1', 'cancelled');
    expect(step).toMatchObject({ step: 'confirm' });
    expect(await scene.take('v1', step)).toMatchObject({ step: 'ended', end: { state: 'cancelled' } });
    expect(await scene.statesOf('v1')).toEqual(['void']);
    expect(scene.told).toEqual(['v2']);
  });

  const madeAlready = {
    taskId: 'task_0',
    key: 'another',
    account: 'https://airforce-1.example',
    model: 'wan-2.6',
    prompt: 'v1',
    durationSeconds: 8,
    status: { kind: 'missing' },
  } as const;
});
