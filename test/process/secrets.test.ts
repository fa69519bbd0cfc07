/** Root's key and signing keys: generated once, kept, and replaced only by the operator. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findCallerByKey } from '../../src/catalog/callers.ts';
import type { CatalogDatabase } from '../../src/catalog/driver/database.ts';
import { rootKeyFile } from '../../src/process/root-key-file.ts';
import { ensureRootKey, ensureSecretKey, ensureSigningKeys } from '../../src/process/secrets.ts';
import { openMemoryCatalog } from '../catalog/memory-catalog.ts';
import { emptyCatalog } from '../catalog/with-catalog.ts';

let database: CatalogDatabase;
let dataDir = '';

beforeAll(async () => {
  database = await openMemoryCatalog();
});
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'clipyard-secrets-'));
  await emptyCatalog(database);
});
afterEach(() => rmSync(dataDir, { recursive: true }));
afterAll(() => database.close());

const isRoot = async (key: string | null) => (await findCallerByKey(database.db, key ?? ''))?.isRoot ?? false;

describe('the key that secrets are sealed with', () => {
  test('is generated once, for its owner alone', () => {
    const first = ensureSecretKey({ secretKey: null, dataDir });
    expect(first).toHaveLength(43);
    expect(ensureSecretKey({ secretKey: null, dataDir })).toBe(first);
    expect(readdirSync(dataDir)).toEqual(['secret-key']);
    expect(statSync(join(dataDir, 'secret-key')).mode & 0o777).toBe(0o600);
  });

  test('that is given holds and is not written down', () => {
    expect(ensureSecretKey({ secretKey: 'given', dataDir })).toBe('given');
    expect(readdirSync(dataDir)).toEqual([]);
  });
});

describe('the root key', () => {
  test('a generated key is kept for its owner alone', async () => {
    const { key, isNew } = await ensureRootKey({ rootKey: null, dataDir }, database);
    expect(isNew).toBe(true);
    expect(readFileSync(rootKeyFile(dataDir), 'utf8').trim()).toBe(key);
    expect(statSync(rootKeyFile(dataDir)).mode & 0o777).toBe(0o600);
    expect(await isRoot(key)).toBe(true);
  });

  test('the next start finds the kept key', async () => {
    const first = await ensureRootKey({ rootKey: null, dataDir }, database);
    expect(await ensureRootKey({ rootKey: null, dataDir }, database)).toEqual({ key: first.key, isNew: false });
  });

  test('a lost key file is replaced by another key', async () => {
    const first = await ensureRootKey({ rootKey: null, dataDir }, database);
    rmSync(rootKeyFile(dataDir));
    const second = await ensureRootKey({ rootKey: null, dataDir }, database);
    expect(second.isNew).toBe(true);
    expect([await isRoot(first.key), await isRoot(second.key)]).toEqual([false, true]);
  });

  test('a given key holds and is not written down', async () => {
    expect(await ensureRootKey({ rootKey: 'given', dataDir }, database)).toEqual({ key: 'given', isNew: false });
    expect(await isRoot('given')).toBe(true);
    expect(() => statSync(rootKeyFile(dataDir))).toThrow();
  });

  test('a shared catalog is not overruled by a file', async () => {
    const shared = { db: database.db, kind: 'postgres' } as const;
    const first = await ensureRootKey({ rootKey: null, dataDir }, shared);
    const elsewhere = join(dataDir, 'elsewhere');
    expect(await ensureRootKey({ rootKey: null, dataDir: elsewhere }, shared)).toEqual({ key: null, isNew: false });
    expect(await isRoot(first.key)).toBe(true);
  });
});

describe('signing keys', () => {
  const warned: string[] = [];
  const log = { warn: (_fields: object, message: string) => void warned.push(message) };
  const ensure = (...signingKeys: string[]) => ensureSigningKeys({ signingKeys }, database, log);
  beforeEach(() => warned.splice(0));

  test('generated ones are the same for everyone', async () => {
    const keys = await ensure();
    expect(keys).toHaveLength(1);
    expect(await ensure()).toEqual(keys);
  });

  test('given ones hold for those who have none', async () => {
    await ensure();
    await ensure('new', 'old');
    expect(await ensure()).toEqual(['new', 'old']);
  });

  test('one that is left out, whose links are refused from then on, is told of once', async () => {
    const [generated = ''] = await ensure();
    await ensure(generated, 'new');
    await ensure('new', generated);
    expect(warned).toEqual([]);
    await ensure('new');
    await ensure('new');
    expect(warned).toEqual(['links of a key that CLIPYARD_SIGNING_KEY leaves out are refused now']);
  });
});
