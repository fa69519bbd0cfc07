/** Providers whose calls keep the pace of their account: creates, polls, lists and all else together. */

import type { Provider, ProviderCall, ProviderTable } from '../domain/provider.ts';
import { PROVIDERS, type ProviderName } from '../domain/vendor.ts';
import { Pace } from '../net/pace.ts';

/** An account, as its calls show it, and how often it may be asked. */
export interface PacedAccount {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly maxRequestsPerSecond: number;
}

/**
 * How long a poll may wait for its turn: it holds a place of its worker, while a workflow can wait for nothing. The
 * rest of its time is the exchange's.
 */
const POLL_PATIENCE_MS = 3000;

/** For a credential that has left the configuration while its tasks run. */
const UNKNOWN_PER_SECOND = 1;

type Turn = (call: ProviderCall, patienceMs?: number) => Promise<void>;

function makeTurns(accounts: readonly PacedAccount[]): Turn {
  // By what the upstream counts by: two accounts with one key share its pace.
  const keyOf = ({ baseUrl, apiKey }: Pick<ProviderCall, 'baseUrl' | 'apiKey'>) => `${baseUrl} ${apiKey}`;
  const paces = new Map(accounts.map((account) => [keyOf(account), new Pace(account.maxRequestsPerSecond)]));
  return async (call, patienceMs = Number.POSITIVE_INFINITY) => {
    const pace = paces.get(keyOf(call)) ?? new Pace(UNKNOWN_PER_SECOND);
    paces.set(keyOf(call), pace);
    await pace.turn(call.signal, patienceMs);
  };
}

/** The same call, when it is its turn. */
function paced<Result>(turn: Turn, ask: (call: ProviderCall) => Promise<Result>) {
  return async (call: ProviderCall): Promise<Result> => {
    await turn(call);
    return await ask(call);
  };
}

function pace(provider: Provider, turn: Turn): Provider {
  const { cancel, follow, forAccount, list, models, probe } = provider;
  return {
    ...provider,
    async start(request, call) {
      try {
        await turn(call);
      } catch (error) {
        return { kind: 'not sent', message: error instanceof Error ? error.message : String(error) };
      }
      return await provider.start(request, call);
    },
    async poll(taskId, call) {
      await turn(call, POLL_PATIENCE_MS);
      return await provider.poll(taskId, call);
    },
    ...(cancel && { cancel: (taskId, call) => paced(turn, (one) => cancel(taskId, one))(call) }),
    ...(follow && { follow: (taskId, call) => paced(turn, (one) => follow(taskId, one))(call) }),
    ...(forAccount && { forAccount: (id) => pace(forAccount(id), turn) }),
    ...(list && { list: paced(turn, list) }),
    ...(models && { models: paced(turn, models) }),
    ...(probe && { probe: paced(turn, probe) }),
  };
}

/** The table of providers at the pace of these accounts, each of which has its own. */
export function paceProviders(providers: ProviderTable, accounts: readonly PacedAccount[]): ProviderTable {
  const turn = makeTurns(accounts);
  const all: Record<ProviderName, Provider> = { ...providers };
  for (const name of PROVIDERS) all[name] = pace(providers[name], turn);
  return all;
}
