/** Prices before anything is made: what a create would cost, and at which account. */

import { eq } from 'drizzle-orm';
import { Refusal } from '../domain/failure.ts';
import { chooseOffer, estimateMicroUsd, type ModelOffer } from '../domain/models.ts';
import type { MicroUsd } from '../domain/money.ts';
import type { ProviderName } from '../domain/vendor.ts';
import type { Mode, VideoDraft } from '../domain/video-request.ts';
import type { Db } from './database.ts';
import { accounts } from './schema.ts';

/** Which model to take where none is named (IN-11). */
export type Preference = 'balanced' | 'cheapest' | 'smartest';

/** What a price is asked for: as in a create, without what costs nothing. */
export interface EstimateOrder {
  readonly model?: string | undefined;
  /** Only asked where no model is named; `balanced` when absent. */
  readonly prefer?: Preference | undefined;
  readonly durationSeconds?: number | undefined;
  readonly aspectRatio?: string | undefined;
  readonly quality?: string | undefined;
  /** `text` when absent. */
  readonly mode?: Mode | undefined;
}

/** What a create would be priced at, and where it would be made. */
export interface Estimate {
  readonly estimateMicroUsd: MicroUsd;
  readonly model: string;
  readonly provider: ProviderName;
  readonly account: string;
}

interface Priced {
  readonly offer: ModelOffer;
  readonly amountMicroUsd: MicroUsd;
}

function toDraft(order: EstimateOrder, model: string): VideoDraft {
  const { mode = 'text', durationSeconds, aspectRatio, quality } = order;
  return {
    model,
    mode,
    prompt: '',
    images: [],
    extra: {},
    ...(durationSeconds !== undefined && { durationSeconds }),
    ...(aspectRatio !== undefined && { aspectRatio }),
    ...(quality !== undefined && { quality }),
  };
}

function priceOf(order: EstimateOrder, model: string, offers: readonly ModelOffer[]): Priced {
  const own = offers.filter((offer) => offer.model === model);
  const { offer, values } = chooseOffer(toDraft(order, model), own);
  return { offer, amountMicroUsd: estimateMicroUsd(offer, values.durationSeconds) };
}

/** The price of each model that takes the request, cheapest first. */
function priceAll(order: EstimateOrder, offers: readonly ModelOffer[]): readonly Priced[] {
  const priced: Priced[] = [];
  for (const model of new Set(offers.map((offer) => offer.model))) {
    try {
      priced.push(priceOf(order, model, offers));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }
  return priced.sort((a, b) => a.amountMicroUsd - b.amountMicroUsd);
}

/** Where in the order of prices each preference looks; what is dearer is taken to be better. */
const PLACES = {
  cheapest: () => 0,
  balanced: (count) => Math.floor((count - 1) / 2),
  smartest: (count) => count - 1,
} as const satisfies Record<Preference, (count: number) => number>;

function choose(order: EstimateOrder, offers: readonly ModelOffer[]): Priced {
  if (order.model !== undefined) return priceOf(order, order.model, offers);
  const priced = priceAll(order, offers);
  const chosen = priced[PLACES[order.prefer ?? 'balanced'](priced.length)];
  if (!chosen) throw new Refusal('invalid_request', 'no model on offer takes such a request');
  return chosen;
}

/**
 * What a create would cost.
 * @param offers what the caller may use
 * @throws Refusal `unknown_model`, or `invalid_request` when nothing on offer takes the request.
 */
export async function estimatePrice(db: Db, order: EstimateOrder, offers: readonly ModelOffer[]): Promise<Estimate> {
  const { offer, amountMicroUsd } = choose(order, offers);
  const { model, account } = offer;
  const [row] = await db.select({ provider: accounts.provider }).from(accounts).where(eq(accounts.id, account));
  if (!row) throw new Error(`account ${account} is offered but not in the catalog`);
  return { estimateMicroUsd: amountMicroUsd, model, provider: row.provider, account };
}
