/** One action on many videos: some at a time, and behind the answer where it takes longer than a request should. */

import { createHash } from 'node:crypto';
import { eachAtOnce } from '../domain/at-once.ts';
import { withDeadline } from '../domain/deadline.ts';
import { Refusal, type RefusalKind } from '../domain/failure.ts';
import type { Log } from '../domain/log.ts';

/** What came of it so far. */
export interface BulkOutcome {
  readonly matched: number;
  readonly done: number;
  readonly failed: readonly { readonly id: string; readonly code: RefusalKind }[];
}

/** The answer waits this long. */
const ANSWER_AFTER_MS = 10_000;
/** Of one request, beside all else that the gateway does. */
const VIDEOS_AT_ONCE = 4;
/** Requests whose work goes on, in this process. */
const REQUESTS_AT_ONCE = 4;

export interface BulkParts {
  readonly log: Pick<Log, 'warn'>;
  readonly answerAfterMs?: number;
}

/**
 * The bulk requests of a process. What one that stops leaves undone is done by sending the request again: no action does
 * harm when it is repeated.
 */
export class BulkRunner {
  readonly #parts: BulkParts;
  readonly #running = new Set<Promise<void>>();
  #isClosed = false;

  constructor(parts: BulkParts) {
    this.#parts = parts;
  }

  /** Does it to each video once. @throws Refusal `unavailable` where too many such requests are being worked on. */
  async run(ids: readonly string[], act: (id: string) => Promise<unknown>): Promise<BulkOutcome> {
    if (this.#running.size >= REQUESTS_AT_ONCE) {
      throw new Refusal('unavailable', 'too many bulk requests are being worked on', { retryAfterSeconds: 10 });
    }
    const all = [...new Set(ids)];
    const outcome = { matched: all.length, done: 0, failed: [] as { id: string; code: RefusalKind }[] };
    const work = async (id: string) => {
      if (this.#isClosed) return;
      try {
        await act(id);
        outcome.done += 1;
      } catch (error) {
        if (!(error instanceof Refusal))
          this.#parts.log.warn({ videoId: id, error: String(error) }, 'a bulk action failed');
        outcome.failed.push({ id, code: error instanceof Refusal ? error.kind : 'internal' });
      }
    };
    const running = eachAtOnce(all, VIDEOS_AT_ONCE, work).finally(() => this.#running.delete(running));
    this.#running.add(running);
    await withDeadline(running, this.#parts.answerAfterMs ?? ANSWER_AFTER_MS, () => undefined);
    return { ...outcome, failed: [...outcome.failed] };
  }

  /** Begins no further video; resolves when those that were begun are done. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#running);
  }
}

/** The key of the video that one of many is made again as: that of the request, for this video. */
export function againKey(requestKey: string, videoId: string): string {
  return createHash('sha256').update(`again\n${videoId}\n${requestKey}`).digest('hex');
}
