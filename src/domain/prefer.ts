/** Choosing a model for a request that names none, by what its caller prefers. */

import { Refusal } from './failure.ts';
import { chooseOffer, type ModelOffer, type ResolvedValues } from './models.ts';
import type { Preference, VideoDraft } from './video-request.ts';

/** An offer that takes a draft, and the values it resolves to there. */
export interface ChosenOffer {
  readonly offer: ModelOffer;
  readonly values: ResolvedValues;
}

/**
 * Where among the models that take a request, ordered by the price of a second, each preference looks (X16). No
 * document says how good a model is, so the dearest is taken for the smartest and the middle one for the best value.
 */
const PLACE_OF = {
  cheapest: () => 0,
  balanced: (count: number) => Math.floor((count - 1) / 2),
  smartest: (count: number) => count - 1,
} as const satisfies Record<Preference, (count: number) => number>;

/** Models that a refusal says something of. */
const MOST_REASONS = 5;

/** For each model that takes the draft, its most preferred account that does; and why each of the others does not. */
function offersThatTake(draft: VideoDraft, offers: readonly ModelOffer[]) {
  const chosen: ChosenOffer[] = [];
  const refusals: Refusal[] = [];
  for (const model of new Set(offers.map((offer) => offer.model))) {
    try {
      const own = offers.filter((offer) => offer.model === model);
      chosen.push(chooseOffer(draft, own));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refusals.push(error);
    }
  }
  return { chosen, refusals };
}

/**
 * The offer that suits a preference best among those that take the draft.
 * @throws Refusal `invalid_request` when none does.
 */
function chooseByPreference(draft: VideoDraft, prefer: Preference, offers: readonly ModelOffer[]): ChosenOffer {
  const { chosen, refusals } = offersThatTake(draft, offers);
  chosen.sort((a, b) => a.offer.pricePerSecondMicroUsd - b.offer.pricePerSecondMicroUsd);
  const best = chosen[PLACE_OF[prefer](chosen.length)];
  if (best !== undefined) return best;
  const reasons = refusals.slice(0, MOST_REASONS).map(({ message }) => message);
  const others = refusals.length > MOST_REASONS ? [`${refusals.length - MOST_REASONS} more do not`] : [];
  const told = [...reasons, ...others].join('; ');
  const param = refusals[0]?.param;
  throw new Refusal('invalid_request', `no model on offer takes this request${told && `: ${told}`}`, {
    ...(param !== undefined && { param }),
  });
}

/**
 * The offer that a draft is priced at: of the model it names, or of the one that its preference chooses.
 * @param offers what its caller may use
 * @throws Refusal `unknown_model`, or `invalid_request` when nothing on offer takes the draft.
 */
export function choose(draft: VideoDraft, offers: readonly ModelOffer[]): ChosenOffer {
  const { model, prefer = 'balanced' } = draft;
  if (model === null) return chooseByPreference(draft, prefer, offers);
  const own = offers.filter((offer) => offer.model === model);
  return chooseOffer(draft, own);
}
