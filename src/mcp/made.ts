/** Having something made for an agent, once, within its budget: what the call answers is a task, the end, or how to go on. */

import type { CallToolResult, ServerContext } from '@modelcontextprotocol/server';
import { GatewayFailure, GatewayUnreachable } from '../client/gateway-client.ts';
import { CreateInDoubt } from '../client/send-once.ts';
import type { Agent } from './agent.ts';
import { takesTasks, toTask } from './tasks.ts';
import { LONGEST_CALL_MS, waitForEnd } from './wait.ts';
import { nextOf, type Work } from './work.ts';

/** A create whose answer was lost, again and again. */
const AGAIN = 'it may have been made all the same: call this again with the same arguments and idempotencyKey';

/** What is to be made. */
interface Order<Seen> {
  readonly work: Work<Seen>;
  readonly idempotencyKey: string;
  /** What it would cost, in micro-dollars; nothing is made. */
  price(): Promise<number>;
  /** Has it made, or finds what the same key has had made; its id. */
  make(): Promise<string>;
}

/** Refused for good, or never sent, so that nothing can have been made. */
function isUnmade(error: unknown): boolean {
  if (error instanceof GatewayUnreachable) return true;
  return error instanceof GatewayFailure && error.status !== null && error.status < 500;
}

/** What was made goes on, so its id is told also where the gateway tells nothing more of it. */
async function tellOf<Seen, Told>(work: Work<Seen>, id: string, asked: Promise<Told>): Promise<Told> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof GatewayFailure)) throw error;
    const words = `${id} was made and goes on by itself, but how it is cannot be told: ${error.message}`;
    throw new Error(`${words}; next: ${nextOf(work, id)}`, { cause: error });
  }
}

async function makeWithin<Seen>({ gateway, budget }: Agent, order: Order<Seen>): Promise<Seen> {
  const { work, idempotencyKey, price, make } = order;
  const reserved = budget?.reserve(idempotencyKey, await price());
  const id = await make().catch((error: unknown) => {
    if (isUnmade(error)) reserved?.release();
    throw error instanceof CreateInDoubt ? new Error(`${error.reason}; ${AGAIN}`, { cause: error }) : error;
  });
  const made = await tellOf(work, id, work.look(gateway, id));
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
  const seen = await waitForEnd(agent, context, { work, made, timeUp });
  return await tellOf(work, work.idOf(seen), work.answer(agent.gateway, seen));
}
