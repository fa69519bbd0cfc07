/** Archiving again: a lost clip comes back under its key as long as the upstream has it, and nothing else changes. */

import { createHash } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { findCallerByKey } from '../../src/catalog/callers.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import type { Caller } from '../../src/domain/caller.ts';
import type { TaskEnd } from '../../src/domain/submission.ts';
import type { Video } from '../../src/domain/video.ts';
import { readObject } from '../media/media-store-contract.ts';
import { ROOT_KEY, type Stack, startStack } from '../stack.ts';

let stack: Stack;
let root: Caller;

beforeAll(async () => {
  stack = await startStack({ speed: 50 });
  const caller = await findCallerByKey(stack.db, ROOT_KEY);
  if (caller === null) throw new Error('there is no root');
  root = caller;
}, 300_000);

afterAll(async () => {
  await stack?.close();
});

async function completed(prompt: string): Promise<Video & { readonly archive: NonNullable<Video['archive']> }> {
  const video = await stack.ended(await stack.create({ prompt }));
  const { archive } = video;
  if (archive === null) throw new Error(`the video is ${video.state}`);
  return { ...video, archive };
}

async function lose({ archive }: Awaited<ReturnType<typeof completed>>): Promise<void> {
  await stack.store.remove(archive.clipKey);
  if (archive.posterKey) await stack.store.remove(archive.posterKey);
}

async function taskEndOf(id: string) {
  const [row] = await stack.db.select().from(submissions).where(eq(submissions.videoId, id));
  if (row?.taskEnd?.kind !== 'succeeded') throw new Error('the task did not succeed');
  return row.taskEnd;
}

async function changeTaskEnd(id: string, change: Partial<TaskEnd & { kind: 'succeeded' }>): Promise<void> {
  const taskEnd = { ...(await taskEndOf(id)), ...change };
  await stack.db.update(submissions).set({ taskEnd }).where(eq(submissions.videoId, id));
}

const isStarted = (id: string) =>
  stack.client.workflow
    .getHandle(`rearchive:${id}`)
    .describe()
    .then(
      () => true,
      () => false,
    );

test('a lost clip is fetched again, poster included, and its row stays as it was', async () => {
  const video = await completed('lost and found');
  await lose(video);
  const answers = await Promise.all([stack.gateway.rearchive(root, video.id), stack.gateway.rearchive(root, video.id)]);
  for (const answer of answers) expect(answer).toEqual(await stack.video(video.id));
  const bytes = await readObject(stack.store, video.archive.clipKey);
  expect(
    createHash('sha256')
      .update(bytes ?? '')
      .digest('hex'),
  ).toBe(video.archive.sha256);
  if (video.archive.posterKey) expect(await stack.store.sizeBytes(video.archive.posterKey)).toBeGreaterThan(0);
  expect(await stack.video(video.id)).toEqual(video);
});

test('a clip that is there is left alone', async () => {
  const video = await completed('never lost');
  expect(await stack.gateway.rearchive(root, video.id)).toEqual(video);
  expect(await isStarted(video.id)).toBe(false);
});

test('a link that has died meanwhile is said, and the video stays completed', async () => {
  const video = await completed('lost for good');
  await lose(video);
  const { resultUrl } = await taskEndOf(video.id);
  await changeTaskEnd(video.id, { resultUrl: resultUrl?.replace(/\/[^/?]+(?=\?|$)/, '/nothing') ?? null });
  await expect(stack.gateway.rearchive(root, video.id)).rejects.toMatchObject({
    kind: 'conflict',
    message: expect.stringMatching(/could not be archived again: .*answered (403|404|410)/),
  });
  expect(await stack.video(video.id)).toMatchObject({ state: 'completed', archive: video.archive });
});

test('other bytes than those that were archived are not taken for the clip', async () => {
  const [video, other] = [await completed('one film'), await completed('another film')];
  await lose(video);
  await changeTaskEnd(video.id, { resultUrl: (await taskEndOf(other.id)).resultUrl });
  await expect(stack.gateway.rearchive(root, video.id)).rejects.toMatchObject({
    kind: 'conflict',
    message: expect.stringContaining('other bytes'),
  });
  expect(await stack.store.sizeBytes(video.archive.clipKey)).toBeNull();
  expect(await stack.video(video.id)).toEqual(video);
});
