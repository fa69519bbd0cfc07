/** Follows the tasks that a process polls, where their upstream pushes: a hint that the next poll need not wait. */

import { type AccountConfig, accountNamed } from '../domain/account.ts';
import type { Log } from '../domain/log.ts';
import { type ProviderTable, providerOf } from '../domain/provider.ts';
import type { RunningTask } from '../domain/step.ts';
import type { VideoWorkflows } from '../domain/video-workflows.ts';

export interface FollowerSettings {
  readonly providers: ProviderTable;
  readonly accounts: readonly AccountConfig[];
  readonly log: Log;
  readonly workflows: Pick<VideoWorkflows, 'signalNews'>;
  /** How many streams may be open at once. */
  readonly maxStreams?: number;
}

const MAX_STREAMS = 200;
/** A stream that was lost is opened again with a later poll, this often in all. */
const STREAMS_PER_TASK = 3;
/** Tasks whose end another process saw are never left: the oldest are forgotten. */
const MAX_REMEMBERED = 2000;

/** What is known of a task that was followed at least once. */
interface Followed {
  streamsLeft: number;
  /** Ends the open stream; null while there is none. */
  stream: AbortController | null;
}

/** Of one process: what it knows goes with it, and the polls find out the same without it. */
export class TaskFollower {
  readonly #settings: FollowerSettings;
  /** By submission, oldest first. */
  readonly #followed = new Map<string, Followed>();
  readonly #running = new Set<Promise<void>>();
  #isClosed = false;

  constructor(settings: FollowerSettings) {
    this.#settings = settings;
  }

  /** Follows a running task to its end, unless it is followed already; returns at once and never throws. */
  follow(videoId: string, task: RunningTask): void {
    const { providers, maxStreams = MAX_STREAMS } = this.#settings;
    const listen = providerOf(providers, task).follow;
    const account = accountNamed(this.#settings.accounts, task.account);
    // A key stays with the place that it is configured for.
    if (this.#isClosed || !listen || account?.baseUrl !== task.baseUrl || this.#running.size >= maxStreams) return;
    const followed = this.#remember(task.submissionId);
    if (followed.stream !== null || followed.streamsLeft === 0) return;
    const stream = new AbortController();
    followed.stream = stream;
    followed.streamsLeft--;
    const { baseUrl, apiKey, passage } = account;
    const over = listen(task.taskId, { baseUrl, apiKey, passage, signal: stream.signal });
    const running = this.#hear(videoId, over, followed).finally(() => {
      followed.stream = null;
      this.#running.delete(running);
    });
    this.#running.add(running);
  }

  /** The task is over, or no workflow waits for it any more. */
  leave(submissionId: string): void {
    this.#followed.get(submissionId)?.stream?.abort();
    this.#followed.delete(submissionId);
  }

  /** Ends every stream and follows nothing any more; resolves when all are closed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { stream } of this.#followed.values()) stream?.abort();
    await Promise.all(this.#running);
  }

  #remember(submissionId: string): Followed {
    const known = this.#followed.get(submissionId);
    if (known) return known;
    const [oldest] = this.#followed.keys();
    if (oldest !== undefined && this.#followed.size >= MAX_REMEMBERED) this.leave(oldest);
    const followed: Followed = { streamsLeft: STREAMS_PER_TASK, stream: null };
    this.#followed.set(submissionId, followed);
    return followed;
  }

  async #hear(videoId: string, over: Promise<void>, followed: Followed): Promise<void> {
    const { workflows, log } = this.#settings;
    try {
      await over;
      // An upstream that pushes an end which no poll confirms is not listened to again: a task has one early poll.
      followed.streamsLeft = 0;
      if (!this.#isClosed) await workflows.signalNews(videoId);
    } catch (error) {
      if (followed.stream?.signal.aborted) return;
      log.info({ videoId, streamsLeft: followed.streamsLeft, error: String(error) }, 'no hint of a task’s end');
    }
  }
}
