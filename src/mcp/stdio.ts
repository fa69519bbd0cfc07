/** The MCP server over stdio: nothing but the protocol is written to standard output. */

import { once } from 'node:events';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import type { GatewayClient } from '../client/gateway-client.ts';
import { oneLine } from '../client/output.ts';
import type { Agent } from './agent.ts';
import { Budget } from './budget.ts';
import { buildServer } from './server.ts';

/** Serves the client at standard input, until it closes it or the process is told to stop. */
export async function serveAgent(gateway: GatewayClient, maxMicroUsd: number | null): Promise<void> {
  const agent: Agent = {
    gateway,
    // Of the process, however often its client begins anew.
    budget: maxMicroUsd === null ? null : new Budget(maxMicroUsd),
    readsFiles: true,
    stopping: gateway.signal,
    beginWait: () => () => undefined,
  };
  const onerror = (error: Error) => void process.stderr.write(`clipyard mcp: ${oneLine(error.message)}\n`);
  const connection = serveStdio(() => buildServer(agent), { onerror });
  const ends = [once(process.stdin, 'end'), once(process.stdin, 'close'), once(gateway.signal, 'abort')];
  await Promise.race(ends).catch(() => undefined);
  await connection.close();
}
