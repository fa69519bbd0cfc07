/** The whole process tree killed with clips in flight: nothing is lost, nothing is paid twice. */

import { createVideos, readSettled, untilVideos } from './clipyard-process.ts';
import { type ClipyardUp, prepareClipyardUp } from './clipyard-up.ts';

let clipyard: ClipyardUp;

beforeAll(async () => {
  clipyard = await prepareClipyardUp();
}, 300_000);

afterAll(() => clipyard?.close());

const hasBegun = ({ state }: Record<string, unknown>) => state !== 'queued';
const isCompleted = ({ state }: Record<string, unknown>) => state === 'completed';

test('eight clips survive two kills of everything and are paid once each', async () => {
  const { ask, start } = clipyard;
  const first = await start();
  const ids = await createVideos(ask, 8, 'killed');
  await untilVideos(ask, ids, (snapshots) => snapshots.filter(hasBegun).length >= 3);
  await first.killTree();

  const second = await start();
  await untilVideos(ask, ids, (snapshots) => snapshots.filter(isCompleted).length >= 2);
  await second.killTree();

  const third = await start();
  const snapshots = await untilVideos(ask, ids, (all) => all.every(isCompleted));
  const bill = await (await clipyard.embeddedSandbox()).bill();
  expect(bill.tasks).toHaveLength(8);
  expect(Math.max(...Object.values(bill.peakConcurrent))).toBeLessThanOrEqual(4);
  const billedMicroUsd = bill.tasks.reduce((sum, { costMicroUsd }) => sum + costMicroUsd, 0);
  expect(await readSettled(ask)).toBe(billedMicroUsd);
  // A create that was killed before it left is made again: what counts is that each video has one of the tasks.
  expect(snapshots.map(({ taskId }) => taskId).toSorted()).toEqual(bill.tasks.map(({ id }) => id).toSorted());
  expect(await third.terminate()).toBe(0);
}, 900_000);
