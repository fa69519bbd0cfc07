/** Requests as another team's workflow hands them in: nothing is certain of their shape before it has been looked at. */

import { Refusal } from './failure.ts';
import { isJsonObject } from './json.ts';
import {
  checkRequest,
  type GivenRequest,
  type ImageReference,
  imagesProblem,
  isStorable,
  MODES,
  type Mode,
  type VideoDraft,
  type VideoRequest,
} from './video-request.ts';

const SHA256 = /^[0-9a-f]{64}$/;

const isText = (value: unknown) => typeof value === 'string' && value !== '';

function isReference(image: unknown): image is ImageReference {
  if (!isJsonObject(image)) return false;
  const { kind, url, sha256 } = image;
  if (kind === 'url') return typeof url === 'string' && /^https?:/i.test(url) && URL.canParse(url);
  return kind === 'stored' && typeof sha256 === 'string' && SHA256.test(sha256);
}

const TEXT = { is: isText, words: 'is no text' };

/** What each part has to be where it is there; null counts as absent. */
const PARTS: Readonly<Record<keyof VideoRequest, { is(value: unknown): boolean; readonly words: string }>> = {
  model: TEXT,
  prompt: TEXT,
  mode: { is: (value) => MODES.some((mode) => mode === value), words: `is none of ${MODES.join(', ')}` },
  durationSeconds: { is: Number.isInteger, words: 'is no whole number' },
  aspectRatio: TEXT,
  quality: TEXT,
  images: {
    is: (value) => Array.isArray(value) && value.every(isReference),
    words: 'are no list of http or https URLs and stored images',
  },
  extra: { is: isJsonObject, words: 'is no object' },
  remixOf: TEXT,
  againOf: TEXT,
};

const refusal = (problem: string) => new Refusal('invalid_request', problem);

function isStorableThroughout(request: GivenRequest): boolean {
  let isFine = true;
  JSON.stringify(request, (key, value: unknown) => {
    isFine &&= isStorable(key) && (typeof value !== 'string' || isStorable(value));
    return value;
  });
  return isFine;
}

/** @throws Refusal `invalid_request`, `too_large` for what is no request, or larger than one may be. */
export function checkGivenRequest(request: unknown): asserts request is GivenRequest {
  if (!isJsonObject(request)) throw refusal('there is no request');
  for (const [name, { is, words }] of Object.entries(PARTS)) {
    if (request[name] != null && !is(request[name])) throw refusal(`${name} ${words}`);
  }
  if (request['model'] == null || request['prompt'] == null) throw refusal('model and prompt are needed');
  const given = request as unknown as GivenRequest;
  const { prompt, extra, images, mode } = draftOfGiven(given);
  checkRequest({ prompt, extra, images });
  const problem = imagesProblem(mode, images);
  if (problem !== null) throw refusal(problem);
  if (!isStorableThroughout(given)) throw refusal('a text holds a NUL or half of a surrogate pair');
}

/** What its model is chosen and priced for: what is not there is the model's to say. */
export function draftOfGiven(request: GivenRequest): VideoDraft & { readonly images: readonly ImageReference[] } {
  const { model, prompt, durationSeconds, aspectRatio, quality, remixOf } = request;
  const mode: Mode = request.mode ?? 'text';
  return {
    model,
    prompt,
    mode,
    images: request.images ?? [],
    extra: request.extra ?? {},
    ...(durationSeconds != null && { durationSeconds }),
    ...(aspectRatio != null && { aspectRatio }),
    ...(quality != null && { quality }),
    ...(remixOf != null && { remixOf }),
  };
}
