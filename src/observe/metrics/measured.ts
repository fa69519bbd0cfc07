/** Providers and the archiver with their work counted, and exchanges traced: how often, how it ended, how long it took. */

import type { UpstreamWords } from '../../domain/failure.ts';
import type { Provider, ProviderCall, ProviderTable } from '../../domain/provider.ts';
import { NO_TRACES, type Traces } from '../../domain/trace.ts';
import { UpstreamError } from '../../domain/upstream-error.ts';
import { PROVIDERS, type ProviderName } from '../../domain/vendor.ts';
import type { ProcessMetrics } from './process-metrics.ts';

/** An account, as its calls show it. */
export interface MeasuredAccount {
  readonly id: string;
  readonly baseUrl: string;
  readonly apiKey: string;
}

const secondsSince = (startedMs: number) => (performance.now() - startedMs) / 1000;

/** A label's value: one word. */
const word = (text: string) => text.replaceAll(' ', '_');

function failureOf(error: unknown, { signal }: ProviderCall): string {
  if (signal.aborted) return 'aborted';
  return error instanceof UpstreamError ? word(error.phase) : 'error';
}

/** HTTP status, where a create tells of a refusal. */
function statusIn(result: unknown): number | undefined {
  return (result as { readonly upstream?: UpstreamWords } | undefined)?.upstream?.status;
}

type Measure = <Call extends ProviderCall, Result>(
  kind: string,
  ask: (call: Call) => Promise<Result>,
  outcomeOf?: (result: Result) => string,
) => (call: Call) => Promise<Result>;

/** Where exchanges are told. */
export interface Observers {
  readonly metrics: ProcessMetrics | null;
  readonly traces: Traces;
}

function measureOf(accounts: readonly MeasuredAccount[], { metrics, traces }: Observers): Measure {
  const keyOf = ({ baseUrl, apiKey }: Pick<ProviderCall, 'baseUrl' | 'apiKey'>) => `${baseUrl} ${apiKey}`;
  // Accounts with one key at one place are told apart by nothing that a call shows: the first of them stands for all.
  const ids = new Map(accounts.map((account): [string, string] => [keyOf(account), account.id]).toReversed());
  return (kind, ask, outcomeOf = () => 'ok') =>
    async (call) => {
      const account = ids.get(keyOf(call)) ?? 'unknown';
      const startedMs = performance.now();
      const count = (outcome: string) =>
        metrics?.countExchange({ account, kind, outcome, seconds: secondsSince(startedMs) });
      const tell = (result: Parameters<typeof outcomeOf>[0]) => ({
        outcome: outcomeOf(result),
        status: statusIn(result),
      });
      try {
        const result = await traces.within({ name: `upstream ${kind}`, kind: 'client', facts: { account }, tell }, () =>
          ask(call),
        );
        count(outcomeOf(result));
        return result;
      } catch (error) {
        count(failureOf(error, call));
        throw error;
      }
    };
}

function measured(provider: Provider, measure: Measure): Provider {
  const { cancel, follow, forAccount, list, models, probe } = provider;
  const kindOf = ({ kind }: { readonly kind: string }) => word(kind);
  return {
    ...provider,
    start: (request, call) => measure('create', (one: typeof call) => provider.start(request, one), kindOf)(call),
    poll: (taskId, call) => measure('poll', (one) => provider.poll(taskId, one), kindOf)(call),
    ...(cancel && { cancel: (taskId, call) => measure('cancel', (one) => cancel(taskId, one))(call) }),
    ...(follow && { follow: (taskId, call) => measure('follow', (one) => follow(taskId, one))(call) }),
    ...(forAccount && { forAccount: (id) => measured(forAccount(id), measure) }),
    ...(list && { list: measure('list', list) }),
    ...(models && { models: measure('models', models) }),
    ...(probe && { probe: measure('probe', probe) }),
  };
}

/** The table of providers, counted by account and traced; unchanged where neither is wanted. */
export function measureProviders(
  providers: ProviderTable,
  accounts: readonly MeasuredAccount[],
  observers: Observers,
): ProviderTable {
  if (observers.metrics === null && observers.traces === NO_TRACES) return providers;
  const measure = measureOf(accounts, observers);
  const all: Record<ProviderName, Provider> = { ...providers };
  for (const name of PROVIDERS) all[name] = measured(providers[name], measure);
  return all;
}

/** What an archiving comes to, as far as it is counted. */
type Archived =
  | { readonly kind: 'archived'; readonly clip: { readonly sizeBytes: number } }
  | { readonly kind: 'problem' };

/** The archiver, counted; unchanged where nothing is. */
export function measureArchiver<Order, Outcome extends Archived>(
  archive: (order: Order) => Promise<Outcome>,
  metrics: ProcessMetrics | null,
): (order: Order) => Promise<Outcome> {
  if (metrics === null) return archive;
  return async (order) => {
    const startedMs = performance.now();
    try {
      const outcome = await archive(order);
      const sizeBytes = outcome.kind === 'archived' ? outcome.clip.sizeBytes : 0;
      metrics.countArchiving({ outcome: outcome.kind, sizeBytes, seconds: secondsSince(startedMs) });
      return outcome;
    } catch (error) {
      metrics.countArchiving({ outcome: 'interrupted', sizeBytes: 0, seconds: secondsSince(startedMs) });
      throw error;
    }
  };
}
