/** The gateway's MCP server as a part of a process: loaded when the first agent asks, and a client of its own gateway. */

import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { isWildcard } from '../config/values.ts';
import { Refusal } from '../domain/failure.ts';
import type { McpMessage } from '../http/agents/routes.ts';

/** Where a server that listens is reached on its own machine. @throws Refusal `unavailable` before it does. */
function urlOf({ server }: FastifyInstance): string {
  const address = server.address() as AddressInfo | null;
  if (address === null) throw new Refusal('unavailable', 'this server does not listen yet; try again');
  const { family, address: host, port } = address;
  if (family === 'IPv6') return `http://[${isWildcard(host) ? '::1' : host}]:${port}`;
  return `http://${isWildcard(host) ? '127.0.0.1' : host}:${port}`;
}

/** What answers the messages of agents that ask this application. */
export function openAgents(app: FastifyInstance, stopping: AbortSignal): (message: McpMessage) => Promise<Response> {
  const load = async () => {
    const { createAgentServer } = await import('../mcp/http.ts');
    return createAgentServer({ gatewayUrl: () => urlOf(app), stopping });
  };
  let loading: ReturnType<typeof load> | null = null;
  return async ({ request, body, caller, apiKey }) => {
    loading ??= load();
    const answer = await loading;
    return await answer({ request, body, apiKey, callerId: caller.id });
  };
}
