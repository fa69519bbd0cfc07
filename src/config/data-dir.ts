/** The data directory, whose setting is named where it is of no use. */

import { ConfigError } from './entry.ts';
import { PROCESS_SETTINGS } from './environment.ts';
import { problemOfFolder } from './folder.ts';
import { complain } from './read-settings.ts';

/** Prompts, clips and the keys that sign links lie in it, some of them in files that anyone might read. */
const OWNER_ALONE = 0o700;

/** What is wrong with the data directory, which is made for its owner alone; null where nothing is. */
export function problemOfDataDir(dataDir: string): string | null {
  return problemOfFolder(dataDir, { mode: OWNER_ALONE });
}

/**
 * Makes the data directory.
 * @throws ConfigError naming the setting where it cannot be made or written in.
 */
export function requireDataDir(dataDir: string): void {
  const problem = problemOfDataDir(dataDir);
  if (problem !== null) throw new ConfigError(complain(PROCESS_SETTINGS.dataDir, problem));
}
