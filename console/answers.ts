/** What our own routes answer, by the schemas that they are held to. */

import type { z } from 'zod';
import type { accountAnswer } from '../src/wire/clipyard/accounts.ts';
import type { batchAnswer, batchItem, dryRunAnswer, newBatchAnswer } from '../src/wire/clipyard/batches.ts';
import type { bulkAnswer } from '../src/wire/clipyard/bulk.ts';
import type { callerAnswer, newCallerAnswer } from '../src/wire/clipyard/callers.ts';
import type { sessionAnswer } from '../src/wire/clipyard/console.ts';
import type { filmAnswer } from '../src/wire/clipyard/films.ts';
import type { modelsAnswer } from '../src/wire/clipyard/models.ts';
import type { balanceAnswer, costsAnswer, estimateAnswer, ledgerAnswer } from '../src/wire/clipyard/money.ts';
import type { videoAnswer, videoListAnswer } from '../src/wire/clipyard/videos.ts';
import type {
  deliveryAnswer,
  deliveryLogAnswer,
  endpointAnswer,
  newEndpointAnswer,
} from '../src/wire/clipyard/webhooks.ts';

export type Video = z.output<typeof videoAnswer>;
export type VideoState = Video['state'];
export type VideoPage = z.output<typeof videoListAnswer>;
export type Session = z.output<typeof sessionAnswer>;
export type Model = z.output<typeof modelsAnswer>['items'][number];
export type Estimate = z.output<typeof estimateAnswer>;
export type Balance = z.output<typeof balanceAnswer>;
export type LedgerPage = z.output<typeof ledgerAnswer>;
export type Entry = LedgerPage['items'][number];
export type CostItem = z.output<typeof costsAnswer>['items'][number];
export type Account = z.output<typeof accountAnswer>;
export type Caller = z.output<typeof callerAnswer>;
export type NewCaller = z.output<typeof newCallerAnswer>;
export type Bulk = z.output<typeof bulkAnswer>;
export type Batch = z.output<typeof batchAnswer>;
export type NewBatch = z.output<typeof newBatchAnswer> | z.output<typeof dryRunAnswer>;
export type BatchItem = z.output<typeof batchItem>;
export type Film = z.output<typeof filmAnswer>;
export type Endpoint = z.output<typeof endpointAnswer>;
export type NewEndpoint = z.output<typeof newEndpointAnswer>;
export type DeliveryLog = z.output<typeof deliveryLogAnswer>;
export type Delivery = z.output<typeof deliveryAnswer>;

/** A list as our routes page it. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}
