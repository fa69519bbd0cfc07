/** Calls in the name of an account: where they go, and what each is sent with. */

import type { AccountConfig } from '../domain/account.ts';
import type { ProviderCall } from '../domain/provider.ts';

/** A call of an account until the signal ends it. */
export function callOf(
  { baseUrl, apiKey, passage }: Pick<AccountConfig, 'baseUrl' | 'apiKey' | 'passage'>,
  signal: AbortSignal,
): ProviderCall {
  return { baseUrl, apiKey, passage, signal };
}
