/** Asks an account's own free GET whether its key is good: what a refused create is measured by. */

import type { AccountConfig } from '../domain/account.ts';
import { findAccount, type SubmissionDependencies } from './dependencies.ts';

/**
 * Null when the upstream takes the key, else why it does not, or that it could not be asked. Undefined where there is
 * nothing free to ask for: only a create can tell.
 */
export async function probeAccount(
  dependencies: SubmissionDependencies,
  { id, baseUrl }: Pick<AccountConfig, 'id' | 'baseUrl'>,
): Promise<string | null | undefined> {
  const account = findAccount(dependencies, id);
  if (!account) return `account ${id} is not configured`;
  const provider = dependencies.providers[account.provider];
  if (!provider.probe) return undefined;
  try {
    const signal = AbortSignal.timeout(dependencies.exchangeTimeoutMs);
    await provider.probe({ baseUrl, apiKey: account.apiKey, signal });
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
