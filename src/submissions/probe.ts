/** Asks an account's own free GET whether key and base URL are good: what a refused create is measured by. */

import { findAccountRow } from '../catalog/accounts.ts';
import type { AccountConfig } from '../domain/account.ts';
import { type Provider, providerOf } from '../domain/provider.ts';
import { UpstreamError } from '../domain/upstream-error.ts';
import { isNoRoute } from './account-list.ts';
import { callOf, findAccount, type SubmissionDependencies } from './dependencies.ts';

/**
 * What the free GET said: `nothing to ask` where only a create can tell, `no route` where nothing at the base URL
 * answers it as the API does, `unreachable` where it was not answered.
 */
export type Probe =
  | { readonly kind: 'accepted' | 'nothing to ask' }
  | { readonly kind: 'refused'; readonly status: number; readonly message: string }
  | { readonly kind: 'no route' | 'unreachable'; readonly message: string };

const REFUSED: readonly number[] = [401, 403];

/** Probes an account at this base URL, if it is configured there: another process may have it elsewhere, with another key. */
export async function probeAccount(
  dependencies: SubmissionDependencies,
  { id, baseUrl }: Pick<AccountConfig, 'id' | 'baseUrl'>,
): Promise<Probe> {
  const account = findAccount(dependencies, id);
  if (account?.baseUrl !== baseUrl) return { kind: 'unreachable', message: `account ${id} is not configured there` };
  const provider = providerOf(dependencies.providers, { account: id, provider: account.provider });
  const signal = AbortSignal.timeout(dependencies.exchangeTimeoutMs);
  const found = await askFreely(provider, account, signal);
  if (found.kind !== 'no route') return found;
  // A list that is known to be missing says no more by being missing.
  const isKnown = !account.list || (await findAccountRow(dependencies.db, id))?.listMissingAt != null;
  return isKnown ? { kind: 'nothing to ask' } : found;
}

/** The provider's free GET of an account. */
export async function askFreely(
  { probe }: Pick<Provider, 'probe'>,
  account: AccountConfig,
  signal: AbortSignal,
): Promise<Probe> {
  if (!probe) return { kind: 'nothing to ask' };
  try {
    await probe(callOf(account, signal));
    return { kind: 'accepted' };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const status = error instanceof UpstreamError ? error.status : undefined;
    if (status !== undefined && REFUSED.includes(status)) return { kind: 'refused', status, message };
    return { kind: isElsewhere(error) ? 'no route' : 'unreachable', message };
  }
}

/** Whether what answered is no API, or has no such route: no server error, and a page, a redirect or the like. */
function isElsewhere(error: unknown): boolean {
  if (!(error instanceof UpstreamError) || error.phase !== 'answered' || error.status === undefined) return false;
  return isNoRoute(error.status) || error.status < 400 || (error.isPage && error.status < 500);
}
