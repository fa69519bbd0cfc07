/** The production topology under load: every process restarted in turn, processes killed, and a rolling update from one build to the next. */

import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { openStack, type Stack } from '../../scripts/open-stack.ts';
import { type Member, StackProcess } from '../../scripts/stack-process.ts';
import { openBucket } from '../../src/media/s3/s3-client.ts';
import { SandboxClient } from '../sandbox/sandbox-client.ts';
import { askAs, compile, untilModels } from '../system/clipyard-process.ts';
import { type FetchedClip, putUnderLoad } from './load.ts';

const CLIPS = 100;
/** So many end between one restart and the next. */
const BETWEEN_RESTARTS = 10;
/** The sandbox is the upstream; the deaths of databases are tested elsewhere. */
const KILLED = /^(?:temporal|worker|gateway)/;
const KILL_CLIPS = 60;
const BETWEEN_KILLS = 8;
const UPDATE_CLIPS = 40;
const TASKS_AT_ONCE = 4;

let stack: Stack;
let ask: ReturnType<typeof askAs>;

beforeAll(async () => {
  compile();
  stack = await openStack({ speed: 1, tasksAtOnce: TASKS_AT_ONCE });
  ask = askAs(stack.rootKey, stack.url);
  await untilModels(ask);
}, 1_800_000);

afterAll(() => stack?.close(), 120_000);

async function restart(member: Member): Promise<void> {
  await member.stop();
  await member.start();
}

const isClip = (result: FetchedClip | Error): result is FetchedClip => !(result instanceof Error);

/** No request failed for good, and each clip is another one. */
function clipsOf(results: readonly (FetchedClip | Error)[]): readonly FetchedClip[] {
  expect(results.filter((result) => !isClip(result)).map(String)).toEqual([]);
  const clips = results.filter(isClip);
  expect(new Set(clips.map(({ id }) => id)).size).toBe(results.length);
  return clips;
}

async function sha256InBucket(id: string): Promise<string> {
  const { client, bucket: Bucket } = openBucket(stack.bucket);
  try {
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: `videos/${id}/clip.mp4` }));
    return createHash('sha256')
      .update((await Body?.transformToByteArray()) ?? '')
      .digest('hex');
  } finally {
    client.destroy();
  }
}

/** Every clip of the stack's life is one task of the upstream, paid once. */
async function expectPaidOnce(clips: readonly FetchedClip[]): Promise<void> {
  const videos = await Promise.all(clips.map(({ id }) => ask(`/clipyard/v1/videos/${id}`)));
  expect(videos.map(({ state }) => state)).toEqual(clips.map(() => 'completed'));
  const { tasks, peakConcurrent } = await new SandboxClient(stack.sandboxUrl).bill();
  expect(tasks.map(({ id }) => id).toSorted()).toEqual(videos.map(({ taskId }) => taskId).toSorted());
  expect(Math.max(...Object.values(peakConcurrent))).toBeLessThanOrEqual(TASKS_AT_ONCE);
  const billedMicroUsd = tasks.reduce((sum, { costMicroUsd }) => sum + costMicroUsd, 0);
  const { items } = (await ask('/clipyard/v1/costs')) as { items: Record<string, number>[] };
  const [{ settledMicroUsd = 0, lostMicroUsd = 0 } = {}] = items;
  expect(settledMicroUsd + lostMicroUsd).toBe(billedMicroUsd);
  expect(await ask('/clipyard/v1/balance')).toMatchObject({ heldMicroUsd: 0 });
  for (const [index, { id, sha256 }] of clips.entries()) {
    const { archive } = videos[index] as unknown as { readonly archive: { readonly sha256: string } };
    expect([archive.sha256, await sha256InBucket(id)]).toEqual([sha256, sha256]);
  }
}

const made: FetchedClip[] = [];

test('every process is restarted during a load of 100 clips, and no request fails, no clip is lost, none is paid twice', async () => {
  const load = putUnderLoad({ url: stack.url, key: stack.rootKey }, { clips: CLIPS, name: 'restarted' });
  for (const member of [...stack.members]) {
    await load.untilEnded(BETWEEN_RESTARTS);
    await restart(member);
  }
  made.push(...clipsOf(await load.results()));
  expect(made.length).toBeGreaterThanOrEqual(CLIPS);
  await expectPaidOnce(made);
}, 1_800_000);

test('processes are killed in turn during a load, and no request fails, no clip is lost, none is paid twice', async () => {
  const load = putUnderLoad({ url: stack.url, key: stack.rootKey }, { clips: KILL_CLIPS, name: 'killed' });
  const ours = stack.members.filter((member) => member instanceof StackProcess);
  for (const member of ours.filter(({ name }) => KILLED.test(name))) {
    await load.untilEnded(BETWEEN_KILLS);
    await member.kill();
    await member.start();
  }
  made.push(...clipsOf(await load.results()));
  expect(made.length).toBeGreaterThanOrEqual(CLIPS + KILL_CLIPS);
  await expectPaidOnce(made);
}, 1_800_000);

/** What `clipyard doctor` says of the versions of workers. */
async function untilDoctorSays(words: string): Promise<void> {
  while (!(await stack.run('doctor')).includes(words)) await sleep(1_000);
}

test('workers of a new build take over under load, the old build drains, and every clip ends', async () => {
  const unversioned = stack.members.filter(({ name }) => name.startsWith('worker'));
  const old = [await stack.startWorker('old-1', { CLIPYARD_BUILD_ID: 'old' })];
  old.push(await stack.startWorker('old-2', { CLIPYARD_BUILD_ID: 'old' }));
  await untilDoctorSays('version old is current');
  for (const worker of unversioned) await worker.stop();
  const load = putUnderLoad({ url: stack.url, key: stack.rootKey }, { clips: UPDATE_CLIPS, name: 'updated' });
  await load.untilEnded(BETWEEN_RESTARTS);
  for (const name of ['new-1', 'new-2']) await stack.startWorker(name, { CLIPYARD_BUILD_ID: 'new' });
  await untilDoctorSays('version new is current');
  await untilDoctorSays('version old is drained');
  for (const worker of old) await worker.stop();
  await load.untilEnded(BETWEEN_RESTARTS);
  made.push(...clipsOf(await load.results()));
  expect(made.length).toBeGreaterThanOrEqual(CLIPS + KILL_CLIPS + UPDATE_CLIPS);
  await expectPaidOnce(made);
}, 1_800_000);
