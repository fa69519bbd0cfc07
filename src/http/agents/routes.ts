/** For agents: `POST /mcp`, the Model Context Protocol with the caller's key and without sessions, and `GET /llms.txt`. */

import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import { z } from 'zod';
import type { Caller } from '../../domain/caller.ts';
import { Refusal } from '../../domain/failure.ts';
import { keyOf } from '../authentication.ts';
import type { Tag } from '../own/operation.ts';
import { own } from '../own/own.ts';
import { renderInstructions } from './instructions.ts';

/** A message of a client, and who sent it. */
export interface McpMessage {
  /** Without its body; aborted when the client is gone. */
  readonly request: Request;
  /** As it was read: within the bounds of any JSON body. */
  readonly body: unknown;
  readonly caller: Caller;
  readonly apiKey: string;
}

export interface AgentRoutesOptions {
  /** What answers messages to this application: in JSON, or as a stream of events where there is progress to tell. */
  open(app: FastifyInstance): (message: McpMessage) => Promise<Response>;
  /** Where the gateway is reached. */
  readonly publicUrl: string;
  /** Of web pages that may ask beside those of the gateway itself; clients that are no web pages name none. */
  readonly origins: readonly string[];
}

const CACHE_SECONDS = 300;

const AGENTS: Tag = { name: 'agents', description: 'For agents, which find tools here in place of routes.' };

/** As far as the description of this API goes: the protocol has one of its own. */
const message = z.looseObject({
  jsonrpc: z.literal('2.0'),
  id: z.union([z.string(), z.int()]).optional(),
  method: z.string(),
});

/** A page that has its host name resolve to this machine is stopped by the origin that its browser names. */
function refuseForeign(origin: string | undefined, { publicUrl, origins }: AgentRoutesOptions): void {
  if (origin === undefined || origin === new URL(publicUrl).origin) return;
  if (origins.includes('*') || origins.includes(origin)) return;
  throw new Refusal('forbidden', 'web pages of this origin may not ask here');
}

/** As clients of the protocol say it; who says nothing, or takes anything, takes both (RFC 9110, 12.5.1). */
const BOTH = 'application/json, text/event-stream';
const takesAnything = (accept: string | undefined) => (accept ?? '*/*').trim() === '*/*';

/** A plugin with both; other methods of `/mcp` are answered with 405, since there are no sessions to listen to or to end. */
export function agentRoutes(options: AgentRoutesOptions): FastifyPluginAsync {
  return async (app) => {
    const answer = options.open(app);
    own(app, AGENTS, {
      method: 'POST',
      path: '/mcp',
      id: 'mcp',
      summary: 'The Model Context Protocol over streamable HTTP',
      description: 'One message of JSON-RPC a request, of the revisions 2026-07-28 and 2025-11-25; see docs/agents.md.',
      access: 'caller',
      bodies: { 'application/json': { schema: message, example: { jsonrpc: '2.0', id: 1, method: 'tools/list' } } },
      answers: {
        200: { meaning: 'The answer.', mediaTypes: ['application/json', 'text/event-stream'] },
        202: { meaning: 'A notification, which has no answer.', mediaTypes: [] },
        400: { meaning: 'No message of the protocol.', mediaTypes: ['application/json', 'application/problem+json'] },
        406: { meaning: 'Both of these types have to be accepted.', mediaTypes: ['application/json'] },
        415: { meaning: 'A message is JSON.', mediaTypes: ['application/json', 'application/problem+json'] },
      },
      refusals: ['forbidden'],
      handle: async ({ caller, request, reply }) => {
        refuseForeign(request.headers.origin, options);
        if (Array.isArray(request.body)) throw new Refusal('invalid_request', 'send one message a request');
        const gone = new AbortController();
        reply.raw.once('close', () => gone.abort());
        const headers = Object.entries(request.headers).flatMap(([name, value]) =>
          value === undefined ? [] : [[name, [value].flat().join(', ')] as [string, string]],
        );
        const url = new URL(request.url, 'http://mcp.invalid');
        const asked = new Request(url, { method: 'POST', headers, signal: gone.signal });
        if (takesAnything(request.headers.accept)) asked.headers.set('accept', BOTH);
        const apiKey = keyOf(request) ?? '';
        return reply.send(await answer({ request: asked, body: request.body, caller, apiKey }));
      },
    });

    own(app, AGENTS, {
      method: 'GET',
      path: '/llms.txt',
      id: 'getInstructions',
      summary: 'How an agent uses this API, in a page of plain text',
      access: 'none',
      answers: { 200: { meaning: 'Markdown.', mediaTypes: ['text/plain'] } },
      handle: ({ reply }) =>
        reply
          .headers({ 'content-type': 'text/plain; charset=utf-8', 'cache-control': `public, max-age=${CACHE_SECONDS}` })
          .send(renderInstructions(options.publicUrl)),
    });
  };
}
