/** Orphans: tasks of an account that belong to no submission are found in its list, booked once and followed. */

import { eq } from 'drizzle-orm';
import { listAccounts } from '../../src/catalog/account-views.ts';
import { costs } from '../../src/catalog/costs.ts';
import { bookOrphan } from '../../src/catalog/orphans.ts';
import { accounts, orphans } from '../../src/catalog/tables/accounts.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import { UpstreamError } from '../../src/domain/upstream-error.ts';
import { describeOnBothCatalogs } from '../catalog/with-catalog.ts';
import { ESTIMATE, Scene, type SceneOptions } from '../model/scene.ts';
import { gate, LOST, type MadeTask, refusal, until } from '../model/upstream.ts';

const MINUTE_MS = 60_000;
/** Eight seconds of the only model. */
const PRICE = 8 * 400_000;

describeOnBothCatalogs('orphans', (catalog) => {
  let scene: Scene;

  /** An account that a video has used and left. */
  async function furnish(options: SceneOptions = {}): Promise<void> {
    scene = await new Scene(catalog.database.db, options).furnish();
    const id = await scene.granted('v1');
    await scene.submit('v1', id);
    await endTaskOf('v1');
  }

  async function endTaskOf(videoId: string): Promise<void> {
    await scene.db
      .update(submissions)
      .set({ state: 'ended', endedAt: new Date() })
      .where(eq(submissions.videoId, videoId));
  }

  afterEach(() => scene.upstream.release());

  const make = (taskId: string, overrides: Partial<MadeTask> = {}): void => {
    scene.upstream.tasks.push({
      taskId,
      key: 'unknown',
      account: 'https://airforce-1.example',
      model: 'wan-2.6',
      prompt: 'of no video',
      durationSeconds: 8,
      visibleAtMs: Date.now(),
      status: { kind: 'pending', progress: null, word: 'processing', known: true },
      ...overrides,
    });
  };

  const booked = async () => {
    const rows = await scene.db.select().from(orphans).orderBy(orphans.taskId);
    return rows.map(({ taskId }) => taskId);
  };

  /** As if the last reading were so long ago. */
  const wait = async (ms: number) => {
    await scene.db.update(accounts).set({ listReadAt: new Date(Date.now() - ms) });
  };

  const lost = async () => (await costs(scene.db, { callerId: null, groupBy: [] }))[0]?.lostMicroUsd;

  test('are booked once, logged and shown', async () => {
    await furnish();
    make('stray');
    expect(await scene.sweep()).toMatchObject({ orphans: 1, errors: [] });
    await wait(11 * MINUTE_MS);
    expect(await scene.sweep()).toMatchObject({ orphans: 0, errors: [] });
    expect(await booked()).toEqual(['stray']);
    expect(scene.warned).toEqual(['an orphan: a task of the account belongs to no submission']);
    expect(await listAccounts(scene.db)).toMatchObject([
      { orphans: [{ taskId: 'stray', model: 'wan-2.6', costMicroUsd: PRICE, endedAt: null }] },
    ]);
  });

  test('cost what was estimated for the create that left them, also where the list shows other words and no length', async () => {
    await furnish();
    const id = await scene.granted('v2');
    scene.upstream.plan('v2', { records: 'never', answer: refusal('rate limited', 429) });
    await scene.submit('v2', id);
    const shown = { model: 'of a name that no offer has', durationSeconds: undefined };
    make('left', { ...shown, prompt: ' v2\n' });
    make('dated', { model: 'wan-2.6-2026-10-06' });
    make('strange', shown);
    await scene.sweep();
    const rows = await scene.db.select().from(orphans).orderBy(orphans.taskId);
    expect(rows.map(({ taskId, costMicroUsd }) => [taskId, costMicroUsd])).toEqual([
      ['dated', PRICE],
      ['left', ESTIMATE],
      ['strange', 0],
    ]);
  });

  test('are no tasks of ours, none of before our first use and none of others', async () => {
    await furnish();
    make('older', { visibleAtMs: Date.now() - MINUTE_MS });
    make('elsewhere', { account: 'https://elsewhere.example' });
    expect(await scene.sweep()).toMatchObject({ orphans: 0, errors: [] });
    expect(await booked()).toEqual([]);
  });

  test('are no tasks of another key that is shown the same list', async () => {
    const baseUrl = 'https://one.example';
    const maxConcurrentTasks = 1;
    await furnish({
      accounts: [
        { id: 'a', baseUrl, credential: 'key a', maxConcurrentTasks },
        { id: 'b', baseUrl, credential: 'key b', maxConcurrentTasks },
      ],
    });
    const [first, second] = [await scene.granted('v2'), await scene.granted('v3')];
    await scene.submit('v2', first);
    // The other create is on its way, and its task in the list already.
    const { answer, open } = gate();
    scene.upstream.plan('v3', { records: 'at once', answer });
    const submitted = scene.submit('v3', second);
    await until(() => scene.upstream.creates.length === 3);
    expect(await scene.sweep()).toMatchObject({ orphans: 0, errors: [] });
    open(LOST);
    expect(await submitted).toMatchObject({ step: 'watch', task: { account: 'b', taskId: 'task_3' } });
    expect(await scene.sweep()).toMatchObject({ orphans: 0, errors: [] });
    expect(await booked()).toEqual([]);
  });

  test('of an account that was taken out of the configuration are presumed to be billed', async () => {
    await furnish();
    const found = { account: 'gone', credential: 'gone', upstreamModel: undefined, createdAt: new Date() };
    await bookOrphan(scene.db, { ...found, taskId: 'given up', videoId: 'v1', costMicroUsd: 0 });
    await bookOrphan(scene.db, { ...found, taskId: 'found', costMicroUsd: 5 });
    await scene.sweep();
    const rows = await scene.db.select().from(orphans).orderBy(orphans.taskId);
    expect(rows).toMatchObject([
      { taskId: 'found', costMicroUsd: 5, endedAt: expect.any(Date) },
      { taskId: 'given up', costMicroUsd: ESTIMATE, endedAt: expect.any(Date) },
    ]);
  });

  test('are not looked for where others use the key', async () => {
    await furnish({ accounts: [{ readsList: false }] });
    make('stray');
    expect(await scene.sweep()).toMatchObject({ orphans: 0 });
  });

  test('are not looked for again before ten minutes are over', async () => {
    await furnish();
    await scene.sweep();
    make('stray');
    await wait(9 * MINUTE_MS);
    expect(await scene.sweep()).toMatchObject({ orphans: 0 });
    await wait(11 * MINUTE_MS);
    expect(await scene.sweep()).toMatchObject({ orphans: 1 });
  });

  test('are looked for at once where a create came to nothing', async () => {
    await furnish();
    await scene.sweep();
    await wait(MINUTE_MS);
    make('stray');
    await scene.db.update(submissions).set({ state: 'void', sentAt: new Date() });
    expect(await scene.sweep()).toMatchObject({ orphans: 1 });
  });

  test('are not looked for at an account that rests', async () => {
    await furnish();
    await scene.sweep();
    make('stray');
    await wait(11 * MINUTE_MS);
    await scene.db.update(submissions).set({ endedAt: new Date(Date.now() - 22 * MINUTE_MS) });
    expect(await scene.sweep()).toMatchObject({ orphans: 0 });
  });

  test('are never what a create in doubt may still adopt', async () => {
    await furnish();
    const id = await scene.granted('v2');
    const { answer, open } = gate();
    scene.upstream.plan('v2', { records: 'at once', answer });
    const submitted = scene.submit('v2', id);
    await until(() => scene.upstream.creates.length === 2);
    expect(await scene.sweep()).toMatchObject({ orphans: 0 });
    open(LOST);
    expect(await submitted).toMatchObject({ step: 'watch', task: { taskId: 'task_2' } });
    expect(await scene.sweep()).toMatchObject({ orphans: 0 });
    expect(await booked()).toEqual([]);
  });

  test('are booked with the end of the doubt that left them', async () => {
    await furnish();
    const id = await scene.granted('v2');
    scene.upstream.plan('v2', { records: 'at once', answer: LOST });
    scene.upstream.onCreate = () => make('twin', { prompt: 'v2' });
    const step = await scene.submit('v2', id);
    expect(step).toMatchObject({ step: 'ended', end: { failure: { kind: 'answer_lost' } } });
    expect(await booked()).toHaveLength(2);
    expect(await scene.sweep()).toMatchObject({ orphans: 0 });
    expect(await booked()).toEqual(['task_2', 'twin']);
    expect(await lost()).toBe(2 * PRICE);
  });

  test('that are only presumed are settled once the list shows the next task, where none is older', async () => {
    scene = await new Scene(catalog.database.db).furnish();
    const first = await scene.granted('v1');
    const sentAt = new Date(Date.now() - MINUTE_MS);
    const concluded = { state: 'void', sentAt, endedAt: new Date(), presumed: true, costMicroUsd: PRICE } as const;
    await scene.db.update(submissions).set(concluded).where(eq(submissions.id, first));
    await scene.db.update(accounts).set({ firstUsedAt: sentAt });
    const settled = async () => {
      await scene.sweep();
      const [row] = await scene.submissionsOf('v1');
      return row?.presumed === false && row.costMicroUsd === null;
    };
    expect(await settled()).toBe(false);
    for (const id of ['v2', 'v3']) await scene.submit(id, await scene.granted(id));
    const [older, newer] = scene.upstream.tasks.splice(0);
    if (!older || !newer) throw new Error('no task was made');
    scene.upstream.tasks.push(newer);
    expect(await settled()).toBe(false);
    scene.upstream.tasks.push(older);
    expect(await settled()).toBe(true);
  });

  test('that are only presumed stay so while the list shows older tasks of ours without the newest before them', async () => {
    scene = await new Scene(catalog.database.db).furnish();
    for (const id of ['v1', 'v2']) await scene.submit(id, await scene.granted(id));
    const hidden = scene.upstream.tasks.splice(1);
    const lost = await scene.granted('v3');
    const now = new Date(Date.now() + 2000);
    const concluded = { state: 'void', sentAt: now, endedAt: now, presumed: true, costMicroUsd: PRICE } as const;
    await scene.db.update(submissions).set(concluded).where(eq(submissions.id, lost));
    await scene.sweep();
    expect(await scene.submissionsOf('v3')).toMatchObject([{ presumed: true, costMicroUsd: PRICE }]);
    scene.upstream.tasks.push(...hidden);
    await scene.sweep();
    expect(await scene.submissionsOf('v3')).toMatchObject([{ presumed: false, costMicroUsd: null }]);
  });

  test('whose create was answered when no workflow waited any more are booked at once', async () => {
    await furnish();
    const id = await scene.granted('v2');
    const { answer, open } = gate();
    scene.upstream.plan('v2', { records: 'at once', answer });
    const submitted = scene.submit('v2', id);
    await until(() => scene.upstream.creates.length === 2);
    await scene.db.update(submissions).set({ state: 'void' }).where(eq(submissions.id, id));
    open('started');
    await submitted;
    expect(await booked()).toEqual(['task_2']);
  });

  test.each([
    ['succeeded', { kind: 'succeeded', result: null, costMicroUsd: 7 }, 7],
    ['succeeded without a figure', { kind: 'succeeded', result: null, costMicroUsd: null }, PRICE],
    ['failed', { kind: 'failed', upstream: {}, costMicroUsd: null }, 0],
  ] as const)('cost what the upstream says when they have %s', async (_name, status, costMicroUsd) => {
    await furnish();
    make('stray');
    await scene.sweep();
    expect(await lost()).toBe(PRICE);
    scene.upstream.finish('stray', status);
    await scene.sweep();
    expect(await lost()).toBe(costMicroUsd);
    expect(await scene.db.select().from(orphans)).toMatchObject([{ costMicroUsd, endedAt: expect.any(Date) }]);
  });

  test('that a submission has after all are none', async () => {
    await furnish();
    make('stray');
    await scene.sweep();
    await scene.db.update(submissions).set({ taskId: 'stray' });
    expect(await lost()).toBe(0);
    expect(await listAccounts(scene.db)).toMatchObject([{ orphans: [] }]);
  });

  test.each([
    ['what their upstream says', 5, 5],
    ['what their videos were estimated at where it does not say', null, ESTIMATE],
  ])('of tasks that were given up and succeed all the same cost %s', async (_name, said, expected) => {
    await furnish();
    const [task] = scene.upstream.tasks;
    const [{ credential } = { credential: '' }] = await scene.submissionsOf('v1');
    const found = { account: 'airforce-1', credential, taskId: task?.taskId ?? '', upstreamModel: 'wan-2.6' };
    await bookOrphan(scene.db, { ...found, videoId: 'v1', costMicroUsd: 0, createdAt: new Date() });
    if (task) task.status = { kind: 'succeeded', result: null, costMicroUsd: said };
    await scene.sweep();
    expect(await scene.db.select().from(orphans)).toMatchObject([
      { costMicroUsd: expected, endedAt: expect.any(Date) },
    ]);
  });

  test('are polled all at once, so that those of a silent upstream cost the sweep the time of one', async () => {
    await furnish();
    for (const id of ['task_2', 'task_3', 'task_4']) make(id);
    await scene.sweep();
    let polls = 0;
    const { answer, open } = gate();
    scene.upstream.onCheck = async () => {
      polls++;
      await answer;
    };
    const sweeping = scene.sweep();
    await until(() => polls === 3);
    open({ kind: 'not sent', message: 'unused' });
    await sweeping;
  });

  test('are looked for again ten minutes after the upstream said that there is no list', async () => {
    await furnish();
    make('task_2');
    await wait(11 * MINUTE_MS);
    const missingFor = async (ms: number) => {
      await scene.db.update(accounts).set({ listMissingAt: new Date(Date.now() - ms), listProvenAt: null });
      await scene.sweep();
      return await booked();
    };
    expect(await missingFor(9 * MINUTE_MS)).toEqual([]);
    expect(await missingFor(11 * MINUTE_MS)).toEqual(['task_2']);
    expect(await listAccounts(scene.db)).toMatchObject([{ reasons: [] }]);
  });

  test('are found later where the list could not be read', async () => {
    await furnish();
    make('stray');
    scene.upstream.onList = async () => {
      throw new UpstreamError('answered', '503 from the list', { upstream: { status: 503 } });
    };
    expect(await scene.sweep()).toMatchObject({ orphans: 0, errors: [] });
    scene.upstream.onList = async () => undefined;
    expect(await scene.sweep()).toMatchObject({ orphans: 1 });
  });
});
