/** Input images: kept once, as long as a video may need them and a day longer, and no second more. */

import { mkdtempSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { eq } from 'drizzle-orm';
import { endVideo } from '../../src/catalog/ends.ts';
import { listUnusedImages } from '../../src/catalog/input-images.ts';
import { inputImages, inputImageUses } from '../../src/catalog/tables/input-images.ts';
import { videos } from '../../src/catalog/tables/videos.ts';
import { readImageHeader } from '../../src/domain/image-header.ts';
import type { StoredImage } from '../../src/domain/video-request.ts';
import { keepInputImage } from '../../src/gateway/images.ts';
import { createFileStore } from '../../src/media/file-store.ts';
import { inputImageKeyOf } from '../../src/media/input-images.ts';
import type { MediaStore } from '../../src/media/media-store.ts';
import { describeOnBothCatalogs } from '../catalog/with-catalog.ts';
import { makePng } from '../fixtures/images.ts';
import { readObject } from '../media/media-store-contract.ts';
import { accept, Scene } from '../model/scene.ts';

const HOUR_MS = 3_600_000;
const BYTES = makePng({ width: 5, height: 4 });

/** Opens once. */
class Gate {
  open: () => void = () => undefined;
  readonly opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });
}

describeOnBothCatalogs('input images', (catalog) => {
  let root: string;
  let store: MediaStore;
  let scene: Scene;

  let beforeRemoval: () => Promise<void>;

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'clipyard-images-'));
    beforeRemoval = async () => undefined;
    const file = createFileStore(root);
    store = {
      stage: (...args) => file.stage(...args),
      read: (...args) => file.read(...args),
      sizeBytes: (key) => file.sizeBytes(key),
      check: () => file.check(),
      remove: async (key) => {
        await beforeRemoval();
        await file.remove(key);
      },
    };
    scene = await new Scene(catalog.database.db, { dependencies: { store } }).furnish();
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  async function keep(bytes: Buffer = BYTES): Promise<StoredImage> {
    const kept = await keepInputImage({ db: scene.db, store }, { kind: 'bytes', bytes, ...readImageHeader(bytes) });
    if (kept.kind !== 'stored') throw new Error('the image was not stored');
    return kept;
  }

  /** As if the image had last been brought so long ago. */
  async function age(ageMs: number): Promise<void> {
    await scene.db.update(inputImages).set({ lastUsedAt: new Date(Date.now() - ageMs) });
  }

  async function end(id: string, agoMs: number): Promise<void> {
    await endVideo(scene.db, id, { state: 'failed', failure: null, archive: null });
    await scene.db
      .update(videos)
      .set({ endedAt: new Date(Date.now() - agoMs) })
      .where(eq(videos.id, id));
  }

  const purge = async () => (await scene.sweep()).purgedImages;
  const stored = async ({ sha256 }: StoredImage) => await readObject(store, inputImageKeyOf(sha256));
  const rows = async () => await scene.db.select().from(inputImages);

  test('the same bytes are kept once, with what is known of them', async () => {
    const [first, ...others] = await Promise.all(Array.from({ length: 5 }, () => keep()));
    if (first === undefined) throw new Error('nothing was kept');
    for (const other of others) expect(other).toEqual(first);
    expect(await rows()).toMatchObject([
      { sha256: first.sha256, mediaType: 'image/png', sizeBytes: BYTES.length, width: 5, height: 4 },
    ]);
    expect(await readdir(join(root, 'inputs'))).toEqual([first.sha256]);
    expect(await readdir(join(root, '.staging'))).toEqual([]);
    expect(await stored(first)).toEqual(BYTES);
  });

  test('an image that no video uses in the end goes a day after it was brought', async () => {
    const image = await keep();
    await age(24 * HOUR_MS - 60_000);
    expect(await purge()).toBe(0);
    await age(24 * HOUR_MS + 60_000);
    expect(await purge()).toBe(1);
    expect(await rows()).toEqual([]);
    expect(await stored(image)).toBeNull();
  });

  test('an image stays until a day after the last of its videos has ended', async () => {
    const image = await keep();
    await accept(scene.db, 'v1', { images: [image] });
    await accept(scene.db, 'v2', { images: [image, image] });
    await age(72 * HOUR_MS);
    await end('v1', 48 * HOUR_MS);
    expect(await purge()).toBe(0);
    await end('v2', 23 * HOUR_MS);
    expect(await purge()).toBe(0);
    expect(await stored(image)).toEqual(BYTES);
    await end('v2', 25 * HOUR_MS);
    expect(await purge()).toBe(1);
    expect(await stored(image)).toBeNull();
    expect(await scene.db.select().from(inputImageUses)).toEqual([]);
  });

  test('an image that another request names again stays', async () => {
    const image = await keep();
    await accept(scene.db, 'v1', { images: [image] });
    await end('v1', 48 * HOUR_MS);
    await age(48 * HOUR_MS);
    expect(await keepInputImage({ db: scene.db, store }, image)).toEqual(image);
    expect(await purge()).toBe(0);
    await age(48 * HOUR_MS);
    expect(await purge()).toBe(1);
    await expect(keepInputImage({ db: scene.db, store }, image)).rejects.toMatchObject({ kind: 'gone' });
  });

  test('of a list that is too long for one sweep the oldest go first', async () => {
    const images = [await keep(), await keep(makePng({ shade: 1 })), await keep(makePng({ shade: 2 }))];
    for (const [i, { sha256 }] of images.entries()) {
      const lastUsedAt = new Date(Date.now() - (30 - i) * HOUR_MS);
      await scene.db.update(inputImages).set({ lastUsedAt }).where(eq(inputImages.sha256, sha256));
    }
    const listed = await listUnusedImages(scene.db, new Date(Date.now() - 24 * HOUR_MS), 2);
    expect(listed).toEqual(images.slice(0, 2).map(({ sha256 }) => sha256));
  });

  test('an image that is brought again while its bytes are being removed is there afterwards', async () => {
    const removing = new Gate();
    const goOn = new Gate();
    beforeRemoval = async () => {
      removing.open();
      await goOn.opened;
    };
    const image = await keep();
    await age(48 * HOUR_MS);
    const purged = purge();
    await removing.opened;
    const kept = keep();
    // A request that brings it waits: it must not find bytes that are about to go. If it did, it would be done by then.
    await Promise.race([kept, wait(200)]);
    goOn.open();
    expect(await purged).toBe(1);
    expect(await kept).toEqual(image);
    expect(await rows()).toHaveLength(1);
    expect(await stored(image)).toEqual(BYTES);
  });

  test('no video is left without its image, be it a purge or a new use that comes first', async () => {
    for (let round = 0; round < 20; round += 1) {
      const image = await keep();
      await age(48 * HOUR_MS);
      const use = async () => await accept(scene.db, `v${round}`, { images: [await keep()] });
      await Promise.all(round % 2 === 0 ? [purge(), use()] : [use(), purge()]);
      expect(await stored(image)).toEqual(BYTES);
      expect(await rows()).toHaveLength(1);
      await end(`v${round}`, 48 * HOUR_MS);
    }
  });
});
