/** Models: what is offered at which account, which requests they take, and what a request costs. */

import { Refusal } from './failure.ts';
import type { MicroUsd } from './money.ts';
import { PROVIDER_FACTS, type ProviderName } from './vendor.ts';
import type { Mode, VideoDraft } from './video-request.ts';

/** What a model can do; an empty list means that the upstream states no restriction. */
export interface Capabilities {
  readonly modes: readonly Mode[];
  readonly aspectRatios: readonly string[];
  readonly qualities: readonly string[];
  readonly minDurationSeconds: number;
  readonly maxDurationSeconds: number;
  /** The exact durations on offer, where the upstream takes only certain ones. */
  readonly durationsSeconds: readonly number[] | null;
}

/** A model as an upstream publishes it. */
export interface PublishedModel {
  /** What its upstream calls it. */
  readonly upstreamModel: string;
  readonly pricePerSecondMicroUsd: MicroUsd;
  readonly capabilities: Capabilities;
}

/** A model that the operator offers beside those that a provider publishes. */
export interface ModelConfig extends Capabilities, Omit<PublishedModel, 'capabilities'> {
  readonly id: string;
  /** In order of preference. */
  readonly accounts: readonly string[];
}

/** One model at one account: the same model id may be offered by several. */
export interface ModelOffer extends PublishedModel {
  /** What callers send. */
  readonly model: string;
  readonly account: string;
  /** Whose account that is. */
  readonly provider: ProviderName;
  /** How many input images it takes; as its provider does where absent. */
  readonly mostImages?: number | null;
}

/** The values a draft resolves to at an offer: defaults filled in, so that what is priced is what is sent. */
export interface ResolvedValues {
  readonly durationSeconds: number;
  readonly aspectRatio: string | null;
  readonly quality: string | null;
}

function refuse(param: string, problem: string): never {
  throw new Refusal('invalid_request', problem, { param });
}

function resolveDuration(draft: VideoDraft, { capabilities, model }: ModelOffer): number {
  const { minDurationSeconds: min, maxDurationSeconds: max, durationsSeconds } = capabilities;
  // AF-12: the default is the model's minimum; among certain durations, the shortest of them.
  const duration = draft.durationSeconds ?? (durationsSeconds === null ? min : Math.min(...durationsSeconds));
  if (durationsSeconds !== null && !durationsSeconds.includes(duration)) {
    refuse('duration_seconds', `model ${model} makes clips of ${durationsSeconds.join(', ')} seconds, not ${duration}`);
  }
  if (duration < min || duration > max) {
    refuse('duration_seconds', `model ${model} makes clips of ${min} to ${max} seconds, not ${duration}`);
  }
  return duration;
}

function resolveChoice(param: string, value: string | undefined, allowed: readonly string[], model: string) {
  if (value !== undefined && allowed.length > 0 && !allowed.includes(value)) {
    refuse(param, `model ${model} takes ${allowed.join(', ')}, not ${value}`);
  }
  // The first in the model's own list is its default; a model without a list is sent none.
  return value ?? allowed[0] ?? null;
}

/** What the account's API has no words for is refused here, where another account may still have them. */
function checkImages({ mode, images }: VideoDraft, { model, provider, mostImages }: ModelOffer): void {
  const most = mostImages ?? PROVIDER_FACTS[provider].mostImages;
  if (most === 0 && mode !== 'text') refuse('mode', `model ${model} is offered by ${provider}, which takes no images`);
  if (images.length <= most) return;
  refuse('input_images', `model ${model} takes ${most} input images at ${provider}, not ${images.length}`);
}

/**
 * Checks a draft against an offer and fills in the model's defaults.
 * @throws Refusal `invalid_request` naming the parameter and the allowed values.
 */
export function resolveDraft(draft: VideoDraft, offer: ModelOffer): ResolvedValues {
  const { capabilities, model } = offer;
  if (capabilities.modes.length > 0 && !capabilities.modes.includes(draft.mode)) {
    refuse('mode', `model ${model} takes the modes ${capabilities.modes.join(', ')}, not ${draft.mode}`);
  }
  checkImages(draft, offer);
  return {
    durationSeconds: resolveDuration(draft, offer),
    aspectRatio: resolveChoice('aspect_ratio', draft.aspectRatio, capabilities.aspectRatios, model),
    quality: resolveChoice('quality', draft.quality, capabilities.qualities, model),
  };
}

/** What a clip costs at an offer: seconds times the model's price (AF-47). */
export function estimateMicroUsd(offer: ModelOffer, durationSeconds: number): MicroUsd {
  return Math.round(offer.pricePerSecondMicroUsd * durationSeconds);
}

/**
 * The offer that a draft is priced at, the first in order of preference that takes it, with the values it resolves to.
 * @throws Refusal `unknown_model` without an offer, or why the most preferred one does not take the draft.
 */
export function chooseOffer(draft: VideoDraft, offers: readonly ModelOffer[]) {
  let refusal: unknown;
  for (const offer of offers) {
    try {
      return { offer, values: resolveDraft(draft, offer) };
    } catch (error) {
      refusal ??= error;
    }
  }
  throw refusal ?? new Refusal('unknown_model', `model ${draft.model} is not on offer`, { param: 'model' });
}
