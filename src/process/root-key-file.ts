/** The file in the data directory that keeps a generated root key. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where a generated root key is kept, readable by its owner alone. */
export function rootKeyFile(dataDir: string): string {
  return join(dataDir, 'root-key');
}

/** The key that is kept there; null where there is none that can be read. */
export function readRootKeyFile(dataDir: string): string | null {
  try {
    return readFileSync(rootKeyFile(dataDir), 'utf8').trim() || null;
  } catch {
    return null;
  }
}
