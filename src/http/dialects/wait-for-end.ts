/** Waiting for a video's end while its caller's connection stays open. */

import { Refusal } from '../../domain/failure.ts';
import { isEnded, type Video } from '../../domain/video.ts';

/** How often the video is read although nothing was heard of it: a read may fail, and a change go unheard. */
const READ_AGAIN_MS = 15_000;

export interface WaitSource {
  read(): Promise<Video>;
  /** Calls back after each change until the returned function is called. */
  watch(onChange: () => void): () => void;
  /** Told of reads that failed; they are repeated. */
  onError(error: unknown): void;
}

export interface WaitBounds {
  readonly limitMs: number;
  /** Gives the wait up. */
  readonly signal: AbortSignal;
  readonly readAgainMs?: number;
}

async function tryRead({ read, onError }: WaitSource): Promise<Video | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Refusal) throw error;
    onError(error);
    return null;
  }
}

/**
 * The video once it has ended; null when the time is up or the wait was given up.
 * @throws Refusal when there is no such video any more.
 */
export async function waitForEnd(
  source: WaitSource,
  { limitMs, signal, readAgainMs = READ_AGAIN_MS }: WaitBounds,
): Promise<Video | null> {
  let isWoken = false;
  let isOver = false;
  let resume: () => void = () => undefined;
  const wake = () => {
    isWoken = true;
    resume();
  };
  const giveUp = () => {
    isOver = true;
    wake();
  };
  // Watched before it is read, so that no change falls between.
  const unwatch = source.watch(wake);
  const limit = setTimeout(giveUp, limitMs);
  const beat = setInterval(wake, readAgainMs);
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    for (;;) {
      isWoken = false;
      const video = await tryRead(source);
      if (video !== null && isEnded(video.state)) return video;
      if (isOver || signal.aborted) return null;
      const woken = new Promise<void>((resolve) => {
        resume = resolve;
      });
      if (!isWoken) await woken;
    }
  } finally {
    unwatch();
    clearTimeout(limit);
    clearInterval(beat);
    signal.removeEventListener('abort', giveUp);
  }
}
