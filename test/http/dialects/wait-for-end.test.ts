/** Waiting for an end: changes, limits, failed reads, and nothing left behind. */

import { Refusal } from '../../../src/domain/failure.ts';
import { waitForEnd } from '../../../src/http/dialects/wait-for-end.ts';
import { makeCaller, makeCompletedVideo, makeVideo } from '../../builders.ts';
import { FakeGateway } from '../fake-gateway.ts';

const LONG_MS = 60_000;

function sourceOf(gateway: FakeGateway) {
  const errors: unknown[] = [];
  return {
    errors,
    read: () => gateway.read(makeCaller(), 'video_1'),
    watch: (onChange: () => void) => gateway.watch('video_1', onChange),
    onError: (error: unknown) => void errors.push(error),
  };
}

function bounds(more: Partial<Parameters<typeof waitForEnd>[1]> = {}) {
  return { limitMs: LONG_MS, signal: new AbortController().signal, ...more };
}

test('an end that is there is returned at once', async () => {
  const gateway = new FakeGateway();
  gateway.put(makeCompletedVideo());
  expect(await waitForEnd(sourceOf(gateway), bounds())).toMatchObject({ state: 'completed' });
  expect(gateway.watching).toBe(0);
});

test('a change that is no end is waited through', async () => {
  const gateway = new FakeGateway();
  gateway.put(makeVideo());
  const waiting = waitForEnd(sourceOf(gateway), bounds());
  gateway.put(makeVideo({ state: 'generating' }));
  gateway.put(makeVideo({ state: 'failed' }));
  expect(await waiting).toMatchObject({ state: 'failed' });
});

test('an end during the first read is not missed', async () => {
  const gateway = new FakeGateway();
  gateway.put(makeVideo());
  const source = sourceOf(gateway);
  let reads = 0;
  const read = async () => {
    const video = await source.read();
    reads += 1;
    if (reads === 1) gateway.put(makeCompletedVideo());
    return video;
  };
  expect(await waitForEnd({ ...source, read }, bounds())).toMatchObject({ state: 'completed' });
  expect(reads).toBe(2);
});

test('a wait ends at its limit and when it is given up', async () => {
  const gateway = new FakeGateway();
  gateway.put(makeVideo());
  expect(await waitForEnd(sourceOf(gateway), bounds({ limitMs: 1 }))).toBeNull();
  const controller = new AbortController();
  const waiting = waitForEnd(sourceOf(gateway), bounds({ signal: controller.signal }));
  controller.abort();
  expect(await waiting).toBeNull();
  expect(await waitForEnd(sourceOf(gateway), bounds({ signal: AbortSignal.abort() }))).toBeNull();
  expect(gateway.watching).toBe(0);
});

test('a read that fails is told of and repeated', async () => {
  const gateway = new FakeGateway();
  gateway.put(makeCompletedVideo());
  gateway.failure = new Error('catalog away');
  const source = sourceOf(gateway);
  expect(await waitForEnd(source, bounds({ readAgainMs: 1 }))).toMatchObject({ state: 'completed' });
  expect(source.errors).toEqual([expect.objectContaining({ message: 'catalog away' })]);
});

test('a video that is gone ends the wait', async () => {
  const gateway = new FakeGateway();
  await expect(waitForEnd(sourceOf(gateway), bounds())).rejects.toThrow(Refusal);
  expect(gateway.watching).toBe(0);
});
