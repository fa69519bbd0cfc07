/** A create whose provider honours an idempotency key: sent again under it until it is known what became of it. */

import { submissions } from '../../src/catalog/tables/submissions.ts';
import { videos } from '../../src/catalog/tables/videos.ts';
import { describeOnBothCatalogs } from '../catalog/with-catalog.ts';
import { Scene, type SceneOptions } from '../model/scene.ts';
import { type CreatePlan, gate, LOST, NOT_SENT, refusal, until } from '../model/upstream.ts';

const never = (answer: CreatePlan['answer']): CreatePlan => ({ records: 'never', answer });

describeOnBothCatalogs('a create under a key that the provider honours', (catalog) => {
  let scene: Scene;

  const furnish = async (options: SceneOptions = {}) => {
    const honouring = { honoursIdempotencyKey: true, listWindow: null, ...options };
    scene = await new Scene(catalog.database.db, honouring).furnish();
    return scene;
  };

  afterEach(() => {
    jest.restoreAllMocks();
    scene.upstream.release();
  });

  test('has no lane', async () => {
    await furnish();
    await scene.granted('v1');
    await scene.granted('v2');
    expect(await scene.statesOf('v2')).toEqual(['granted']);
  });

  test.each(['at once', 'never'] as const)('is sent again under it when its answer was lost: %s', async (records) => {
    await furnish();
    const id = await scene.granted('v1');
    scene.upstream.plan('v1', { records, answer: LOST });
    const step = await scene.submit('v1', id);
    expect(step).toMatchObject({ step: 'confirm', submissionId: id, lookAgainMs: 1000 });
    expect(await scene.video('v1')).toMatchObject({ state: 'unconfirmed' });
    expect(await scene.take('v1', step)).toMatchObject({ step: 'watch', task: { taskId: 'task_1' } });
    expect(scene.upstream.creates).toEqual([
      { prompt: 'v1', key: id },
      { prompt: 'v1', key: id },
    ]);
    expect(await scene.statesOf('v1')).toEqual(['running']);
  });

  test('is sent again at once by an attempt that finds it being sent', async () => {
    await furnish();
    const id = await scene.granted('v1');
    scene.upstream.plan('v1', { records: 'at once', answer: 'never' });
    const first = scene.submit('v1', id);
    await until(() => scene.upstream.creates.length === 1);
    expect(await scene.submit('v1', id)).toMatchObject({ step: 'watch' });
    scene.upstream.release();
    expect(await first).toMatchObject({ step: 'watch' });
    expect(scene.upstream.tasks).toHaveLength(1);
    expect(scene.logged).toEqual([]);
  });

  test.each([
    ['not sent', NOT_SENT],
    ['refused as rate limited', refusal('rate limited', 429)],
    ['refused for the request', refusal('request', 400)],
  ])('and %s does not undo what was sent again meanwhile', async (_name, outcome) => {
    await furnish();
    const id = await scene.granted('v1');
    const { answer, open } = gate();
    const second = gate();
    scene.upstream.plan('v1', never(answer), { records: 'at once', answer: second.answer });
    const first = scene.submit('v1', id);
    await until(() => scene.upstream.creates.length === 1);
    const again = scene.submit('v1', id);
    await until(() => scene.upstream.creates.length === 2);
    open(outcome);
    await first;
    expect(await scene.statesOf('v1')).toEqual(['unconfirmed']);
    second.open('started');
    expect(await again).toMatchObject({ step: 'watch' });
    expect(await scene.statesOf('v1')).toEqual(['running']);
    expect(scene.upstream.tasks).toHaveLength(1);
  });

  test.each([
    ['not sent', NOT_SENT],
    ['rate limited', refusal('rate limited', 429)],
    ['unauthenticated', refusal('unauthenticated', 401)],
    ['out of credit', refusal('no credit', 402)],
    ['in conflict with the first', refusal('request', 409)],
    ['lost once more', LOST],
  ])('is asked for again when the second is %s', async (_name, outcome) => {
    await furnish();
    const id = await scene.granted('v1');
    scene.upstream.plan('v1', { records: 'at once', answer: LOST }, never(outcome));
    let step = await scene.submit('v1', id);
    step = await scene.take('v1', step);
    expect(step).toMatchObject({ step: 'confirm', submissionId: id });
    expect(await scene.take('v1', step)).toMatchObject({ step: 'watch' });
    expect(scene.upstream.tasks).toHaveLength(1);
  });

  test('ends the video when the second is refused for the request', async () => {
    await furnish();
    const id = await scene.granted('v1');
    scene.upstream.plan('v1', never(LOST), never(refusal('request', 400)));
    const step = await scene.take('v1', await scene.submit('v1', id));
    expect(step).toMatchObject({ step: 'ended', end: { failure: { kind: 'upstream_refused' } } });
    expect(await scene.statesOf('v1')).toEqual(['void']);
  });

  test('is asked for less and less often, and for half a day', async () => {
    await furnish();
    const id = await scene.granted('v1');
    const losses = Array.from({ length: 5 }, () => never(LOST));
    scene.upstream.plan('v1', ...losses);
    const waits: unknown[] = [];
    for (const ageMs of [0, 30_000, 100_000, 11 * 3_600_000]) {
      const sentAt = new Date(Date.now() - ageMs);
      await scene.db.update(submissions).set({ sentAt });
      const step = await scene.submit('v1', id);
      waits.push(step.step === 'confirm' ? Math.round(step.lookAgainMs / 10_000) : step);
    }
    expect(waits).toEqual([0, 3, 10, 30]);
    await scene.db.update(submissions).set({ sentAt: new Date(Date.now() - 13 * 3_600_000) });
    const last = await scene.submit('v1', id);
    expect(last).toMatchObject({ step: 'ended', end: { failure: { kind: 'answer_lost' } } });
    const [video] = await scene.db.select().from(videos);
    expect(video).toMatchObject({ state: 'failed', settledMicroUsd: 0 });
    expect(await scene.statesOf('v1')).toEqual(['void']);
  });
});
