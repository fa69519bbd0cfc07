/** Loads input images for an upstream that takes their bytes: out of the store, or from where their URL says. */

import { setTimeout as sleep } from 'node:timers/promises';
import { type ImageHeader, readImageHeader, UnusableImage } from '../domain/image-header.ts';
import { type ImageReference, REQUEST_BOUNDS } from '../domain/video-request.ts';
import { inputImageKeyOf } from '../media/input-images.ts';
import type { MediaStore } from '../media/media-store.ts';
import { readBytes } from '../media/ranged-read.ts';
import { type FetchUntrusted, type UntrustedAnswer, UnusableUrl } from '../net/untrusted/fetch.ts';
import { BlockedAddress } from '../net/untrusted/guarded-connector.ts';

/** An image whose header has been read. */
export interface LoadedImage extends ImageHeader {
  readonly bytes: Uint8Array;
}

/** Throws `UnusableImage` for what will not get better by trying again. */
export type LoadInputImage = (image: ImageReference, signal: AbortSignal) => Promise<LoadedImage>;

export interface ImageLoaderParts {
  readonly store: MediaStore;
  /** The guarded client. */
  readonly fetchImage: FetchUntrusted;
  /** `host:port` that URLs may name although they are private. */
  readonly trustedHosts: readonly string[];
  /** All tries together; a slot waits meanwhile. */
  readonly timeoutMs?: number;
  /** Before the tries that follow a first one that failed. */
  readonly waitsMs?: readonly number[];
}

const TIMEOUT_MS = 20_000;
const WAITS_MS = [500, 2000];

/** Statuses that may pass. */
const isPassing = (status: number) => status === 408 || status === 429 || status >= 500;

/** Makes the one function that loads images. */
export function createImageLoader(parts: ImageLoaderParts): LoadInputImage {
  return async (image, signal) => {
    if (image.kind === 'url') return await fetchAndCheck(parts, image.url, signal);
    const key = inputImageKeyOf(image.sha256);
    const sizeBytes = await parts.store.sizeBytes(key);
    if (sizeBytes === null) throw new UnusableImage('an input image has been removed');
    const bytes = await readBytes(parts.store, key, { start: 0, end: sizeBytes });
    return { bytes, ...readImageHeader(bytes) };
  };
}

async function fetchAndCheck(parts: ImageLoaderParts, url: string, signal: AbortSignal): Promise<LoadedImage> {
  // The rest of a URL may be signed, and so a secret.
  const name = `the input image at ${URL.canParse(url) ? new URL(url).origin : 'its URL'}`;
  try {
    const bytes = await fetchBytes(parts, url, signal);
    return { bytes, ...readImageHeader(bytes) };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof UnusableImage) throw new UnusableImage(`${name} ${error.message}`);
    // Several addresses that fail together have no words of their own.
    const words = (error instanceof Error && error.message) || String(error);
    throw new UnusableImage(`${name} could not be fetched: ${words}`);
  }
}

async function fetchBytes(parts: ImageLoaderParts, url: string, signal: AbortSignal): Promise<Uint8Array> {
  const { waitsMs = WAITS_MS, timeoutMs = TIMEOUT_MS } = parts;
  const late = AbortSignal.timeout(timeoutMs);
  const bounded = AbortSignal.any([signal, late]);
  for (let tries = 0; ; tries += 1) {
    try {
      return await fetchOnce(parts, url, bounded);
    } catch (error) {
      if (late.aborted) throw new UnusableImage(`was not there within ${timeoutMs} ms`);
      const waitMs = waitsMs[tries];
      if (isFinal(error) || waitMs === undefined) throw error;
      await sleep(waitMs, undefined, { signal: bounded }).catch(() => undefined);
    }
  }
}

/** Where the guarded client refuses to go it refuses for good. */
function isFinal(error: unknown): boolean {
  return [UnusableImage, BlockedAddress, UnusableUrl].some((kind) => error instanceof kind);
}

async function fetchOnce(
  { fetchImage, trustedHosts, timeoutMs = TIMEOUT_MS }: ImageLoaderParts,
  url: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const answer = await fetchImage({ url, trustedHosts, signal, timeoutMs, headers: { accept: 'image/*' } });
  try {
    if (isPassing(answer.status)) throw new Error(`it answered ${answer.status}`);
    if (answer.status !== 200) throw new UnusableImage(`answered ${answer.status}`);
    return await readBounded(answer);
  } finally {
    answer.body.drop();
  }
}

async function readBounded({ headers, body }: UntrustedAnswer): Promise<Uint8Array> {
  const mostBytes = REQUEST_BOUNDS.imageBytes;
  const tooLarge = () => new UnusableImage(`is larger than ${mostBytes} bytes`);
  if (Number(headers['content-length'] ?? 0) > mostBytes) throw tooLarge();
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  await body.read((chunk) => {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > mostBytes) throw tooLarge();
    pieces.push(Buffer.from(chunk));
  });
  return Buffer.concat(pieces, sizeBytes);
}
