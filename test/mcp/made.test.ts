/** What is answered about something that was made, where the gateway goes away before all of it is told. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ServerContext } from '@modelcontextprotocol/server';
import { GatewayClient, GatewayFailure, GatewayUnreachable } from '../../src/client/gateway-client.ts';
import { CreateInDoubt } from '../../src/client/send-once.ts';
import type { Agent } from '../../src/mcp/agent.ts';
import { BATCH } from '../../src/mcp/batch.ts';
import { Budget } from '../../src/mcp/budget.ts';
import { answerOrder } from '../../src/mcp/made.ts';
import { VIDEO } from '../../src/mcp/video.ts';
import type { Work } from '../../src/mcp/work.ts';
import { BATCH_PATHS } from '../../src/wire/clipyard/batches.ts';
import { pathOf } from '../../src/wire/path.ts';

const RUNNING = {
  ...{ id: 'batch_1', name: null, state: 'in_progress', total: 1, estimateMicroUsd: 1, costMicroUsd: 0, invalid: [] },
  ...{ window: '24h', callbackUrl: null, retryOf: null, inputFileId: null, outputFileId: null, errorFileId: null },
  ...{ createdAt: '2026-11-30T09:00:00Z', expiresAt: '2026-12-01T09:00:00Z', endedAt: null, expectedEndAt: null },
  counts: { queued: 1, running: 0, completed: 0, failed: 0, cancelled: 0, expired: 0 },
  workflowUrl: null,
};

/** A gateway that tells of a batch and then, and of all else, that it is going away. */
const leaving = createServer(({ url = '' }, response) => {
  const isKnown = url === pathOf(BATCH_PATHS.batch, RUNNING.id);
  response.writeHead(isKnown ? 200 : 503, { 'content-type': 'application/json' });
  response.end(JSON.stringify(isKnown ? RUNNING : { detail: 'the gateway is stopping', status: 503 }));
});
let agent: Agent;

beforeAll(async () => {
  await new Promise<void>((resolve) => leaving.listen(0, '127.0.0.1', resolve));
  const { signal } = new AbortController();
  const url = `http://127.0.0.1:${(leaving.address() as AddressInfo).port}`;
  const gateway = new GatewayClient({ url, apiKey: 'sk-agent' }, signal);
  agent = { gateway, budget: null, readsFiles: false, stopping: signal, beginWait: () => null };
});
afterAll(async () => {
  leaving.closeAllConnections();
  await new Promise((resolve) => leaving.close(resolve));
});

const context = { mcpReq: { signal: new AbortController().signal } } as unknown as ServerContext;

function make<Seen>(work: Work<Seen>, made: Promise<string>, budget: Budget | null = null) {
  const order = { work, idempotencyKey: 'order', price: async () => 1, make: () => made };
  return answerOrder({ ...agent, budget }, context, order);
}

test('what was made is told by its id, however much of it the gateway still tells', async () => {
  await expect(make(BATCH, Promise.resolve(RUNNING.id))).rejects.toThrow(
    /^batch_1 was made .*the gateway is stopping.*; next: call get_batch with {"id":"batch_1"}/,
  );
  await expect(make(VIDEO, Promise.resolve('video_1'))).rejects.toThrow(
    /^video_1 was made .*; next: call get_video with {"id":"video_1"}/,
  );
});

test('what may have been made is asked for by the same call, and not by an option of the command line', async () => {
  const lost = Promise.reject(new CreateInDoubt('the answer was lost', 'order'));
  await expect(make(VIDEO, lost)).rejects.toThrow(
    /^the answer was lost; it may have been made all the same: call this again .* idempotencyKey$/,
  );
});

test.each([
  ['never sent', new GatewayUnreachable('connection refused'), 5],
  ['refused', new GatewayFailure('no credit', { status: 402 }), 5],
  ['lost', new CreateInDoubt('the answer was lost', 'order'), 4],
])('a create that was %s leaves the session what it may still spend', async (_what, error, leftMicroUsd) => {
  const budget = new Budget(5);
  await expect(make(VIDEO, Promise.reject(error), budget)).rejects.toThrow(error.message.split(';')[0]);
  expect(budget.leftMicroUsd).toBe(leftMicroUsd);
});
