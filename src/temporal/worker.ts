/** The workers of a process: one for workflows and transactions, one for each kind of waiting. */

import type { DataConverter } from '@temporalio/common';
import {
  type NativeConnection,
  Worker,
  type WorkerInterceptors,
  type WorkerOptions,
  type WorkerTuner,
} from '@temporalio/worker';
import type { ServiceHandler } from 'nexus-rpc';
import type { Activities } from '../../activities/index.ts';
import { TASK_QUEUES } from '../../workflows/messages.ts';
import { versioningOf } from './worker-version.ts';

/** A Nexus service, and the task queue that its endpoint targets. */
export interface NexusEndpoint {
  readonly taskQueue: string;
  readonly service: ServiceHandler;
}

export interface WorkerSettings {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly activities: Activities;
  /** The file that the workflows were bundled into, for the way in which failures are written. */
  readonly workflowBundlePath: string;
  /** Where what goes to Temporal is encrypted. */
  readonly dataConverter?: DataConverter | undefined;
  readonly interceptors?: WorkerInterceptors;
  /** What other namespaces may ask here; each service has a task queue of its own. */
  readonly nexusEndpoints: readonly NexusEndpoint[];
  /** Null: no version, and whichever worker is there works. */
  readonly buildId: string | null;
  /** How long a stop waits for creates that are answered only when the clip is done. */
  readonly drainMs: number;
}

export interface RunningWorkers {
  /** `up` while every worker polls. */
  state(): 'up' | 'down';
  /** Resolves when the workers have stopped; rejects when one of them failed. */
  readonly stopped: Promise<void>;
  /** Takes no more work, hands over what runs, and resolves when all is still. */
  shutdown(): Promise<void>;
}

/**
 * Sleepers leave the cache and are replayed when they wake: it is bounded by what polls at once, not by what waits. Each
 * takes 0.3 MB.
 */
const MAX_CACHED_WORKFLOWS = 100;

/**
 * A batch that arrives at once must not crowd out those who have a slot: they stand in line for the same catalog, and
 * the embedded one is a single connection.
 */
const TRANSACTIONS_AT_ONCE = 4;

/** Most endpoints answer at once, and those that do not must leave places for the others. */
const DELIVERIES_AT_ONCE = 50;

/** Each waits for its caller's storage, which may take minutes to take nothing. */
const CLIP_DELIVERIES_AT_ONCE = 50;

/** As many at once as ever fitted, and more of them where processors and memory have room. */
const MEDIA_SLOTS = { minimumSlots: 8, maximumSlots: 32 } as const;
const MEDIA_ROOM = { targetMemoryUsage: 0.8, targetCpuUsage: 0.9 } as const;

/** A tuner says it of all kinds of slots; this queue has activities alone. */
const MEDIA_TUNER: WorkerTuner = {
  workflowTaskSlotSupplier: { type: 'fixed-size', numSlots: 2 },
  activityTaskSlotSupplier: { type: 'resource-based', tunerOptions: MEDIA_ROOM, ...MEDIA_SLOTS },
  localActivityTaskSlotSupplier: { type: 'fixed-size', numSlots: 1 },
  nexusTaskSlotSupplier: { type: 'fixed-size', numSlots: 1 },
};

/** As many pollers as what waits is worth: few while there is little to do, and more when much comes at once. */
const POLLERS = { type: 'autoscaling' } as const;

/** What runs is given this long to hand over; downloads keep what they have and go on elsewhere. */
const SHUTDOWN_GRACE = '5 seconds';
const SHUTDOWN_FORCE = '20 seconds';
const FORCE_AFTER_DRAIN_MS = 15_000;

function pick<Name extends keyof Activities>(activities: Activities, names: readonly Name[]): Partial<Activities> {
  return Object.fromEntries(names.map((name) => [name, activities[name]])) as Partial<Activities>;
}

/** One worker for each task queue. */
function queuesOf(settings: WorkerSettings): readonly WorkerOptions[] {
  const { connection, namespace, activities, workflowBundlePath, dataConverter, interceptors, buildId, drainMs } =
    settings;
  const anyVersion = {
    connection,
    namespace,
    ...(dataConverter && { dataConverter }),
    shutdownGraceTime: SHUTDOWN_GRACE,
    shutdownForceTime: SHUTDOWN_FORCE,
  };
  const common = {
    ...anyVersion,
    ...(interceptors && { interceptors }),
    ...versioningOf(buildId),
    workflowTaskPollerBehavior: POLLERS,
    activityTaskPollerBehavior: POLLERS,
  } as const;
  return [
    {
      ...common,
      taskQueue: TASK_QUEUES.workflows,
      workflowBundle: { codePath: workflowBundlePath },
      maxCachedWorkflows: MAX_CACHED_WORKFLOWS,
      maxConcurrentActivityTaskExecutions: TRANSACTIONS_AT_ONCE,
      activities: pick(activities, ['openVideo', 'requestSlot', 'endVideo', 'advanceBatch', 'endFilm', 'sweep']),
    },
    {
      ...common,
      taskQueue: TASK_QUEUES.upstream,
      activities: pick(activities, ['submitTask', 'checkTask', 'cancelTask']),
    },
    {
      ...common,
      taskQueue: TASK_QUEUES.sync,
      // Creates that are answered only at the end cannot be handed over: letting go of one loses its answer.
      shutdownGraceTime: drainMs,
      shutdownForceTime: drainMs + FORCE_AFTER_DRAIN_MS,
      activities: pick(activities, ['submitTask']),
    },
    {
      ...common,
      taskQueue: TASK_QUEUES.media,
      tuner: MEDIA_TUNER,
      // A cancel reaches a download with its next heartbeat.
      maxHeartbeatThrottleInterval: '2 seconds',
      activities: pick(activities, ['archiveVideo', 'rearchiveVideo', 'writeBatchFiles', 'takeLastPicture']),
    },
    {
      ...common,
      taskQueue: TASK_QUEUES.storage,
      maxConcurrentActivityTaskExecutions: CLIP_DELIVERIES_AT_ONCE,
      maxHeartbeatThrottleInterval: '2 seconds',
      activities: pick(activities, ['deliverClip']),
    },
    {
      ...common,
      taskQueue: TASK_QUEUES.films,
      // Coding takes all processors that it is given.
      maxConcurrentActivityTaskExecutions: 1,
      maxHeartbeatThrottleInterval: '2 seconds',
      activities: pick(activities, ['joinFilm']),
    },
    {
      ...common,
      taskQueue: TASK_QUEUES.delivery,
      workflowBundle: { codePath: workflowBundlePath },
      maxCachedWorkflows: MAX_CACHED_WORKFLOWS,
      // An endpoint that does not answer holds a place for 15 s.
      maxConcurrentActivityTaskExecutions: DELIVERIES_AT_ONCE,
      activities: pick(activities, ['attemptDelivery']),
    },
    // An operation is asked once and replayed never.
    ...settings.nexusEndpoints.map(({ taskQueue, service }) => ({
      ...anyVersion,
      taskQueue,
      nexusServices: [service],
      nexusTaskPollerBehavior: POLLERS,
    })),
  ];
}

/** Starts the workers; resolves when they poll. */
export async function startWorkers(settings: WorkerSettings): Promise<RunningWorkers> {
  const workers = await createAll(queuesOf(settings));
  const stopAll = () => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const stopped = settled(
    workers.map(async (worker) => {
      try {
        await worker.run();
      } finally {
        // Where one fails the others hand over what they have, before all of them are started again.
        stopAll();
      }
    }),
  );
  // The process that started the workers reads `stopped`; until then a failure must not go by unhandled.
  stopped.catch(() => undefined);
  return {
    state: () => (workers.every((worker) => worker.getState() === 'RUNNING') ? 'up' : 'down'),
    stopped,
    async shutdown() {
      stopAll();
      await stopped.catch(() => undefined);
    },
  };
}

/** Makes all of them or none: one that was made lets go of its connection only when it has run and ended. */
async function createAll(queues: readonly WorkerOptions[]): Promise<readonly Worker[]> {
  const made = await Promise.allSettled(queues.map((options) => Worker.create(options)));
  const workers = made.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = made.find((result) => result.status === 'rejected');
  if (!failed) return workers;
  await Promise.allSettled(
    workers.map(async (worker) => {
      const running = worker.run();
      worker.shutdown();
      await running;
    }),
  );
  throw failed.reason;
}

/** Waits for all of them, and throws the first failure. */
async function settled(runs: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(runs);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
