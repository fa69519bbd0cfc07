/** clipyard.yaml as an operator writes it, for the processes of a test. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Upstreams {
  /** All but their keys. */
  readonly accounts: readonly { readonly id: string; readonly [key: string]: unknown }[];
  readonly models?: readonly object[];
}

/** Writes the file, each account with a key of its own; the settings that lead to both. */
export async function writeUpstreams(
  folder: string,
  { accounts, models = [] }: Upstreams,
): Promise<Readonly<Record<string, string>>> {
  const file = join(folder, 'clipyard.yaml');
  const keyOf = (id: string) => `${id.toUpperCase()}_KEY`;
  const named = accounts.map((account) => ({ ...account, apiKeyEnv: keyOf(account.id) }));
  await writeFile(file, JSON.stringify({ accounts: named, models }));
  return { CLIPYARD_CONFIG: file, ...Object.fromEntries(accounts.map(({ id }) => [keyOf(id), `sk-air-${id}`])) };
}
