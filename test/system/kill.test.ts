/** The whole process tree killed with clips in flight: nothing is lost, nothing is paid twice. */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  askAs,
  type ClipyardProcess,
  compile,
  createVideos,
  freePort,
  ROOT_KEY,
  readBill,
  readSettled,
  startClipyard,
  untilReady,
  untilVideos,
} from './clipyard-process.ts';

let dataDir: string;
let running: ClipyardProcess | null = null;

beforeAll(async () => {
  compile();
  dataDir = await mkdtemp(join(tmpdir(), 'clipyard-kill-'));
}, 300_000);

afterAll(async () => {
  await running?.killTree();
  await rm(dataDir, { recursive: true, force: true });
});

const hasBegun = ({ state }: Record<string, unknown>) => state !== 'queued';
const isCompleted = ({ state }: Record<string, unknown>) => state === 'completed';

test('eight clips survive two kills of everything and are paid once each', async () => {
  const port = await freePort();
  const baseUrl = `http://127.0.0.1:${port}`;
  const ask = askAs(ROOT_KEY, baseUrl);
  const start = async () => {
    running = startClipyard(['up'], { CLIPYARD_DATA_DIR: dataDir, CLIPYARD_PORT: String(port) });
    await untilReady(`${baseUrl}/readyz`, running);
    return running;
  };

  const first = await start();
  const ids = await createVideos(ask, 8, 'killed');
  await untilVideos(ask, ids, (snapshots) => snapshots.filter(hasBegun).length >= 3);
  await first.killTree();

  const second = await start();
  await untilVideos(ask, ids, (snapshots) => snapshots.filter(isCompleted).length >= 2);
  await second.killTree();

  const third = await start();
  const snapshots = await untilVideos(ask, ids, (all) => all.every(isCompleted));
  const { port: sandboxPort } = JSON.parse(await readFile(join(dataDir, 'sandbox.json'), 'utf8')) as { port: number };
  const bill = await readBill(`http://127.0.0.1:${sandboxPort}`);
  expect(bill.tasks).toHaveLength(8);
  expect(Math.max(...Object.values(bill.peakConcurrent))).toBeLessThanOrEqual(4);
  const billedMicroUsd = bill.tasks.reduce((sum, { costMicroUsd }) => sum + costMicroUsd, 0);
  expect(await readSettled(ask)).toBe(billedMicroUsd);
  // A create that was killed before it left is made again: what counts is that each video has one of the tasks.
  expect(snapshots.map(({ taskId }) => taskId).toSorted()).toEqual(bill.tasks.map(({ id }) => id).toSorted());
  expect(await third.terminate()).toBe(0);
  running = null;
}, 300_000);
