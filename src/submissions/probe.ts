/** Asks an account's own free GET whether its key is good: what a refused create is measured by. */

import type { AccountConfig } from '../domain/account.ts';
import { providerOf } from '../domain/provider.ts';
import { UpstreamError } from '../domain/upstream-error.ts';
import { callOf, findAccount, type SubmissionDependencies } from './dependencies.ts';

/** What the free GET said: `nothing to ask` where only a create can tell, `unreachable` where it was not answered. */
export type Probe =
  | { readonly kind: 'accepted' | 'nothing to ask' }
  | { readonly kind: 'refused' | 'unreachable'; readonly message: string };

const REFUSED: readonly number[] = [401, 403];

/** Probes an account at this base URL. */
export async function probeAccount(
  dependencies: SubmissionDependencies,
  { id, baseUrl }: Pick<AccountConfig, 'id' | 'baseUrl'>,
): Promise<Probe> {
  const account = findAccount(dependencies, id);
  if (!account) return { kind: 'unreachable', message: `account ${id} is not configured` };
  const { probe } = providerOf(dependencies.providers, { account: id, provider: account.provider });
  if (!probe) return { kind: 'nothing to ask' };
  try {
    const signal = AbortSignal.timeout(dependencies.exchangeTimeoutMs);
    await probe({ ...callOf(account, signal), baseUrl });
    return { kind: 'accepted' };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const isRefused = error instanceof UpstreamError && REFUSED.includes(error.status ?? 0);
    return { kind: isRefused ? 'refused' : 'unreachable', message };
  }
}
