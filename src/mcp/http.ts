/** The MCP server over HTTP: a server for each message, which asks the gateway's own routes with the caller's key. */

import { createMcpHandler } from '@modelcontextprotocol/server';
import { GatewayClient } from '../client/gateway-client.ts';
import { CallerPlaces } from '../domain/caller-places.ts';
import type { Agent } from './agent.ts';
import { buildServer } from './server.ts';

/** Calls of one caller that wait in this process; more are answered at once. */
const MOST_WAITS = 50;

/** A message, and whose it is. */
export interface AgentMessage {
  readonly request: Request;
  readonly body: unknown;
  readonly callerId: string;
  readonly apiKey: string;
}

export interface AgentServerOptions {
  /** Where the gateway of this process listens, without a trailing slash. */
  gatewayUrl(): string;
  /** Aborted when the process stops. */
  readonly stopping: AbortSignal;
}

/** What answers messages; nothing of them is kept, so the next one may come to any process. */
export function createAgentServer({ gatewayUrl, stopping }: AgentServerOptions) {
  const waits = new CallerPlaces(MOST_WAITS);
  // What is being created is not given up while the process stops: it answers what it has taken.
  const always = new AbortController().signal;
  const agentOf = (callerId: string, apiKey: string): Agent => ({
    gateway: new GatewayClient({ url: gatewayUrl(), apiKey }, always),
    // The caller's credit is the limit: there is no session to count in.
    budget: null,
    readsFiles: false,
    stopping,
    beginWait: () => waits.take(callerId),
  });
  const handler = createMcpHandler(
    ({ authInfo: { clientId, token } = { clientId: '', token: '' } }) => buildServer(agentOf(clientId, token)),
    // Nothing changes that could be told of, and a stream without an end would keep a process from stopping.
    { maxSubscriptions: 0 },
  );
  return async ({ request, body, callerId, apiKey }: AgentMessage): Promise<Response> =>
    await handler.fetch(request, {
      authInfo: { token: apiKey, clientId: callerId, scopes: [] },
      ...(body !== undefined && { parsedBody: body }),
    });
}
