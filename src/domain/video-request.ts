/** What a caller asks for, in one vocabulary for all dialects and providers. */

import { DELIVER_KEY } from './clip-delivery.ts';
import { Refusal } from './failure.ts';
import type { ImageHeader } from './image-header.ts';
import { isLongerThan, type JsonObject } from './json.ts';

export const MODES = ['text', 'image', 'reference'] as const;
/** `text` from words alone, `image` animates a first frame, `reference` takes style from one or more images. */
export type Mode = (typeof MODES)[number];

/** An input image: at a public URL, or in our own media store under its content hash. */
export type ImageReference = { readonly kind: 'url'; readonly url: string } | StoredImage;

export interface StoredImage {
  readonly kind: 'stored';
  readonly sha256: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
}

/** An input image as a request brings it: one that a request had before, or bytes that are not stored yet. */
export type ImageInput =
  // `param` is the dialect's own field that the URL came in; absent in one that an earlier request had.
  | (Extract<ImageReference, { kind: 'url' }> & { readonly param?: string })
  | StoredImage
  | ({ readonly kind: 'bytes'; readonly bytes: Uint8Array } & ImageHeader);

export const PREFERENCES = ['balanced', 'cheapest', 'smartest'] as const;
/** IN-11: what decides where a request names no model. */
export type Preference = (typeof PREFERENCES)[number];

/** A request as a dialect read it: what the caller left out is absent and is filled from the model. */
export interface VideoDraft {
  /** Null: chosen by `prefer`. */
  readonly model: string | null;
  /** `balanced` when absent; only asked where no model is named. */
  readonly prefer?: Preference;
  readonly mode: Mode;
  readonly prompt: string;
  readonly durationSeconds?: number;
  readonly aspectRatio?: string;
  readonly quality?: string;
  readonly images: readonly ImageInput[];
  /** Keys we do not know, forwarded upstream untouched (AF-17). */
  readonly extra: JsonObject;
  /** The video whose settings these are. */
  readonly remixOf?: string;
  /** The video that is made again. */
  readonly againOf?: string;
}

/**
 * The whole normalised request: the workflow's input, from which a lost row can be healed. Every value that has a
 * price is explicit, so that what is priced is what is sent upstream.
 */
export interface VideoRequest {
  readonly model: string;
  readonly mode: Mode;
  readonly prompt: string;
  readonly durationSeconds: number;
  readonly aspectRatio: string | null;
  readonly quality: string | null;
  readonly images: readonly ImageReference[];
  readonly extra: JsonObject;
  /** The video that this one takes its settings from. */
  readonly remixOf?: string;
  /** The video that this one was asked for again as. */
  readonly againOf?: string;
}

/** What was accepted once as a draft of another video, which is no child of the video's own ancestors. */
export function draftOf(request: VideoRequest): VideoDraft {
  const { aspectRatio, quality, remixOf: _remixOf, againOf: _againOf, ...settings } = request;
  return { ...settings, ...(aspectRatio !== null && { aspectRatio }), ...(quality !== null && { quality }) };
}

/** A request as a workflow is given it: complete from the gateway, perhaps with gaps from another team's workflow. */
export type GivenRequest = Pick<VideoRequest, 'model' | 'prompt'> & Partial<VideoRequest>;

/** In the body of a create of any dialect: where its end is to be told. No upstream sees it. */
export const CALLBACK_KEY = 'callback_url';

/** What the body of a create says to us, and not to an upstream. */
export const GATEWAY_KEYS: readonly string[] = [CALLBACK_KEY, DELIVER_KEY];

/** Bounds that keep a request small enough to be a workflow's input. */
export const REQUEST_BOUNDS = {
  promptBytes: 32 * 1024,
  extraBytes: 64 * 1024,
  images: 8,
  imageBytes: 32 * 1024 * 1024,
} as const;

/** Whether the catalog can store a text: PostgreSQL takes neither NUL nor half of a surrogate pair. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/**
 * The bounds of what becomes a workflow's input, whether a dialect or another team's workflow brings it.
 * @throws Refusal `too_large`, `invalid_request`.
 */
export function checkRequest({
  prompt,
  extra,
  images,
}: Pick<VideoDraft, 'prompt' | 'extra'> & { readonly images: readonly unknown[] }): void {
  const tooLong = (what: string, bytes: number) =>
    new Refusal('too_large', `${what} is longer than ${bytes} bytes`, { param: what });
  const { promptBytes, extraBytes } = REQUEST_BOUNDS;
  if (new TextEncoder().encode(prompt).length > promptBytes) throw tooLong('prompt', promptBytes);
  if (isLongerThan(extra, extraBytes)) throw tooLong('the forwarded keys', extraBytes);
  if (images.length > REQUEST_BOUNDS.images) {
    throw new Refusal('invalid_request', `at most ${REQUEST_BOUNDS.images} images`, { param: 'input_images' });
  }
}

/** AF-15, AF-16: how many images a mode takes; one first frame is what `image` animates. */
const IMAGES_OF: Readonly<Record<Mode, { readonly min: number; readonly max: number }>> = {
  text: { min: 0, max: 0 },
  image: { min: 1, max: 1 },
  reference: { min: 1, max: REQUEST_BOUNDS.images },
};

/** Why these are not the images of the mode; null where they are. */
export function imagesProblem(mode: Mode, images: readonly unknown[]): string | null {
  const { min, max } = IMAGES_OF[mode];
  if (images.length >= min && images.length <= max) return null;
  return `mode ${mode} takes ${min === max ? max : `${min} to ${max}`} images, not ${images.length}`;
}
