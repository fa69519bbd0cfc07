/** The workers as a part of a process: started when Temporal answers, and again when they fail. */

import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ActivityDependencies } from '../../activities/dependencies.ts';
import { createActivities } from '../../activities/index.ts';
import { createSweepActivities } from '../../activities/sweep.ts';
import { createNexusEndpoint } from '../nexus/operations.ts';
import { checkCatalogAge } from '../recovery/restore.ts';
import { dataConverterOf } from '../temporal/data-converter.ts';
import { ensureSweepSchedule, setUpNamespace } from '../temporal/setup.ts';
import { traceActivities } from '../temporal/traced.ts';
import { type RunningWorkers, startWorkers, type WorkerSettings } from '../temporal/worker.ts';
import { connectWorker } from '../temporal/worker-connection.ts';
import { keepCurrent } from '../temporal/worker-version.ts';
import { makeFirstAttempts } from '../webhooks/first-attempts.ts';
import { activityDependenciesOf, type ProcessDependencies } from './activity-dependencies.ts';
import type { TemporalLink } from './link.ts';
import type { Parts } from './parts.ts';

export interface WorkerPart {
  state(): 'up' | 'down';
  /** Resolves when the workers poll for the first time, or were stopped before. */
  readonly ready: Promise<void>;
  /** Hands over what runs, and resolves when all is still. */
  stop(): Promise<void>;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
const SCHEDULE_CALL_MS = 15_000;

/** The bundles that lie beside the compiled workflows: failures are written as they are, or encoded to be encrypted. */
const bundleNamed = (name: string) => fileURLToPath(new URL(`../../workflows/${name}`, import.meta.url));
const WORKFLOW_BUNDLE = bundleNamed('bundle.js');
const ENCODING_BUNDLE = bundleNamed('bundle-encoding.js');

export interface WorkersOptions {
  readonly parts: Parts;
  readonly link: TemporalLink;
  readonly dependencies: ActivityDependencies;
  /** The workers poll through it, and leave it open. */
  readonly connection: WorkerSettings['connection'];
  readonly workflowBundlePath?: string;
}

/** Starts workers, and the schedule by which they sweep; resolves when they poll. */
export async function openWorkers(options: WorkersOptions): Promise<RunningWorkers> {
  const { parts, link, dependencies, connection } = options;
  const { temporal, drainSeconds, encryptionKeys, buildId, nexusCallers } = parts.config;
  const bundle = encryptionKeys.length === 0 ? WORKFLOW_BUNDLE : ENCODING_BUNDLE;
  const workers = await startWorkers({
    connection,
    namespace: temporal.namespace,
    activities: {
      ...createActivities(dependencies),
      // Its statements may take longer, and keep no connection from those of requests.
      ...createSweepActivities({ ...dependencies, db: parts.database.patientDb }),
    },
    workflowBundlePath: options.workflowBundlePath ?? bundle,
    dataConverter: dataConverterOf(encryptionKeys),
    interceptors: { activity: [traceActivities(parts.traces)] },
    nexusEndpoints: nexusCallers.map((callerId) => createNexusEndpoint(dependencies, callerId)),
    buildId,
    drainMs: drainSeconds * 1000,
  });
  const stopClaiming = new AbortController();
  try {
    const { connection: calls, client } = link.current();
    if (buildId !== null) {
      const version = { connection: calls, namespace: temporal.namespace, buildId };
      await Promise.race([keepCurrent(version, parts.log, stopClaiming.signal), workers.stopped]);
    }
    await calls.withDeadline(Date.now() + SCHEDULE_CALL_MS, () => ensureSweepSchedule(client));
    const { startDelivery } = link.workflows;
    const { delivery } = dependencies;
    const stopAttempts = await makeFirstAttempts(parts.database, { delivery, startDelivery, log: parts.log });
    return {
      ...workers,
      shutdown: async () => {
        stopClaiming.abort();
        await stopAttempts();
        await workers.shutdown();
      },
    };
  } catch (error) {
    stopClaiming.abort();
    await workers.shutdown();
    throw error;
  }
}

class WatchedWorkers implements WorkerPart {
  readonly #parts: Parts;
  readonly #link: TemporalLink;
  readonly #dependencies: ProcessDependencies;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #workers: RunningWorkers | null = null;
  #announceReady: () => void = () => undefined;
  readonly ready = new Promise<void>((resolve) => {
    this.#announceReady = resolve;
  });

  constructor(parts: Parts, link: TemporalLink) {
    this.#parts = parts;
    this.#link = link;
    this.#dependencies = activityDependenciesOf(parts, link);
    this.#running = this.#run();
  }

  state(): 'up' | 'down' {
    return this.#workers?.state() ?? 'down';
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([this.#dependencies.follower.close(), this.#workers?.shutdown()]);
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    let waitMs = FIRST_WAIT_MS;
    while (!signal.aborted) {
      const startedMs = Date.now();
      try {
        await this.#runOnce();
      } catch (error) {
        if (!signal.aborted) this.#parts.log.error({ err: error, waitMs }, 'the workers failed: starting them again');
      }
      if (Date.now() - startedMs > LONGEST_WAIT_MS) waitMs = FIRST_WAIT_MS;
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    }
    this.#announceReady();
  }

  /** From the connection to the workers' end; they end when they are stopped or when they fail. */
  async #runOnce(): Promise<void> {
    const { config, log } = this.#parts;
    const { signal } = this.#stopping;
    const { settings, connection: calls } = this.#link.current();
    const connection = await connectWorker(settings, log, signal);
    try {
      await setUpNamespace(calls, config.temporal.namespace, log);
      await this.#checkCatalog();
      const options = { parts: this.#parts, link: this.#link, dependencies: this.#dependencies };
      this.#workers = await openWorkers({ ...options, connection });
      log.info('workers are up');
      this.#announceReady();
      // Told to stop while they started: `stop` saw none to shut down.
      if (!signal.aborted) await this.#workers.stopped;
    } finally {
      // Where one worker failed the others still hold the connection.
      await this.#workers?.shutdown();
      this.#workers = null;
      await connection.close();
    }
  }

  /** Before anything is granted: an older copy of the catalog may have been put back. */
  async #checkCatalog(): Promise<void> {
    const { log } = this.#parts;
    try {
      const isOlder = await checkCatalogAge(this.#dependencies);
      if (isOlder) log.error({}, 'the catalog is an older copy than Temporal’s workflows: run `clipyard restore`');
    } catch (error) {
      // Clips need no visibility, whose store may be away for long; older copies are rarer than that.
      log.warn({ err: error }, 'whether the catalog is an older copy could not be found out');
    }
  }
}

/** Starts the workers in the background; nothing is thrown, failures are logged and tried again. */
export function runWorkers(parts: Parts, link: TemporalLink): WorkerPart {
  return new WatchedWorkers(parts, link);
}
