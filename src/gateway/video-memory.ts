/** Videos as they were read within the last second: who asks again is answered without the catalog. */

import { setImmediate as pendingEvents } from 'node:timers/promises';
import type { Video } from '../domain/video.ts';

/** The longest that a change is not seen whose notice is lost, or that has none, as a step of the progress. */
const LIFE_MS = 1000;
const MOST_VIDEOS = 10_000;

export interface VideoMemorySource {
  readonly read: (id: string) => Promise<Video | null>;
  /** Calls back after each change of the video, until the returned function is called. */
  readonly subscribe: (id: string, onChange: () => void) => () => void;
}

interface Kept {
  readonly reading: Promise<Video | null>;
  readonly untilMs: number;
  readonly unsubscribe: () => void;
}

export class VideoMemory {
  readonly #source: VideoMemorySource;
  /** The oldest first. */
  readonly #kept = new Map<string, Kept>();

  constructor(source: VideoMemorySource) {
    this.#source = source;
  }

  /** All who ask within the second share one statement; a change that this process has heard of, or made, is seen. */
  async read(id: string): Promise<Video | null> {
    // A notice that came before this request is heard of before it is answered.
    if (this.#kept.has(id)) await pendingEvents();
    const kept = this.#kept.get(id);
    if (kept && kept.untilMs > Date.now()) return await kept.reading;
    return await this.#keep(id).reading;
  }

  /** The video has changed, or may have. */
  forget(id: string): void {
    this.#kept.get(id)?.unsubscribe();
    this.#kept.delete(id);
  }

  #keep(id: string): Kept {
    this.forget(id);
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size >= MOST_VIDEOS) this.forget(oldest);
    // Before it is read, so that no change falls between.
    const unsubscribe = this.#source.subscribe(id, () => this.forget(id));
    const kept = { reading: this.#source.read(id), untilMs: Date.now() + LIFE_MS, unsubscribe };
    this.#kept.set(id, kept);
    kept.reading.then(
      (video) => this.#keepOnlyVideos(id, kept, video),
      () => this.#keepOnlyVideos(id, kept, null),
    );
    return kept;
  }

  /** Ids that name nothing are as many as a stranger likes. */
  #keepOnlyVideos(id: string, kept: Kept, video: Video | null): void {
    if (video === null && this.#kept.get(id) === kept) this.forget(id);
  }
}
