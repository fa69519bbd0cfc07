/** Starting accepted videos: at once while Temporal is there, and as soon as it is back when it was away. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { listUnopened } from '../catalog/audits.ts';
import type { Db } from '../catalog/driver/database.ts';
import { endVideo } from '../catalog/ends.ts';
import { isAway, readRefusal } from '../domain/start-error.ts';
import type { Video } from '../domain/video.ts';
import type { VideoWorkflows } from '../domain/video-workflows.ts';

export interface StarterDependencies {
  readonly db: Db;
  readonly workflows: Pick<VideoWorkflows, 'start'>;
  readonly log: { warn(fields: object, message: string): void };
}

/** While Temporal is away, this often it is tried whether it is back. */
const CATCH_UP_MS = 2000;

/** What fails while Temporal is there is tried less and less often, up to the sweep's own pace. */
const SLOWEST_CATCH_UP_MS = 60_000;

/** What came of a start: `ended` is a video that Temporal will never take. */
type Start = 'started' | 'ended' | 'away' | 'failed';

/**
 * Nobody waits for a start: what is in the catalog is accepted. What this forgets with its process, the sweep finds.
 */
export class Starter {
  readonly #dependencies: StarterDependencies;
  /** By the videos' ids. */
  readonly #starting = new Map<string, Promise<void>>();
  #isAway = false;
  #waitMs = CATCH_UP_MS;
  #timer: NodeJS.Timeout | null = null;

  constructor(dependencies: StarterDependencies) {
    this.#dependencies = dependencies;
    // A process that was killed may have accepted what it could not start any more.
    this.#catchUpLater();
  }

  /** Starts a video in the background; while Temporal is away it is left to the catching up. */
  start(video: Video): void {
    if (this.#isAway) return;
    // Whoever asked for the video is answered first: what a start computes would come before the answer.
    const starting = nextTurn()
      .then(() => this.#start(video))
      .then((outcome) => {
        if (outcome === 'away') this.#isAway = true;
        if (outcome === 'away' || outcome === 'failed') this.#catchUpLater();
      })
      .finally(() => this.#starting.delete(video.id));
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

  async #start(video: Video): Promise<Start> {
    const { workflows, log } = this.#dependencies;
    try {
      await workflows.start(video);
      return 'started';
    } catch (error) {
      const words = readRefusal(error);
      if (words !== null) return await this.#refused(video, words);
      log.warn({ videoId: video.id, error: String(error) }, 'a video could not be started; it is tried again');
      return isAway(error) ? 'away' : 'failed';
    }
  }

  /** It would be refused for ever: the video ends, and its hold is released. */
  async #refused({ id }: Video, words: string): Promise<Start> {
    const { db, log } = this.#dependencies;
    log.warn({ videoId: id, error: words }, 'Temporal will never start this video');
    const failure = { kind: 'start_refused', message: words, upstream: null } as const;
    try {
      await endVideo(db, id, { state: 'failed', failure, archive: null });
      return 'ended';
    } catch (error) {
      log.warn({ videoId: id, error: String(error) }, 'a video that cannot be started could not be ended');
      return 'failed';
    }
  }

  #catchUpLater(): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#catchUp().catch(() => this.#catchUpLater());
    }, this.#waitMs).unref();
  }

  /** Those accepted up to now, page by page: while Temporal was away for long there may be thousands. */
  async *#unopened(): AsyncGenerator<Video> {
    const { db } = this.#dependencies;
    const acceptedBefore = new Date();
    for (let after: Video | null = null; ; ) {
      const page: readonly Video[] = await listUnopened(db, acceptedBefore, after);
      yield* page;
      after = page.at(-1) ?? null;
      if (after === null) return;
    }
  }

  /** One video that fails keeps no other from being started; only while Temporal is away the next would fail as well. */
  async #catchUp(): Promise<void> {
    // Before the list is read: what is accepted from now on is started by itself.
    this.#isAway = false;
    let failed = 0;
    for await (const video of this.#unopened()) {
      const outcome = await this.#start(video);
      if (outcome === 'away') {
        this.#isAway = true;
        this.#waitMs = CATCH_UP_MS;
        return this.#catchUpLater();
      }
      if (outcome === 'failed') failed++;
    }
    this.#waitMs = failed > 0 ? Math.min(this.#waitMs * 2, SLOWEST_CATCH_UP_MS) : CATCH_UP_MS;
    if (failed > 0) this.#catchUpLater();
  }
}
