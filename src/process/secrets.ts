/** Root's key and the keys that sign links: the operator's, or generated once and kept. */

import { randomBytes, randomUUID } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ensureRootCaller } from '../catalog/callers.ts';
import type { CatalogDatabase } from '../catalog/driver/database.ts';
import { ensureSetting, readSetting, writeSetting } from '../catalog/settings.ts';
import type { Config } from '../config/settings.ts';
import type { Log } from '../domain/log.ts';
import { readRootKeyFile, rootKeyFile } from './root-key-file.ts';

export interface RootKey {
  /** Null where another process generated it: then only its hash is known here. */
  readonly key: string | null;
  /** Whether it was made just now, and no user has seen it yet. */
  readonly isNew: boolean;
}

function writeRootKeyFile(dataDir: string, key: string): void {
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(rootKeyFile(dataDir), `${key}\n`, { mode: 0o600 });
  // A file that was there before keeps its mode.
  chmodSync(rootKeyFile(dataDir), 0o600);
}

/**
 * Makes sure that root has a key. With the embedded catalog the data directory's file decides; a shared catalog has the
 * key's hash from whichever process came first, and a file left in one process's directory must not replace it.
 */
export async function ensureRootKey(
  config: Pick<Config, 'rootKey' | 'dataDir'>,
  { db, kind }: Pick<CatalogDatabase, 'db' | 'kind'>,
): Promise<RootKey> {
  const kept = kind === 'pglite' ? readRootKeyFile(config.dataDir) : null;
  const known = config.rootKey ?? kept;
  const { generatedKey } = await ensureRootCaller(db, known);
  if (known !== null) return { key: known, isNew: false };
  const isShared = kind === 'postgres' && generatedKey === null;
  if (isShared) return { key: readRootKeyFile(config.dataDir), isNew: false };
  const key = generatedKey ?? `cy_${randomBytes(32).toString('base64url')}`;
  // The catalog knows a root whose key file is gone: that key is lost, and this one takes its place.
  if (generatedKey === null) await ensureRootCaller(db, key);
  writeRootKeyFile(config.dataDir, key);
  return { key, isNew: true };
}

/** The key under which secrets lie in the catalog: the setting's, else the one that the data directory keeps. */
export function ensureSecretKey({ secretKey, dataDir }: Pick<Config, 'secretKey' | 'dataDir'>): string {
  if (secretKey !== null) return secretKey;
  const file = join(dataDir, 'secret-key');
  mkdirSync(dataDir, { recursive: true });
  const written = `${file}.${randomUUID()}`;
  writeFileSync(written, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 });
  try {
    // Whole or not there at all: of processes that start together the first one's holds, and none reads half of it.
    linkSync(written, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(written);
  }
  return readFileSync(file, 'utf8').trim();
}

const SIGNING_KEYS = 'signing_keys';
const keyList = z.array(z.string().min(1)).min(1);

const readKeys = (stored: string | null) => (stored === null ? [] : keyList.parse(JSON.parse(stored)));

/**
 * The keys of links, the first of which signs: those of the settings hold for all processes, else the catalog's. Keys that
 * the settings leave out are gone from the catalog, perhaps a generated one that stands nowhere else: the log says so.
 */
export async function ensureSigningKeys(
  config: Pick<Config, 'signingKeys'>,
  { db }: Pick<CatalogDatabase, 'db'>,
  log: Pick<Log, 'warn'>,
): Promise<readonly string[]> {
  if (config.signingKeys.length > 0) {
    const former = readKeys(await readSetting(db, SIGNING_KEYS));
    const leftOut = former.filter((key) => !config.signingKeys.includes(key)).length;
    if (leftOut > 0) log.warn({ keys: leftOut }, 'links of a key that CLIPYARD_SIGNING_KEY leaves out are refused now');
    await writeSetting(db, SIGNING_KEYS, JSON.stringify(config.signingKeys));
    return config.signingKeys;
  }
  const stored = await ensureSetting(db, SIGNING_KEYS, () => JSON.stringify([randomBytes(32).toString('base64url')]));
  return readKeys(stored);
}
