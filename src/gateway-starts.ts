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

/** A start is for whom the sweep is too slow; what this forgets with its process, the sweep finds. */
export class Starter {
  readonly #dependencies: StarterDependencies;
  #isAway = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(dependencies: StarterDependencies) {
    this.#dependencies = dependencies;
    // A process that was killed may have accepted what it could not start any more.
    this.#catchUpLater();
  }

  /** Starts a video, or leaves it accepted: while Temporal is away nobody waits for it. */
  async start(video: Video): Promise<void> {
    if (this.#isAway) return;
    try {
      await this.#dependencies.workflows.start(video);
    } catch (error) {
      this.#isAway = true;
      const fields = { videoId: video.id, error: String(error) };
      this.#dependencies.log.warn(fields, 'Temporal cannot be reached; accepted videos start when it is back');
      this.#catchUpLater();
    }
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #catchUpLater(): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#catchUp().then(
        () => {
          this.#isAway = false;
        },
        () => this.#catchUpLater(),
      );
    }, CATCH_UP_MS).unref();
  }

  async #catchUp(): Promise<void> {
    const { db, workflows } = this.#dependencies;
    for (const video of await listUnopened(db, new Date())) await workflows.start(video);
  }
}
