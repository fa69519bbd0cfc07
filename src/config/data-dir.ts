/** The data directory, whose setting is named where it is of no use. */

import { ConfigError } from './entry.ts';
import { PROCESS_SETTINGS } from './environment.ts';
import { problemOfFolder } from './folder.ts';
import { complain } from './read-settings.ts';

/**
 * Makes the data directory.
 * @throws ConfigError naming the setting where it cannot be made or written in.
 */
export function requireDataDir(dataDir: string): void {
  const problem = problemOfFolder(dataDir);
  if (problem !== null) throw new ConfigError(complain(PROCESS_SETTINGS.dataDir, problem));
}
