/** Tools for batches: many videos in one call, and how far they are. */

import type { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { GatewayFailure, readAnswer } from '../client/gateway-client.ts';
import { createBatch } from '../client/submit-batch.ts';
import { EncodedBody } from '../net/trusted/encoded-body.ts';
import { dryRunAnswer, invalidBatchAnswer, MANIFEST_TYPES, newBatchAnswer } from '../wire/clipyard/batches.ts';
import { text } from '../wire/clipyard/fields.ts';
import type { Agent } from './agent.ts';
import { BATCH, batchFacts, MOST_ITEMS } from './batch.ts';
import { argumentsOf, bodyOf, type CreateArguments, createShape, idempotencyKey } from './create-arguments.ts';
import { answerOrder } from './made.ts';
import { READS } from './offer-tools.ts';
import { CREATES } from './video-tools.ts';

type Item = CreateArguments & { readonly customId?: string | undefined };

/** Lines in the words of a create, each under its name. */
async function manifestOf(items: readonly Item[]): Promise<EncodedBody> {
  const lines = await Promise.all(
    items.map(async ({ customId, ...asked }) =>
      JSON.stringify({ ...(await bodyOf(asked)), ...(customId !== undefined && { custom_id: customId }) }),
    ),
  );
  return new EncodedBody(MANIFEST_TYPES.jsonl[0], Buffer.from(`${lines.join('\n')}\n`));
}

/** Names the items that a batch was refused for. */
function inWords(error: unknown): unknown {
  const { data } = invalidBatchAnswer.safeParse(error instanceof GatewayFailure ? error.body : undefined);
  if (data === undefined) return error;
  const told = data.invalid.map(({ line, code, message }) => `item ${line}: ${message} (${code})`);
  const { status, retryAfterMs } = error as GatewayFailure;
  return new GatewayFailure(`nothing was made: ${told.join('; ')}`, { status: status ?? 422, retryAfterMs });
}

function addCreate(server: McpServer, agent: Agent): void {
  const { gateway } = agent;
  const item = z.strictObject({
    ...createShape(agent.readsFiles),
    customId: text.optional().describe('What you call it; its number when left out.'),
  });
  server.registerTool(
    'create_batch',
    {
      title: 'Create many videos',
      description:
        `Has up to ${MOST_ITEMS} videos made in one call, which costs money. All are checked before any is made. It goes on by ` +
        'itself: the answer is the end, or after 50 seconds its id, for get_batch.',
      inputSchema: argumentsOf({ items: z.array(item).min(1).max(MOST_ITEMS), idempotencyKey }),
      annotations: CREATES,
    },
    async ({ items, idempotencyKey: key }, context) => {
      const body = await manifestOf(items);
      const send = async (dryRun?: 'true') => {
        try {
          return await createBatch(gateway, body, { query: { dryRun }, idempotencyKey: key });
        } catch (error) {
          throw inWords(error);
        }
      };
      return await answerOrder(agent, context, {
        work: BATCH,
        idempotencyKey: `batch ${key}`,
        price: async () => readAnswer(dryRunAnswer, await send('true')).estimateMicroUsd,
        make: async () => readAnswer(newBatchAnswer, await send()).id,
      });
    },
  );
}

function addGet(server: McpServer, { gateway }: Agent): void {
  server.registerTool(
    'get_batch',
    {
      title: 'Get a batch',
      description: 'How far a batch is, what it cost so far, and each of its videos with a link where it is completed.',
      inputSchema: argumentsOf({ id: text.describe('As it was answered by create_batch.') }),
      outputSchema: batchFacts,
      annotations: READS,
    },
    async ({ id }) => {
      const { isError: _ended, ...told } = await BATCH.answer(gateway, await BATCH.look(gateway, id));
      return told;
    },
  );
}

/** Adds them. */
export function addBatchTools(server: McpServer, agent: Agent): void {
  addCreate(server, agent);
  addGet(server, agent);
}
