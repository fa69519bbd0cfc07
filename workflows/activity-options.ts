/** The activities as workflows call them: one group for each way of waiting, with its timeouts and retries. */

import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { PROVIDER_FACTS, type ProviderName } from '../src/domain/vendor.ts';
import { TASK_QUEUES } from './messages.ts';

/** An activity that was cancelled is waited for: what it did is known before anything follows. */
const cancellationType = ActivityCancellationType.WAIT_CANCELLATION_COMPLETED;

/** Transactions: short, and retried until the catalog is back. */
export const transactions = proxyActivities<Pick<Activities, 'openVideo' | 'requestSlot' | 'endVideo' | 'endFilm'>>({
  startToCloseTimeout: '10 seconds',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '30 seconds' },
  cancellationType,
});

/** The create: retried for ever, since every try but the first only finds out what became of it. */
export function submission(provider: ProviderName | undefined, summary: string) {
  return proxyActivities<Pick<Activities, 'submitTask'>>({
    // A create that is answered only when the clip is done holds its worker's place for as long.
    ...(provider && PROVIDER_FACTS[provider].answersAtEnd
      ? { taskQueue: TASK_QUEUES.sync, startToCloseTimeout: '20 minutes' }
      : { taskQueue: TASK_QUEUES.upstream, startToCloseTimeout: '90 seconds' }),
    heartbeatTimeout: '10 seconds',
    retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
    cancellationType,
    summary,
  });
}

/** Polls a task once: the loop that polls is the retry. Its cancel, which may be repeated, is tried three times. */
export function polling(summary: string) {
  const options = {
    taskQueue: TASK_QUEUES.upstream,
    startToCloseTimeout: '20 seconds',
    cancellationType,
    summary,
  } as const;
  const { checkTask } = proxyActivities<Activities>({ ...options, retry: { maximumAttempts: 1 } });
  const { cancelTask } = proxyActivities<Activities>({ ...options, retry: { maximumAttempts: 3 } });
  return { checkTask, cancelTask };
}

/** The download: retried for so long, and for a minute at the least. */
export function archiving(forMs: number) {
  return proxyActivities<Pick<Activities, 'archiveVideo' | 'rearchiveVideo'>>({
    taskQueue: TASK_QUEUES.media,
    startToCloseTimeout: '60 minutes',
    heartbeatTimeout: '15 seconds',
    scheduleToCloseTimeout: Math.max(forMs, 60_000),
    retry: { initialInterval: '1 second', maximumInterval: '1 minute' },
    cancellationType,
    summary: 'download, verify, poster',
  });
}

/**
 * A clip's way into its caller's own storage: attempts for an hour at most, each as long as a large clip takes. Storage
 * that takes nothing keeps no place that a download waits for.
 */
export const clipDelivery = proxyActivities<Pick<Activities, 'deliverClip'>>({
  taskQueue: TASK_QUEUES.storage,
  startToCloseTimeout: '30 minutes',
  scheduleToCloseTimeout: '1 hour',
  heartbeatTimeout: '15 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute' },
  cancellationType,
  summary: 'to where its caller wants it',
});

/** Steps of a batch: some dozens of short transactions each, retried until the catalog is back. */
export const batching = proxyActivities<Pick<Activities, 'advanceBatch'>>({
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '15 seconds',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '30 seconds' },
  cancellationType,
});

/** A batch's files, and the last pictures of its clips. */
export const batchMedia = proxyActivities<Pick<Activities, 'writeBatchFiles' | 'takeLastPicture'>>({
  taskQueue: TASK_QUEUES.media,
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '15 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute' },
  cancellationType,
});

/** Joining clips: minutes to hours of one place at a worker, taken up again wherever it stopped. */
export const filming = proxyActivities<Pick<Activities, 'joinFilm'>>({
  taskQueue: TASK_QUEUES.films,
  startToCloseTimeout: '24 hours',
  scheduleToCloseTimeout: '7 days',
  heartbeatTimeout: '15 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute' },
  cancellationType,
  summary: 'join, read back, archive',
});

/** One attempt of a delivery: the workflow is its schedule, and the retries are what our own side could not make. */
export function delivering(summary: string) {
  return proxyActivities<Pick<Activities, 'attemptDelivery'>>({
    taskQueue: TASK_QUEUES.delivery,
    startToCloseTimeout: '30 seconds',
    retry: { initialInterval: '1 second', maximumInterval: '1 minute' },
    cancellationType,
    summary,
  });
}

/** The sweep's one activity. */
export const sweeping = proxyActivities<Pick<Activities, 'sweep'>>({
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '15 seconds',
  retry: { maximumAttempts: 1 },
});
