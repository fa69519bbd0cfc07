/** Tools that make nothing: which models there are, what a clip would cost, and what is left to spend. */

import type { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { type GatewayClient, readAnswer } from '../client/gateway-client.ts';
import { dollars, duration } from '../client/output.ts';
import { defined } from '../domain/defined.ts';
import { PROVIDERS } from '../domain/vendor.ts';
import { MODES } from '../domain/video-request.ts';
import { MODEL_PATHS, modelsAnswer } from '../wire/clipyard/models.ts';
import { balanceAnswer, estimateAnswer, MONEY_PATHS } from '../wire/clipyard/money.ts';
import type { Agent } from './agent.ts';
import { argumentsOf, model, settings } from './create-arguments.ts';
import { answer, FIELDS } from './work.ts';

/** Of tools that change nothing. */
export const READS = { readOnlyHint: true, openWorldHint: false } as const;

const modelFacts = z.object({
  id: z.string(),
  provider: z.enum(PROVIDERS),
  modes: z.array(z.enum(MODES)),
  durationsSeconds: z.array(z.number()).nullable().describe('The only ones, where there are such.'),
  minDurationSeconds: z.number(),
  maxDurationSeconds: z.number(),
  aspectRatios: z.array(z.string()).describe('None: no restriction is known.'),
  qualities: z.array(z.string()).describe('None: no restriction is known.'),
  pricePerSecondMicroUsd: FIELDS.money,
  price: z.string().describe('Of one second, in US dollars.'),
  lately: z
    .object({ clips: z.int(), p50Ms: z.int(), p90Ms: z.int() })
    .nullable()
    .describe('How long clips took here lately, from submission to end.'),
});
type ModelFacts = z.infer<typeof modelFacts>;

function describeModel({ id, price, modes, lately, ...limits }: ModelFacts): string {
  const { durationsSeconds, minDurationSeconds, maxDurationSeconds, aspectRatios, qualities } = limits;
  const seconds = durationsSeconds?.join(', ') ?? `${minDurationSeconds} to ${maxDurationSeconds}`;
  const words = [
    `${id}: ${price} a second, ${seconds} seconds, ${modes.join(', ')}`,
    aspectRatios.join(', '),
    qualities.join(', '),
    lately && `took ${duration(lately.p50Ms)} lately`,
  ];
  return words.filter(Boolean).join('; ');
}

function addModels(server: McpServer, { gateway }: Agent): void {
  server.registerTool(
    'list_models',
    {
      title: 'List models',
      description: 'The models on offer: what they can do, what a second costs, how long they took lately.',
      inputSchema: argumentsOf({}),
      outputSchema: z.object({ items: z.array(modelFacts) }),
      annotations: READS,
    },
    async () => {
      const { items } = readAnswer(modelsAnswer, await gateway.ask({ method: 'GET', path: MODEL_PATHS.models }));
      const facts = items.map(({ accounts: _accounts, ...offer }) => ({
        ...offer,
        price: `${dollars(offer.pricePerSecondMicroUsd)}`,
      }));
      return answer({ items: facts }, facts.map(describeModel).join('\n') || 'no models are on offer');
    },
  );
}

const estimated = { model, ...settings };

/** What a create would cost and where it would be made. */
export async function estimate(gateway: GatewayClient, asked: z.output<z.ZodObject<typeof estimated>>) {
  const body = defined(asked);
  return readAnswer(estimateAnswer, await gateway.ask({ method: 'POST', path: MONEY_PATHS.estimates, body }));
}

function addEstimate(server: McpServer, { gateway }: Agent): void {
  server.registerTool(
    'estimate',
    {
      title: 'Estimate a price',
      description: 'What a video would cost. Nothing is made, and nothing is spent.',
      inputSchema: argumentsOf(estimated),
      outputSchema: z.object({
        price: z.string().describe('In US dollars.'),
        estimateMicroUsd: FIELDS.money,
        model: z.string(),
        provider: z.enum(PROVIDERS),
        account: z.string(),
      }),
      annotations: READS,
    },
    async (asked) => {
      const facts = await estimate(gateway, asked);
      const price = `${dollars(facts.estimateMicroUsd)}`;
      return answer({ ...facts, price }, `about ${price} with ${facts.model}`);
    },
  );
}

function addBalance(server: McpServer, { gateway, budget }: Agent): void {
  server.registerTool(
    'get_balance',
    {
      title: 'Get the balance',
      description: "What the key's caller may still spend, has held for videos under way, and has spent.",
      inputSchema: argumentsOf({}),
      outputSchema: z.object({
        creditMicroUsd: FIELDS.money.nullable().describe('Null: no limit.'),
        heldMicroUsd: FIELDS.money,
        spentMicroUsd: FIELDS.money,
        availableMicroUsd: FIELDS.money,
        sessionMicroUsd: FIELDS.money.nullable().describe('What this session may still spend; null: no limit.'),
      }),
      annotations: READS,
    },
    async () => {
      const balance = readAnswer(balanceAnswer, await gateway.ask({ method: 'GET', path: MONEY_PATHS.balance }));
      const sessionMicroUsd = budget?.leftMicroUsd ?? null;
      const { creditMicroUsd, availableMicroUsd, heldMicroUsd, spentMicroUsd } = balance;
      const available = creditMicroUsd === null ? 'no limit' : `${dollars(availableMicroUsd)} available`;
      const session = sessionMicroUsd === null ? '' : `; this session may still spend ${dollars(sessionMicroUsd)}`;
      const text = `${available}, ${dollars(heldMicroUsd)} held, ${dollars(spentMicroUsd)} spent${session}`;
      return answer({ ...balance, sessionMicroUsd }, text);
    },
  );
}

/** Adds them. */
export function addOfferTools(server: McpServer, agent: Agent): void {
  addModels(server, agent);
  addEstimate(server, agent);
  addBalance(server, agent);
}
