/** The workers as a part of a process: started when Temporal answers, and again when they fail. */

import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ActivityDependencies } from '../../activities/dependencies.ts';
import { createActivities } from '../../activities/index.ts';
import { createSweepActivities } from '../../activities/sweep.ts';
import { createClipArchiver, createClipInspector } from '../archive/archive-clip.ts';
import { createImageLinker } from '../archive/link-input-image.ts';
import { createImageLoader } from '../archive/load-input-image.ts';
import { createPosterMaker } from '../archive/poster.ts';
import { createLinkSigner } from '../media/signed-links.ts';
import { fetchUntrusted } from '../net/untrusted/fetch.ts';
import { measureArchiver, measureProviders } from '../observe/metrics/measured.ts';
import { PROVIDERS_BY_NAME } from '../providers/index.ts';
import { paceProviders } from '../providers/paced.ts';
import { checkCatalogAge } from '../recovery/restore.ts';
import { discoverModels } from '../submissions/discover-models.ts';
import { createTaskFollower, type TaskFollower } from '../submissions/follow.ts';
import { connectWorker } from '../temporal/connection.ts';
import { setUpNamespace } from '../temporal/setup.ts';
import { ensureSweepSchedule, type RunningWorkers, startWorkers } from '../temporal/worker.ts';
import type { OpenLink } from './link.ts';
import type { Parts } from './parts.ts';
import { ensureSigningKeys } from './secrets.ts';

export interface WorkerPart {
  state(): 'up' | 'down';
  /** Resolves when the workers poll for the first time, or were stopped before. */
  readonly ready: Promise<void>;
  /** Hands over what runs, and resolves when all is still. */
  stop(): Promise<void>;
}

const CREATE_TIMEOUT_MS = 60_000;
/** Where the answer is the clip itself; the activity has a minute more. */
const DELIVERY_TIMEOUT_MS = 19 * 60_000;
const EXCHANGE_TIMEOUT_MS = 15_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

/** The bundle that lies beside the compiled workflows. */
const WORKFLOW_BUNDLE = fileURLToPath(new URL('../../workflows/bundle.js', import.meta.url));

/** Enters the models that the accounts' upstreams publish, so that they can be asked for. */
export async function discoverUpstreamModels({ config, log, database }: Parts): Promise<void> {
  const found = await discoverModels({
    db: database.db,
    accounts: config.accounts,
    providers: PROVIDERS_BY_NAME,
    exchangeTimeoutMs: EXCHANGE_TIMEOUT_MS,
    log,
  });
  log.info({ models: found }, 'models of the upstreams read');
}

interface Upstreams {
  readonly providers: ActivityDependencies['providers'];
  readonly follower: TaskFollower;
}

async function dependenciesOf(
  { config, log, database, store, metrics }: Parts,
  { control }: OpenLink,
  upstreams: Upstreams,
): Promise<ActivityDependencies> {
  const signer = createLinkSigner(await ensureSigningKeys(config, database), config.publicUrl);
  const makePoster = createPosterMaker(log);
  return {
    db: database.db,
    store,
    archiveClip: measureArchiver(createClipArchiver({ store, fetchResult: fetchUntrusted, makePoster }), metrics),
    inspectClip: createClipInspector({ store, makePoster }),
    loadImage: createImageLoader({ store, fetchImage: fetchUntrusted, trustedHosts: config.trustedHosts }),
    linkImage: createImageLinker(signer, config.publicUrl),
    ...upstreams,
    accounts: config.accounts,
    workflows: control,
    keepDays: config.keepDays,
    countIncident: metrics?.countIncident ?? (() => undefined),
    log,
    createTimeoutMs: CREATE_TIMEOUT_MS,
    deliveryTimeoutMs: DELIVERY_TIMEOUT_MS,
    exchangeTimeoutMs: EXCHANGE_TIMEOUT_MS,
  };
}

class WatchedWorkers implements WorkerPart {
  readonly #parts: Parts;
  readonly #link: OpenLink;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  readonly #upstreams: Upstreams;
  #workers: RunningWorkers | null = null;
  #announceReady: () => void = () => undefined;
  readonly ready = new Promise<void>((resolve) => {
    this.#announceReady = resolve;
  });

  constructor(parts: Parts, link: OpenLink) {
    this.#parts = parts;
    this.#link = link;
    const { config, log, metrics } = parts;
    const { accounts } = config;
    // Counted inside of the pace: waiting for a turn is no part of an exchange.
    const providers = paceProviders(measureProviders(PROVIDERS_BY_NAME, accounts, metrics), accounts);
    this.#upstreams = {
      providers,
      follower: createTaskFollower({ providers, accounts, workflows: link.control, log }),
    };
    this.#running = this.#run();
  }

  state(): 'up' | 'down' {
    return this.#workers?.state() ?? 'down';
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([this.#upstreams.follower.close(), this.#workers?.shutdown()]);
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
    const { config, log, database } = this.#parts;
    const { namespace } = config.temporal;
    const connection = await connectWorker(this.#link.settings, log, this.#stopping.signal);
    try {
      await setUpNamespace(this.#link.connection, namespace, log);
      const dependencies = await dependenciesOf(this.#parts, this.#link, this.#upstreams);
      await this.#checkCatalog(dependencies);
      this.#workers = await startWorkers({
        connection,
        namespace,
        activities: {
          ...createActivities(dependencies),
          // Its statements may take longer, and keep no connection from those of requests.
          ...createSweepActivities({ ...dependencies, db: database.sweepDb }),
        },
        workflowBundlePath: WORKFLOW_BUNDLE,
        drainMs: config.drainSeconds * 1000,
      });
      // Told to stop while they started: `stop` saw none to shut down.
      if (!this.#stopping.signal.aborted) await this.#whileRunning(this.#workers);
    } finally {
      // Where one worker failed the others still hold the connection.
      await this.#workers?.shutdown();
      this.#workers = null;
      await connection.close();
    }
  }

  /** Before anything is granted: an older copy of the catalog may have been put back. */
  async #checkCatalog(dependencies: ActivityDependencies): Promise<void> {
    const { log } = this.#parts;
    try {
      const isOlder = await checkCatalogAge(dependencies);
      if (isOlder) log.error({}, 'the catalog is an older copy than Temporal’s workflows: run `clipyard restore`');
    } catch (error) {
      // Clips need no visibility, whose store may be away for long; older copies are rarer than that.
      log.warn({ err: error }, 'whether the catalog is an older copy could not be found out');
    }
  }

  async #whileRunning(workers: RunningWorkers): Promise<void> {
    const { connection, client } = this.#link;
    await connection.withDeadline(Date.now() + EXCHANGE_TIMEOUT_MS, () => ensureSweepSchedule(client));
    this.#parts.log.info('workers are up');
    this.#announceReady();
    await workers.stopped;
  }
}

/** Starts the workers in the background; nothing is thrown, failures are logged and tried again. */
export function runWorkers(parts: Parts, link: OpenLink): WorkerPart {
  return new WatchedWorkers(parts, link);
}
