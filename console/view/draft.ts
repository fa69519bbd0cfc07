/** What the form of a new video holds: made from a model's capabilities, turned into the body of a create. */

import type { Model, Video } from '../answers.ts';

export type NewImage =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'bytes'; readonly name: string; readonly base64: string; readonly shownUrl: string };

export interface Draft {
  readonly model: string;
  readonly prompt: string;
  readonly seconds: number;
  /** Empty where the model states no restriction and none was chosen; so is the quality. */
  readonly aspectRatio: string;
  readonly quality: string;
  readonly images: readonly NewImage[];
  /** Empty: any. */
  readonly seed: string;
  readonly count: number;
  /** What is passed on as it came. */
  readonly extra: Readonly<Record<string, unknown>>;
}

export function takesImages({ modes }: Model): boolean {
  return modes.some((mode) => mode !== 'text');
}

function among(options: readonly string[], wanted: string): string {
  return options.length === 0 || options.includes(wanted) ? wanted : (options[0] ?? '');
}

function lengthFor({ durationsSeconds, minDurationSeconds, maxDurationSeconds }: Model, wanted: number): number {
  if (durationsSeconds !== null) {
    return durationsSeconds.includes(wanted) ? wanted : (durationsSeconds[0] ?? minDurationSeconds);
  }
  return Math.min(maxDurationSeconds, Math.max(minDurationSeconds, wanted));
}

/** The same wishes as far as the model can fulfil them. */
export function draftFor(model: Model, draft: Draft): Draft {
  return {
    ...draft,
    model: model.id,
    seconds: lengthFor(model, draft.seconds),
    aspectRatio: among(model.aspectRatios, draft.aspectRatio),
    quality: among(model.qualities, draft.quality),
    images: takesImages(model) ? draft.images : [],
  };
}

const USUAL_SECONDS = 5;

/** What a video asked for, or an empty form of the first model. */
export function draftOf(models: readonly Model[], source: Video | null): Draft {
  const [first] = models;
  const model = models.find(({ id }) => id === source?.request.model) ?? first;
  const { seed, ...extra } = source?.request.extra ?? {};
  const draft: Draft = {
    model: model?.id ?? '',
    prompt: source?.request.prompt ?? '',
    seconds: source?.request.durationSeconds ?? USUAL_SECONDS,
    aspectRatio: source?.request.aspectRatio ?? '16:9',
    quality: source?.request.quality ?? '',
    images: source?.request.images.flatMap((image) => (image.kind === 'url' ? [image] : [])) ?? [],
    seed: typeof seed === 'number' ? String(seed) : '',
    count: 1,
    extra,
  };
  return model === undefined ? draft : draftFor(model, draft);
}

/** More are not taken in at one glance. */
export const MOST_AT_ONCE = 16;

/** What keeps it from being sent, in words. */
export function problemsOf({ prompt, seconds, images, count }: Draft, model: Model): readonly string[] {
  const { minDurationSeconds: least, maxDurationSeconds: most, modes } = model;
  return [
    ...(prompt.trim() === '' ? ['Say what it shows.'] : []),
    ...(Number.isInteger(seconds) && seconds >= least && seconds <= most ? [] : [`${least} to ${most} whole seconds.`]),
    ...(Number.isInteger(count) && count >= 1 && count <= MOST_AT_ONCE ? [] : [`1 to ${MOST_AT_ONCE} at once.`]),
    ...(images.length === 0 && !modes.includes('text') ? ['This model needs an image.'] : []),
  ];
}

/** One image is the first frame where the model animates one; several, or else, give the style. */
function modeOf(images: readonly NewImage[], { modes }: Model): string | undefined {
  if (images.length === 0) return undefined;
  return images.length === 1 && modes.includes('image') ? 'image' : modes.includes('reference') ? 'reference' : 'image';
}

/** The body of a create in airforce's words; JSON leaves out what is undefined. */
export function toBody(draft: Draft, model: Model, seed: number | null): Readonly<Record<string, unknown>> {
  const { prompt, seconds, aspectRatio, quality, images, extra } = draft;
  const chosenSeed = seed ?? (draft.seed === '' ? undefined : Number(draft.seed));
  return {
    ...extra,
    model: model.id,
    prompt,
    mode: modeOf(images, model),
    duration_seconds: seconds,
    aspect_ratio: aspectRatio || undefined,
    quality: quality || undefined,
    input_images:
      images.length === 0
        ? undefined
        : images.map((image) => (image.kind === 'url' ? { url: image.url } : { b64_json: image.base64 })),
    seed: chosenSeed,
  };
}
