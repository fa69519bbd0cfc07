/** Starting accepted videos: at once while Temporal is there, and as soon as it is back when it was away. */

import { listUnopened } from './catalog/audits.ts';
import type { Db } from './catalog/database.ts';
import type { Video } from './domain/video.ts';
import type { WorkflowControl } from './temporal/workflow-control.ts';

export interface StarterDependencies {
  readonly db: Db;
  readonly workflows: Pick<WorkflowControl, 'start'>;
  readonly log: { warn(fields: object, message: string): void };
}

/** While Temporal is away, this often it is tried whether it is back. */
const CATCH_UP_MS = 2000;

/**
 * Nobody waits for a start: what is in the catalog is accepted. What this forgets with its process, the sweep finds.
 */
export class Starter {
  readonly #dependencies: StarterDependencies;
  /** By the videos' ids. */
  readonly #starting = new Map<string, Promise<void>>();
  #isAway = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(dependencies: StarterDependencies) {
    this.#dependencies = dependencies;
    // A process that was killed may have accepted what it could not start any more.
    this.#catchUpLater();
  }

  /** Starts a video in the background; while Temporal is away it is left to the catching up. */
  start(video: Video): void {
    if (this.#isAway) return;
    const starting = this.#start(video).finally(() => this.#starting.delete(video.id));
    this.#starting.set(video.id, starting);
  }

  /** Resolves when the video's start is not on its way any more: before that nobody could tell its workflow anything. */
  async settled(videoId: string): Promise<void> {
    await this.#starting.get(videoId);
  }

  /** Ends the catching up; resolves when no start is on its way any more. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    await Promise.all(this.#starting.values());
  }

  async #start(video: Video): Promise<void> {
    try {
      await this.#dependencies.workflows.start(video);
    } catch (error) {
      this.#isAway = true;
      const fields = { videoId: video.id, error: String(error) };
      this.#dependencies.log.warn(fields, 'a video could not be started; it starts when Temporal is back');
      this.#catchUpLater();
    }
  }

  #catchUpLater(): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#catchUp().catch(() => {
        this.#isAway = true;
        this.#catchUpLater();
      });
    }, CATCH_UP_MS).unref();
  }

  async #catchUp(): Promise<void> {
    const { db, workflows } = this.#dependencies;
    // Before the list is read: what is accepted from now on is started by itself.
    this.#isAway = false;
    for (const video of await listUnopened(db, new Date())) await workflows.start(video);
  }
}
