/** What every kind of media store must do; each store's test runs it with a way to open itself twice on the same data. */

import { createHash, randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import type { JsonObject } from '../../src/domain/json.ts';
import type { ByteRange, MediaStore } from '../../src/media/media-store.ts';

export interface StoreUnderTest {
  /** Another store on the same data, as another process would have it. */
  open(): MediaStore;
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

export async function putObject(store: MediaStore, key: string, bytes: Uint8Array): Promise<void> {
  const staged = await store.stage(key);
  await staged.write(bytes);
  await staged.commit();
}

export async function readObject(store: MediaStore, key: string, range?: ByteRange): Promise<Buffer | null> {
  const stream = await store.read(key, range);
  return stream === null ? null : buffer(stream);
}

/** Registers the tests of the contract. */
export function describeMediaStore(name: string, setUp: () => StoreUnderTest): void {
  describe(`${name} as a media store`, () => {
    const bytes = randomBytes(3 * 1024 * 1024 + 17);
    let store: MediaStore;
    let again: MediaStore;

    beforeEach(() => {
      const underTest = setUp();
      store = underTest.open();
      again = underTest.open();
    });

    test('an object reads back whole in another process', async () => {
      await putObject(store, 'videos/v1/clip.mp4', bytes);
      expect((await readObject(again, 'videos/v1/clip.mp4'))?.equals(bytes)).toBe(true);
      expect(await again.sizeBytes('videos/v1/clip.mp4')).toBe(bytes.length);
    });

    test.each([
      ['the first byte', { start: 0, end: 0 }],
      ['a piece inside', { start: 100, end: 2_000_000 }],
      ['the last bytes', { start: bytes.length - 5, end: bytes.length - 1 }],
    ])('a range gives exactly %s', async (_what, range) => {
      await putObject(store, 'a', bytes);
      const read = await readObject(store, 'a', range);
      expect(read?.equals(bytes.subarray(range.start, range.end + 1))).toBe(true);
    });

    test('what is not there is null everywhere', async () => {
      expect(await store.read('videos/none/clip.mp4')).toBeNull();
      expect(await store.sizeBytes('videos/none/clip.mp4')).toBeNull();
      await expect(store.remove('videos/none/clip.mp4')).resolves.toBeUndefined();
    });

    test('a staged object is invisible until its commit', async () => {
      const staged = await store.stage('v/clip.mp4');
      await staged.write(bytes);
      await staged.checkpoint();
      expect(await again.sizeBytes('v/clip.mp4')).toBeNull();
      await staged.commit();
      expect(await again.sizeBytes('v/clip.mp4')).toBe(bytes.length);
    });

    test('many small chunks hash like one', async () => {
      const staged = await store.stage('v/clip.mp4');
      for (let offset = 0; offset < bytes.length; offset += 65_521)
        await staged.write(bytes.subarray(offset, offset + 65_521));
      expect(staged.sizeBytes).toBe(bytes.length);
      expect(await staged.commit()).toEqual({ sha256: sha256(bytes), sizeBytes: bytes.length });
      expect((await readObject(store, 'v/clip.mp4'))?.equals(bytes)).toBe(true);
    });

    test('a suspended object goes on in another process', async () => {
      const half = Math.floor(bytes.length / 2);
      const first = await store.stage('v/clip.mp4');
      await first.write(bytes.subarray(0, half));
      const checkpoint = await first.checkpoint();
      await first.suspend();
      const second = await again.stage('v/clip.mp4', throughJson(checkpoint));
      await second.write(bytes.subarray(second.sizeBytes));
      expect(await second.commit()).toEqual({ sha256: sha256(bytes), sizeBytes: bytes.length });
      expect((await readObject(store, 'v/clip.mp4'))?.equals(bytes)).toBe(true);
    });

    test('checkpoints beside writes lose nothing', async () => {
      const staged = await store.stage('v/clip.mp4');
      const checkpoints: Promise<JsonObject>[] = [];
      for (let offset = 0; offset < bytes.length; offset += 100_000) {
        checkpoints.push(staged.checkpoint());
        await staged.write(bytes.subarray(offset, offset + 100_000));
      }
      await Promise.all(checkpoints);
      await staged.commit();
      expect((await readObject(store, 'v/clip.mp4'))?.equals(bytes)).toBe(true);
    });

    test('a commit replaces what stood there', async () => {
      await putObject(store, 'v/clip.mp4', bytes);
      await putObject(again, 'v/clip.mp4', Buffer.from('new'));
      expect((await readObject(store, 'v/clip.mp4'))?.toString()).toBe('new');
    });

    test('a discarded object leaves the old one alone', async () => {
      await putObject(store, 'v/clip.mp4', Buffer.from('old'));
      const staged = await store.stage('v/clip.mp4');
      await staged.write(bytes);
      const checkpoint = await staged.checkpoint();
      await staged.discard();
      expect((await readObject(store, 'v/clip.mp4'))?.toString()).toBe('old');
      const anew = await again.stage('v/clip.mp4', checkpoint);
      expect(anew.sizeBytes).toBe(0);
      await anew.discard();
    });

    test.each([{}, { name: '../../etc/passwd' }, { name: 7 }, { name: `${'0'.repeat(32)}-${'0'.repeat(16)}` }])(
      'the checkpoint %j that does not hold starts anew',
      async (checkpoint) => {
        const staged = await store.stage('v/clip.mp4', checkpoint);
        expect(staged.sizeBytes).toBe(0);
        await staged.discard();
      },
    );

    test('a removed object is gone', async () => {
      await putObject(store, 'v/clip.mp4', bytes);
      await again.remove('v/clip.mp4');
      expect(await store.read('v/clip.mp4')).toBeNull();
    });

    test.each(['', '/etc/passwd', '../secret', 'a/../../b', 'a//b', 'a/./b', '.staging/x', 'a\\b', 'a\0b', 'ä', 'a/'])(
      'the key %j is refused by every method',
      async (key) => {
        await expect(store.stage(key)).rejects.toThrow('is not a key');
        await expect(store.read(key)).rejects.toThrow('is not a key');
        await expect(store.sizeBytes(key)).rejects.toThrow('is not a key');
        await expect(store.remove(key)).rejects.toThrow('is not a key');
      },
    );

    test('the check of a working store passes', async () => {
      await expect(store.check()).resolves.toBeUndefined();
    });
  });
}

/** As a checkpoint travels in a heartbeat. */
function throughJson(checkpoint: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(checkpoint)) as JsonObject;
}
