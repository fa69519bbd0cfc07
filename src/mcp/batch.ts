/** A batch as agents see it: how far it is, what it costs, and where its clips are. */

import { z } from 'zod';
import { type Batch, countLines, describeCounts, lookAtBatch } from '../client/batch-answers.ts';
import { readAnswer } from '../client/gateway-client.ts';
import { dollars } from '../client/output.ts';
import { queryOf } from '../client/query.ts';
import { BATCH_STATES, LINE_STATES } from '../domain/batch.ts';
import { BATCH_PATHS, type batchItem, batchItemsAnswer } from '../wire/clipyard/batches.ts';
import { pathOf } from '../wire/path.ts';
import { answer, FIELDS, nextOf, type Work } from './work.ts';

/** Of one `create_batch`; as many are told of one. */
export const MOST_ITEMS = 100;

export const batchFacts = z.object({
  id: z.string(),
  name: z.string().nullable(),
  state: z.enum(BATCH_STATES),
  counts: z.object(Object.fromEntries(LINE_STATES.map((state) => [state, z.int()] as const))),
  total: z.int().describe('How many clips.'),
  price: FIELDS.price,
  estimateMicroUsd: FIELDS.money,
  costMicroUsd: FIELDS.money.describe('Charged so far, in micro-dollars.'),
  expectedEndAt: z.string().nullable(),
  createdAt: z.string(),
  endedAt: z.string().nullable(),
  items: z
    .array(
      z.object({
        customId: z.string(),
        state: z.enum(LINE_STATES),
        videoId: z.string().nullable(),
        url: FIELDS.link,
        failure: FIELDS.failure,
      }),
    )
    .describe(`The first ${MOST_ITEMS}, in their order.`),
  next: FIELDS.next,
});

function priceOf({ endedAt, estimateMicroUsd, costMicroUsd }: Batch): string {
  const paid = `${dollars(costMicroUsd)}`;
  return endedAt === null ? `about ${dollars(estimateMicroUsd)}, ${paid} so far` : paid;
}

function factsOf(batch: Batch, lines: readonly z.infer<typeof batchItem>[]): z.infer<typeof batchFacts> {
  const { id, name, state, counts, total, estimateMicroUsd, costMicroUsd, expectedEndAt, createdAt, endedAt } = batch;
  return {
    ...{ id, name, state, counts, total, estimateMicroUsd, costMicroUsd, expectedEndAt, createdAt, endedAt },
    price: priceOf(batch),
    items: lines.map((line) => ({
      customId: line.customId,
      state: line.state,
      videoId: line.videoId,
      url: line.archive?.url ?? null,
      failure: line.failure,
    })),
    next: endedAt === null ? nextOf(BATCH, id) : null,
  };
}

/** What it is, what it costs and what to do, and a line for each clip. */
function describeBatch(batch: Batch, { id, price, items, next }: z.infer<typeof batchFacts>): string {
  const head = [`${id}: ${batch.state}, ${describeCounts(batch)}, ${price}`, next && `next: ${next}`];
  const lines = items.map(({ customId, state, videoId, url, failure }) =>
    [customId, state, videoId, url ?? failure?.message].filter(Boolean).join(' '),
  );
  return [head.filter(Boolean).join('; '), ...lines].join('\n');
}

export const BATCH: Work<Batch> = {
  tool: 'get_batch',
  look: async (gateway, id) => (await lookAtBatch(gateway, id)).batch,
  idOf: ({ id }) => id,
  estimateOf: ({ estimateMicroUsd }) => estimateMicroUsd,
  hasEnded: ({ endedAt }) => endedAt !== null,
  isCancelled: ({ state }) => state === 'cancelled',
  progressOf(batch) {
    const { all, ended } = countLines(batch);
    return all === 0 ? 0 : Math.floor((100 * ended) / all);
  },
  describe: (batch) => `${batch.state}, ${describeCounts(batch)}, ${priceOf(batch)}`,
  times: ({ createdAt, endedAt }) => ({ createdAt, changedAt: endedAt ?? createdAt, expiresAt: null }),
  async answer(gateway, batch) {
    const path = pathOf(BATCH_PATHS.batchItems, batch.id) + queryOf({ limit: MOST_ITEMS });
    const { items } = readAnswer(batchItemsAnswer, await gateway.ask({ method: 'GET', path }));
    const facts = factsOf(batch, items);
    return { ...answer(facts, describeBatch(batch, facts)), isError: batch.state === 'failed' };
  },
  cancel: (gateway, id) => gateway.ask({ method: 'POST', path: pathOf(BATCH_PATHS.cancelBatch, id) }),
};
