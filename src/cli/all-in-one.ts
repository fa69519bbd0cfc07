/** Everything in one process: sandbox where no upstream is configured, catalog, gateway, Temporal, workers. */

import { mkdirSync } from 'node:fs';
import type { Config } from '../config.ts';
import type { Log } from '../logging.ts';
import { installTemporalRuntime } from '../logging.ts';
import type { Closers } from './closers.ts';
import { startEmbeddedSandbox } from './embedded-sandbox.ts';
import { startGateway } from './gateway-part.ts';
import { openParts, type Parts } from './parts.ts';
import { TemporalLink } from './temporal-link.ts';
import { discoverUpstreamModels, runWorkers, type WorkerPart } from './worker-part.ts';

/** What an all-in-one process shows of itself. */
export interface AllInOne {
  readonly parts: Parts;
  /** Null where upstreams are configured. */
  readonly sandboxUrl: string | null;
  /** Resolves when clips are being made: Temporal is there, and workers poll. @throws when the server cannot be had. */
  readonly working: Promise<{ readonly uiUrl: string | null }>;
}

/** Long enough for an upstream that answers; one that does not must not hold the start up. */
const DISCOVERY_MS = 5_000;

async function withSandbox(config: Config, log: Log, closers: Closers) {
  if (config.configFile !== null) return { config, sandboxUrl: null };
  const { sandbox, config: filled } = await startEmbeddedSandbox(config, log);
  closers.add('sandbox', () => sandbox.close());
  return { config: filled, sandboxUrl: sandbox.url };
}

async function waitAtMost(work: Promise<unknown>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}

/**
 * Starts everything; resolves when the gateway listens, whatever Temporal does. A stop closes the gateway first, then the
 * workers, and what they stand on after them.
 */
export async function startAllInOne(
  given: Config,
  log: Log,
  { stop, closers }: { readonly stop: AbortSignal; readonly closers: Closers },
): Promise<AllInOne> {
  installTemporalRuntime(log);
  mkdirSync(given.dataDir, { recursive: true });
  const { config, sandboxUrl } = await withSandbox(given, log, closers);
  const parts = await openParts(config, log, closers);
  // The embedded server outlives what uses it, so it is closed by a list of its own, below gateway and workers.
  const link = new TemporalLink(config, log, closers);
  let workers: WorkerPart | null = null;
  closers.add('workers', async () => workers?.stop());
  const working = startWorking();
  // Whoever waits for it sees the failure; until then it is not unhandled.
  working.catch(() => undefined);

  async function startWorking() {
    const opened = await link.openEmbedded();
    if (!stop.aborted) workers = runWorkers(parts, opened);
    await workers?.ready;
    return { uiUrl: opened.uiUrl };
  }

  const checkWorkers = async () => {
    if (workers?.state() !== 'up') throw new Error('the workers do not poll');
  };
  // Models are asked for by the first create: without them it would be refused.
  await waitAtMost(discoverUpstreamModels(parts), DISCOVERY_MS);
  await startGateway({ parts, link, checkWorkers, stop, closers });
  return { parts, sandboxUrl, working };
}
