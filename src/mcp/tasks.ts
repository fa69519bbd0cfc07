/** The extension `io.modelcontextprotocol/tasks`: a task is a video or a batch under its own id, so it outlives every server. */

import {
  type CallToolResult,
  CLIENT_CAPABILITIES_META_KEY,
  type McpServer,
  MissingRequiredClientCapabilityError,
  ProtocolError,
  ProtocolErrorCode,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { GatewayFailure } from '../client/gateway-client.ts';
import type { Agent } from './agent.ts';
import { BATCH } from './batch.ts';
import { VIDEO } from './video.ts';
import type { Work } from './work.ts';

const EXTENSION = 'io.modelcontextprotocol/tasks';
const SUPPORTED = { extensions: { [EXTENSION]: {} } };
const POLL_MS = 5000;
const LONGEST_ID = 100;

/** What a request carries of its client. */
const declaration = z.looseObject({
  [CLIENT_CAPABILITIES_META_KEY]: z.looseObject({ extensions: z.looseObject({ [EXTENSION]: z.looseObject({}) }) }),
});

/** Whether the client of this request takes a task for an answer. */
export function takesTasks({ mcpReq: { envelope } }: ServerContext): boolean {
  return declaration.safeParse(envelope).success;
}

/** What is told of a task in each of its states. */
function factsOf<Seen>(work: Work<Seen>, seen: Seen) {
  const { createdAt, changedAt, expiresAt } = work.times(seen);
  return {
    taskId: work.idOf(seen),
    statusMessage: work.describe(seen),
    createdAt,
    lastUpdatedAt: changedAt,
    ttlMs: expiresAt === null ? null : Math.max(0, Date.parse(expiresAt) - Date.parse(createdAt)),
    pollIntervalMs: POLL_MS,
  };
}

/** In place of a tool's result, of what has just been made: it can be read from every process. */
export function toTask<Seen>(work: Work<Seen>, seen: Seen): CallToolResult {
  return { resultType: 'task', status: 'working', ...factsOf(work, seen), content: [] };
}

async function readTask<Seen>({ gateway }: Agent, work: Work<Seen>, id: string) {
  const seen = await work.look(gateway, id);
  const facts = factsOf(work, seen);
  if (!work.hasEnded(seen)) return { status: 'working', ...facts };
  if (work.isCancelled(seen)) return { status: 'cancelled', ...facts };
  // Also a video that failed: `failed` is for calls that could not be answered at all.
  return { status: 'completed', ...facts, result: { resultType: 'complete', ...(await work.answer(gateway, seen)) } };
}

/** Batches say so in their ids. */
const isBatch = (id: string) => id.startsWith('batch_');

/** Failures of the gateway in the protocol's own words. */
async function translate<Result>(exchange: Promise<Result>): Promise<Result> {
  try {
    return await exchange;
  } catch (error) {
    if (!(error instanceof GatewayFailure)) throw error;
    if (error.status === 404) throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'there is no such task');
    throw new ProtocolError(ProtocolErrorCode.InternalError, error.message);
  }
}

/** Adds the extension: its capability, and its three methods. */
export function addTasks(server: McpServer, agent: Agent): void {
  server.server.registerCapabilities(SUPPORTED);
  const params = z.looseObject({ taskId: z.string().min(1).max(LONGEST_ID) });
  const on = (method: string, handle: (id: string) => Promise<Record<string, unknown>>) =>
    server.server.setRequestHandler(method, { params, result: z.looseObject({}) }, async ({ taskId }, context) => {
      if (!takesTasks(context)) throw new MissingRequiredClientCapabilityError({ requiredCapabilities: SUPPORTED });
      return await translate(handle(taskId));
    });
  const { gateway } = agent;
  on('tasks/get', (id) => (isBatch(id) ? readTask(agent, BATCH, id) : readTask(agent, VIDEO, id)));
  on('tasks/cancel', async (id) => {
    await (isBatch(id) ? BATCH : VIDEO).cancel(gateway, id);
    return {};
  });
  // Nothing is ever asked of the client, so there is nothing to take over.
  on('tasks/update', async (id) => {
    await (isBatch(id) ? BATCH.look(gateway, id) : VIDEO.look(gateway, id));
    return {};
  });
}
