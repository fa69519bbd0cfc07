/** Everything in one process: sandbox where no upstream is configured, catalog, gateway, Temporal, workers. */

import { mkdirSync } from 'node:fs';
import { atPort, type Config, embeddedOnly } from '../config/settings.ts';
import { withDeadline } from '../domain/deadline.ts';
import { type Log, openReadableLog } from '../observe/log.ts';
import type { CoreMetricsPort } from '../temporal/core-metrics.ts';
import { freePort } from '../temporal/dev-server/process.ts';
import { installTemporalRuntime } from '../temporal/runtime.ts';
import { Closers } from './closers.ts';
import { startEmbeddedSandbox } from './embedded-sandbox.ts';
import { startGateway } from './gateway.ts';
import { TemporalLink } from './link.ts';
import { coreMetricsPort } from './metrics.ts';
import { openParts, type Parts } from './parts.ts';
import type { ProcessContext } from './run.ts';
import { discoverUpstreamModels } from './upstream-models.ts';
import { runWorkers, type WorkerPart } from './workers.ts';

/** What an all-in-one process shows of itself. */
export interface AllInOne {
  readonly parts: Parts;
  /** Null where upstreams are configured. */
  readonly sandboxUrl: string | null;
  /** Null where nothing is counted. */
  readonly core: CoreMetricsPort | null;
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
  await withDeadline(work, limitMs, () => undefined);
}

/** What is still being started when the process is told to stop gets this long to come up and be closed. */
const START_BOUND_MS = 15_000;

/**
 * Starts everything; resolves when the gateway listens, Temporal or not. A stop closes the gateway first, then the
 * workers, and what they stand on after them.
 */
export async function startAllInOne(
  given: Config,
  context: ProcessContext,
  print?: (line: string) => void,
): Promise<AllInOne> {
  const { log, stop, closers } = context;
  // The search for a server may take minutes, which people who look on are told of.
  const temporalLog = print === undefined ? log : openReadableLog('info', print);
  const core = await coreMetricsPort(given);
  installTemporalRuntime(log, core);
  mkdirSync(given.dataDir, { recursive: true });
  const { config, sandboxUrl } = await withSandbox(given, log, closers);
  const parts = await openParts(config, context);
  const temporalClosers = new Closers(log);
  const link = new TemporalLink(config, { log: temporalLog, closers: temporalClosers, stop }, parts.traces);
  const opening = link.openEmbedded();
  closers.add('Temporal', async () => {
    await waitAtMost(settled(opening), START_BOUND_MS);
    await temporalClosers.closeAll();
  });
  let workers: WorkerPart | null = null;
  let isClosing = false;
  closers.add('workers', async () => {
    isClosing = true;
    await workers?.stop();
  });
  const working = opening.then(async (opened) => {
    // Where the gateway could not start, what comes up behind it is only to be closed.
    if (!stop.aborted && !isClosing) workers = runWorkers(parts, link);
    await workers?.ready;
    return { uiUrl: opened.uiUrl };
  });
  // What waits for it sees its failure; until then it is not an unhandled one.
  void settled(working);
  // The first create asks for a model: without any it would be refused.
  await waitAtMost(discoverUpstreamModels(parts), DISCOVERY_MS);
  const checkWorkers = async () => {
    if (workers?.state() !== 'up') throw new Error('the workers do not poll');
  };
  await startGateway({ parts, link, checkWorkers, context });
  return { parts, sandboxUrl, working, core };
}

async function settled(work: Promise<unknown>): Promise<void> {
  await work.catch(() => undefined);
}

/** The same settings with everything embedded, at their port or, where it is taken, at another one. */
export async function embeddedAtFreePort(config: Config): Promise<Config> {
  return atPort(embeddedOnly(config), await freePort(config.port));
}
