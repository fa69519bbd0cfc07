/** The models that the sandbox offers, and the check of a request against one of them. */

import type { Mode } from '../domain/video-request.ts';
import { SandboxRefusal } from './refusal.ts';

/** What a sandbox model makes, and what a second of it costs. */
export interface SandboxModel {
  readonly id: string;
  readonly centsPerSecond: number;
  readonly minSeconds: number;
  readonly maxSeconds: number;
  readonly modes: readonly Mode[];
  /** The first is the default. */
  readonly aspectRatios: readonly string[];
  /** The first is the default. */
  readonly qualities: readonly string[];
}

const WIDE_TALL_SQUARE = ['16:9', '9:16', '1:1'] as const;
const ALL_QUALITIES = ['720p', '480p', '1080p'] as const;

export const SANDBOX_MODELS: readonly SandboxModel[] = [
  {
    id: 'wan-2.6',
    centsPerSecond: 40,
    minSeconds: 5,
    maxSeconds: 10,
    modes: ['text', 'image'],
    aspectRatios: WIDE_TALL_SQUARE,
    qualities: ALL_QUALITIES,
  },
  {
    id: 'kling-1',
    centsPerSecond: 25,
    minSeconds: 5,
    maxSeconds: 10,
    modes: ['text', 'image'],
    aspectRatios: WIDE_TALL_SQUARE,
    qualities: ['720p', '1080p'],
  },
  {
    id: 'vidu-q1',
    centsPerSecond: 30,
    minSeconds: 4,
    maxSeconds: 8,
    modes: ['text', 'image', 'reference'],
    aspectRatios: WIDE_TALL_SQUARE,
    qualities: ['720p', '1080p'],
  },
  {
    id: 'sandbox-mini',
    centsPerSecond: 1,
    minSeconds: 1,
    maxSeconds: 10,
    modes: ['text', 'image', 'reference'],
    aspectRatios: [...WIDE_TALL_SQUARE, '4:3'],
    qualities: ALL_QUALITIES,
  },
];

/** OV-12: the name that stands for any model where a document names none. */
export const PLACEHOLDER_MODEL: SandboxModel = {
  id: 'video-model-id',
  centsPerSecond: 2,
  minSeconds: 1,
  maxSeconds: 10,
  modes: ['text', 'image'],
  aspectRatios: WIDE_TALL_SQUARE,
  qualities: ALL_QUALITIES,
};

/** What a face read from a create, in the vocabulary of all faces; what the caller left out is undefined. */
export interface WantedClip {
  readonly model: string;
  readonly mode: Mode;
  readonly images: number;
  readonly seconds: number | undefined;
  readonly aspectRatio: string | undefined;
  readonly quality: string | undefined;
}

/** The same with the model's defaults filled in. */
export interface PricedClip {
  readonly seconds: number;
  readonly aspectRatio: string;
  readonly quality: string;
  readonly estimateMicroUsd: number;
}

const MICRO_USD_PER_CENT = 10_000;

function refuse(field: keyof WantedClip, problem: string): never {
  throw new SandboxRefusal(400, 'invalid_request', problem, { field });
}

interface Choice {
  readonly field: keyof WantedClip;
  readonly name: string;
}

function choose({ field, name }: Choice, value: string | undefined, allowed: readonly string[]): string {
  const chosen = value ?? allowed[0] ?? '';
  if (!allowed.includes(chosen)) refuse(field, `${name} must be one of ${allowed.join(', ')}, not ${chosen}`);
  return chosen;
}

/** The offered model of this name. */
export function findModel(id: string, offered: readonly SandboxModel[]): SandboxModel {
  const model = offered.find((each) => each.id === id);
  if (model) return model;
  throw new SandboxRefusal(400, 'model_not_found', `there is no video model ${id}`, { field: 'model' });
}

/** Checks a clip against its model among those offered and prices it: seconds times the model's price (AF-47). */
export function priceClip(clip: WantedClip, offered: readonly SandboxModel[] = SANDBOX_MODELS): PricedClip {
  const model = findModel(clip.model, offered);
  choose({ field: 'mode', name: 'mode' }, clip.mode, model.modes);
  // AF-15: the other modes start from images.
  if (clip.mode !== 'text' && clip.images === 0) refuse('images', `mode ${clip.mode} needs input_images`);
  // AF-12: the model's minimum is the default.
  const seconds = clip.seconds ?? model.minSeconds;
  if (!Number.isInteger(seconds) || seconds < model.minSeconds || seconds > model.maxSeconds) {
    const { id, minSeconds, maxSeconds } = model;
    refuse('seconds', `duration of ${id} must be ${minSeconds} to ${maxSeconds} whole seconds, not ${seconds}`);
  }
  return {
    seconds,
    aspectRatio: choose({ field: 'aspectRatio', name: 'aspect_ratio' }, clip.aspectRatio, model.aspectRatios),
    quality: choose({ field: 'quality', name: 'quality' }, clip.quality, model.qualities),
    estimateMicroUsd: seconds * model.centsPerSecond * MICRO_USD_PER_CENT,
  };
}
