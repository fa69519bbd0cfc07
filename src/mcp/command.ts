/** `clipyard mcp`: the MCP server that an agent's client starts. */

import type { Command } from 'commander';
import { microUsdFromDollars } from '../client/option-values.ts';
import { type FindGateway, runCommand } from '../client/run-command.ts';

/** Adds the command. */
export function addMcpCommand(program: Command, findGateway: FindGateway): void {
  program
    .command('mcp')
    .description('an MCP server over stdio for agents, against a running gateway')
    .option(
      '--max-usd <dollars>',
      'what the session may spend, by the estimates of what it creates',
      microUsdFromDollars,
    )
    .action(({ maxUsd }: { readonly maxUsd?: number }) =>
      runCommand(findGateway, {}, async ({ gateway }) => {
        const { serveAgent } = await import('./stdio.ts');
        await serveAgent(gateway, maxUsd ?? null);
      }),
    );
}
