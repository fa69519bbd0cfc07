/** Renders clips on demand and keeps the latest: one render at a time, on a thread of its own where one can be had. */

import { renderClip } from './clip.ts';
import { ClipThread } from './clip-thread.ts';
import type { ClipSpec } from './picture.ts';

const CACHE_BYTES = 64 * 1024 * 1024;

/** Equal specs share one render; what falls out of the cache is rendered again, to the same bytes. */
export class ClipRenderer {
  /** In order of use, the latest last. */
  readonly #cache = new Map<string, Uint8Array>();
  readonly #running = new Map<string, Promise<Uint8Array>>();
  #cachedBytes = 0;
  /** Null where the sources run uncompiled: a thread could not load them. */
  readonly #thread = import.meta.url.endsWith('.ts') ? null : new ClipThread();
  /** Without a thread, the renders queue here. */
  #last: Promise<unknown> = Promise.resolve();

  async render({ prompt, model, seed, seconds, aspectRatio }: ClipSpec): Promise<Uint8Array> {
    const spec: ClipSpec = { prompt, model, seed, seconds, aspectRatio };
    const name = JSON.stringify(spec);
    const cached = this.#cache.get(name);
    if (cached) {
      this.#remember(name, cached);
      return cached;
    }
    const running = this.#running.get(name) ?? this.#start(name, spec);
    return running;
  }

  #start(name: string, spec: ClipSpec): Promise<Uint8Array> {
    const running = this.#renderNow(spec)
      .then((clip) => {
        this.#remember(name, clip);
        return clip;
      })
      .finally(() => this.#running.delete(name));
    this.#running.set(name, running);
    return running;
  }

  #renderNow(spec: ClipSpec): Promise<Uint8Array> {
    if (this.#thread) return this.#thread.render(spec);
    const clip = this.#last.then(() => renderClip(spec));
    this.#last = clip.catch(() => undefined);
    return clip;
  }

  #remember(name: string, clip: Uint8Array): void {
    if (this.#cache.delete(name)) this.#cachedBytes -= clip.length;
    this.#cache.set(name, clip);
    this.#cachedBytes += clip.length;
    for (const [oldest, bytes] of this.#cache) {
      if (this.#cachedBytes <= CACHE_BYTES) return;
      this.#cache.delete(oldest);
      this.#cachedBytes -= bytes.length;
    }
  }

  async close(): Promise<void> {
    await this.#thread?.close();
  }
}
