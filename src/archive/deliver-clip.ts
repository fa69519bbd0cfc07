/** Puts an archived clip into storage of its caller's own, by a URL that was signed for that. */

import type { DeliveryTarget } from '../domain/clip-delivery.ts';
import type { MediaStore } from '../media/media-store.ts';
import type { PutUntrusted } from '../net/untrusted/send.ts';

export interface ClipPutterParts {
  readonly store: MediaStore;
  readonly put: PutUntrusted;
  /** `host:port` that callers' storage may be at although it is private. */
  readonly trustedHosts: readonly string[];
}

export interface PutOrder {
  readonly clipKey: string;
  readonly target: DeliveryTarget;
  readonly signal: AbortSignal;
}

/** What came of it; what the message says is for the caller, and names no URL. */
export type PutOutcome =
  | { readonly kind: 'delivered' }
  /** What another try would not change, and what it may. */
  | { readonly kind: 'refused' | 'later'; readonly message: string };

/** Answers that another time may change. */
const PASSING: readonly number[] = [408, 425, 429];

function outcomeOf(status: number): PutOutcome {
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  const isFinal = status >= 300 && status < 500 && !PASSING.includes(status);
  return { kind: isFinal ? 'refused' : 'later', message: `the storage answered ${status}` };
}

/** One try, which may be repeated: the object is the same. Throws only the signal's reason and errors of our own storage. */
export type PutClip = (order: PutOrder) => Promise<PutOutcome>;

/** Makes the one function that delivers clips. */
export function createClipPutter({ store, put, trustedHosts }: ClipPutterParts): PutClip {
  return async ({ clipKey, target, signal }) => {
    const sizeBytes = await store.sizeBytes(clipKey);
    const body = sizeBytes === null ? null : await store.read(clipKey);
    if (body === null) return { kind: 'refused', message: 'the clip is not in the archive any more' };
    // Storage services take no body of unknown length.
    const headers = { 'content-type': 'video/mp4', ...target.headers, 'content-length': String(sizeBytes) };
    try {
      const { status } = await put({ url: target.url, trustedHosts, headers, body, signal });
      return outcomeOf(status);
    } catch {
      signal.throwIfAborted();
      // What the network reports may hold the URL, which is a secret.
      return { kind: 'later', message: 'the storage could not be reached' };
    } finally {
      body.destroy();
    }
  };
}
