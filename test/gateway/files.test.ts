/** Files on both kinds of catalog: their bytes belong to a row from the first on, whatever becomes of the process that stores them. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FileFilter, listExpiredFiles } from '../../src/catalog/files.ts';
import { files as fileTable } from '../../src/catalog/tables/batches.ts';
import { createFiles, type Files } from '../../src/gateway/files.ts';
import { createFileStore } from '../../src/media/file-store.ts';
import { fileKeyOf } from '../../src/media/media-key.ts';
import { makeCaller } from '../builders.ts';
import { describeOnBothCatalogs } from '../catalog/with-catalog.ts';

const CALLER = makeCaller();
const ALL: FileFilter = { callerId: CALLER.id, limit: 10, order: 'desc', after: null };
const FACTS = { filename: 'manifest.jsonl', purpose: 'batch', keptSeconds: 3600 };
const MOST_BYTES = 100;

async function* pieces(...texts: readonly string[]) {
  for (const text of texts) yield Buffer.from(text);
}

describeOnBothCatalogs('a file', (catalog) => {
  let root: string;
  let files: Files;
  const store = () => createFileStore(root);

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'clipyard-files-'));
    files = createFiles({ db: catalog.database.db, store: store() });
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  test('is shown once it is entered, with the times that its upload was answered', async () => {
    const stored = await files.store(CALLER, pieces('one', 'two'), MOST_BYTES);
    expect(await files.list(ALL)).toEqual([]);
    await expect(files.read(CALLER, stored.id)).rejects.toMatchObject({ kind: 'not_found' });
    const entered = await files.enter(CALLER, stored, FACTS);
    expect(entered).toMatchObject({ sizeBytes: 6, filename: 'manifest.jsonl', purpose: 'batch' });
    expect(await files.read(CALLER, stored.id)).toEqual(entered);
    expect(await files.list(ALL)).toEqual([entered]);
  });

  test('that its process did not live to enter is removed like one that has had its time', async () => {
    const { db } = catalog.database;
    const { id } = await files.store(CALLER, pieces('bytes of nobody'), MOST_BYTES);
    expect(await store().sizeBytes(fileKeyOf(id))).toBe(15);
    expect(await listExpiredFiles(db, 10)).toEqual([]);
    await db.update(fileTable).set({ expiresAt: new Date(0) });
    expect(await listExpiredFiles(db, 10)).toEqual([id]);
  });

  test('leaves nothing where it is too large, breaks off or is discarded', async () => {
    await expect(files.store(CALLER, pieces('x'.repeat(MOST_BYTES + 1)), MOST_BYTES)).rejects.toMatchObject({
      kind: 'too_large',
    });
    async function* broken() {
      yield Buffer.from('half');
      throw new Error('the client is gone');
    }
    await expect(files.store(CALLER, broken(), MOST_BYTES)).rejects.toThrow('the client is gone');
    const stored = await files.store(CALLER, pieces('all'), MOST_BYTES);
    await files.discard(stored);
    expect(await store().sizeBytes(fileKeyOf(stored.id))).toBeNull();
    expect(await catalog.database.db.$count(fileTable)).toBe(0);
  });
});
