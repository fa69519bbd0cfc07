/** Prices before anything is made: what a create would cost, and at which account. */

import { eq } from 'drizzle-orm';
import { defined } from '../domain/defined.ts';
import { estimateMicroUsd, type ModelOffer } from '../domain/models.ts';
import type { MicroUsd } from '../domain/money.ts';
import { choose } from '../domain/prefer.ts';
import type { ProviderName } from '../domain/vendor.ts';
import type { Mode, Preference, VideoDraft } from '../domain/video-request.ts';
import type { Db } from './driver/database.ts';
import { accounts } from './tables/accounts.ts';

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

function toDraft({ model, mode = 'text', ...wanted }: EstimateOrder): VideoDraft {
  return { ...defined(wanted), model: model ?? null, mode, prompt: '', images: [], extra: {} };
}

/**
 * What a create would cost.
 * @param offers what the caller may use
 * @throws Refusal `unknown_model`, or `invalid_request` when nothing on offer takes the request.
 */
export async function estimatePrice(db: Db, order: EstimateOrder, offers: readonly ModelOffer[]): Promise<Estimate> {
  const { offer, values } = choose(toDraft(order), offers);
  const { model, account } = offer;
  const [row] = await db.select({ provider: accounts.provider }).from(accounts).where(eq(accounts.id, account));
  if (!row) throw new Error(`account ${account} is offered but not in the catalog`);
  return { estimateMicroUsd: estimateMicroUsd(offer, values.durationSeconds), model, provider: row.provider, account };
}
