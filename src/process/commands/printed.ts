/** What commands print once they are up: root's key, and a link to the console. */

import { ROOT_CALLER_ID } from '../../catalog/callers.ts';
import type { Parts } from '../parts.ts';
import { rootKeyFile } from '../root-key-file.ts';

type Print = (line: string) => void;

/** A line of standard output. */
export const printOut: Print = (line) => process.stdout.write(`${line}\n`);

/** A key that was just made is shown this once; later it is in its file. */
export function printRootKey({ rootKey, config }: Parts, print: Print = printOut): void {
  if (rootKey.isNew) print(`root key   ${rootKey.key} (kept in ${rootKeyFile(config.dataDir)})`);
}

/** A link that signs root in to the console, once and within a quarter of an hour. */
export function consoleLink({ config, signInCodes }: Parts): string {
  return `${config.publicUrl}/console/#code=${signInCodes.issue(ROOT_CALLER_ID)}`;
}

/** Prints a line with such a link; returns the link. */
export function printConsoleLink(parts: Parts): string {
  const link = consoleLink(parts);
  printOut(`console    ${link} (signs in once)`);
  return link;
}
