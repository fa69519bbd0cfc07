/** Reads of what several follow: after each change one of them reads, for all. */

interface Shared {
  /** Null from a change on until the next read begins. */
  reading: Promise<unknown> | null;
  readonly followers: Set<() => void>;
  readonly unwatch: () => void;
}

/** What is followed, and how it is read and watched. */
export interface Followed<Read> {
  /** Those who follow under the same key read the same. */
  readonly key: string;
  read(): Promise<Read>;
  /** Calls back after each change until the returned function is called. */
  watch(onChange: () => void): () => void;
}

export class SharedReads {
  readonly #shared = new Map<string, Shared>();

  /** Calls back after each change; `read` answers what was read since the last one. */
  follow<Read>(followed: Followed<Read>, onChange: () => void): { read(): Promise<Read>; stop(): void } {
    const shared = this.#shared.get(followed.key) ?? this.#open(followed);
    // What was read before may lack what is not told as a change, such as a place in the queue.
    shared.reading = null;
    // A function of its own for each follower.
    const told = () => onChange();
    shared.followers.add(told);
    return {
      read: () => this.#read(shared, followed),
      stop: () => {
        shared.followers.delete(told);
        if (shared.followers.size > 0 || this.#shared.get(followed.key) !== shared) return;
        this.#shared.delete(followed.key);
        shared.unwatch();
      },
    };
  }

  #open({ key, watch }: Followed<unknown>): Shared {
    const followers = new Set<() => void>();
    const unwatch = watch(() => {
      shared.reading = null;
      for (const told of followers) told();
    });
    const shared: Shared = { reading: null, followers, unwatch };
    this.#shared.set(key, shared);
    return shared;
  }

  #read<Read>(shared: Shared, { read }: Followed<Read>): Promise<Read> {
    if (shared.reading === null) {
      const reading = read();
      shared.reading = reading;
      reading.catch(() => {
        if (shared.reading === reading) shared.reading = null;
      });
    }
    // Of one key all read the same.
    return shared.reading as Promise<Read>;
  }
}
