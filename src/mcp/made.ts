/** Having something made for an agent, once, within its budget: what the call answers is a task, the end, or how to go on. */

import type { CallToolResult, ServerContext } from '@modelcontextprotocol/server';
import { GatewayFailure } from '../client/gateway-client.ts';
import type { Agent } from './agent.ts';
import { takesTasks, toTask } from './tasks.ts';
import { LONGEST_CALL_MS, waitForEnd } from './wait.ts';
import type { Work } from './work.ts';

/** What is to be made. */
interface Order<Seen> {
  readonly work: Work<Seen>;
  readonly idempotencyKey: string;
  /** What it would cost, in micro-dollars; nothing is made. */
  price(): Promise<number>;
  /** Has it made, or finds what the same key has had made; its id. */
  make(): Promise<string>;
}

/** Refused for good, so that nothing can have been made. */
function isRefusal(error: unknown): boolean {
  return error instanceof GatewayFailure && error.status !== null && error.status < 500;
}

async function makeWithin<Seen>({ gateway, budget }: Agent, order: Order<Seen>): Promise<Seen> {
  const { work, idempotencyKey, price, make } = order;
  const reserved = budget?.reserve(idempotencyKey, await price());
  const id = await make().catch((error: unknown) => {
    if (isRefusal(error)) reserved?.release();
    throw error;
  });
  const made = await work.look(gateway, id);
  reserved?.settle(work.estimateOf(made));
  return made;
}

/** @throws Error in words for the agent where nothing was made, or where the same call has to be sent again. */
export async function answerOrder<Seen>(
  agent: Agent,
  context: ServerContext,
  order: Order<Seen>,
): Promise<CallToolResult> {
  const { work } = order;
  const timeUp = AbortSignal.timeout(LONGEST_CALL_MS);
  const made = await makeWithin(agent, order);
  if (takesTasks(context) && !work.hasEnded(made)) return toTask(work, made);
  return await work.answer(agent.gateway, await waitForEnd(agent, context, { work, made, timeUp }));
}
