/** Discovery of the models that upstreams publish: at a worker's start and in each sweep. */

import { replacePublishedModels } from '../catalog/models.ts';
import type { AccountConfig } from '../domain/account.ts';
import { providerOf } from '../domain/provider.ts';
import { callOf, type SubmissionDependencies } from './dependencies.ts';

/**
 * Reads every account's models and enters them; an account that cannot be read keeps those it had.
 * @returns how many models are published in all.
 */
export async function discoverModels({
  db,
  accounts,
  providers,
  exchangeTimeoutMs,
  log,
}: Pick<SubmissionDependencies, 'db' | 'accounts' | 'providers' | 'exchangeTimeoutMs' | 'log'>): Promise<number> {
  const readModels = async (account: AccountConfig): Promise<number> => {
    const { id, provider } = account;
    try {
      const signal = AbortSignal.timeout(exchangeTimeoutMs);
      const models = await providerOf(providers, { account: id, provider }).models?.(callOf(account, signal));
      if (!models) return 0;
      await replacePublishedModels(db, id, models);
      return models.length;
    } catch (error) {
      log.warn({ account: id, error: String(error) }, 'the models of an account could not be read');
      return 0;
    }
  };
  const published = await Promise.all(accounts.map(readModels));
  return published.reduce((sum, models) => sum + models, 0);
}
