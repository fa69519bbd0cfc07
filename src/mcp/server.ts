/** The MCP server: tools, resources and tasks over a gateway, the same over stdio and HTTP. */

import { McpServer } from '@modelcontextprotocol/server';
import { VERSION } from '../net/user-agent.ts';
import type { Agent } from './agent.ts';
import { addBatchTools } from './batch-tools.ts';
import { addOfferTools } from './offer-tools.ts';
import { addResources } from './resources.ts';
import { addTasks } from './tasks.ts';
import { addVideoTools } from './video-tools.ts';

const INSTRUCTIONS = `Clipyard makes videos. They take minutes and cost money.
Choose a model with list_models, ask estimate for the price, then call create_video once, with an idempotencyKey of your own.
What was created goes on by itself, also when this connection is lost: if a call times out, call it again with the same
idempotencyKey, or get_video with the id. Links to clips work without a key until they expire; give them to the user at once.`;

/** Tools and resources stay as they are. */
const CAPABILITIES = { tools: { listChanged: false }, resources: { listChanged: false } };

/** One for each connection, or each request where connections are not kept. */
export function buildServer(agent: Agent): McpServer {
  const information = { name: 'clipyard', version: VERSION, title: 'Clipyard' };
  const server = new McpServer(information, { instructions: INSTRUCTIONS, capabilities: CAPABILITIES });
  addOfferTools(server, agent);
  addVideoTools(server, agent);
  addBatchTools(server, agent);
  addResources(server, agent);
  addTasks(server, agent);
  return server;
}
