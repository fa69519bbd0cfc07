/** Starting accepted videos and telling of wishes: at once while Temporal is there, and as soon as it is back when it was away. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Video } from '../domain/video.ts';
import { type ForgottenDependencies, startUnopened, startVideo } from '../recovery/start.ts';
import { tellWishes, type WishDependencies } from '../recovery/wishes.ts';

export type StarterDependencies = ForgottenDependencies & WishDependencies;

/** While Temporal is away, this often it is tried whether it is back. */
const CATCH_UP_MS = 2000;

/** What fails while Temporal is there is tried less and less often, up to the sweep's own pace. */
const SLOWEST_CATCH_UP_MS = 60_000;

/**
 * No request waits for a start: what is in the catalog is accepted. What this forgets with its process, the sweep finds.
 */
export class Starter {
  readonly #dependencies: StarterDependencies;
  /** By the videos' ids. */
  readonly #starting = new Map<string, Promise<void>>();
  #isAway = false;
  #isClosed = false;
  #waitMs = CATCH_UP_MS;
  #timer: NodeJS.Timeout | null = null;

  constructor(dependencies: StarterDependencies) {
    this.#dependencies = dependencies;
    // A process that was killed may have accepted what it could not start any more.
    this.catchUpLater();
  }

  /** Starts a video in the background; while Temporal is away it is left to the catching up. */
  start(video: Video): void {
    if (this.#isAway) return;
    // The request is answered first: what a start computes would come before the answer.
    const starting = nextTurn()
      .then(() => startVideo(this.#dependencies, video))
      .then((outcome) => {
        if (outcome === 'away') this.#isAway = true;
        if (outcome === 'away' || outcome === 'failed') this.catchUpLater();
      })
      .finally(() => this.#starting.delete(video.id));
    this.#starting.set(video.id, starting);
  }

  /** Resolves when the video's start is not on its way any more: before that its workflow could not be told anything. */
  async settled(videoId: string): Promise<void> {
    await this.#starting.get(videoId);
  }

  /** Ends the catching up; resolves when no start is on its way any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await Promise.all(this.#starting.values());
  }

  /** Has what could not be started or told tried again. */
  catchUpLater(): void {
    if (this.#timer !== null || this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#catchUp().catch(() => this.catchUpLater());
    }, this.#waitMs).unref();
  }

  /** One video that fails keeps no other from its turn; only while Temporal is away the next would fail as well. */
  async #catchUp(): Promise<void> {
    // Before the list is read: what is accepted from now on is started by itself.
    this.#isAway = false;
    const starts = await startUnopened(this.#dependencies, new Date());
    const wishes = starts.away ? starts : await tellWishes(this.#dependencies);
    this.#isAway = wishes.away !== undefined;
    const isFailing = starts.failed !== undefined || wishes.failed !== undefined;
    this.#waitMs = isFailing && !this.#isAway ? Math.min(this.#waitMs * 2, SLOWEST_CATCH_UP_MS) : CATCH_UP_MS;
    if (isFailing || this.#isAway) this.catchUpLater();
  }
}
