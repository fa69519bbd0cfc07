/** `clipyard costs`: what videos cost at a running gateway, one's own or, for root, everyone's. */

import type { Command } from 'commander';
import { COST_GROUPS, costsAnswer, MONEY_PATHS } from '../wire/clipyard/money.ts';
import { readAnswer } from './gateway-client.ts';
import { wordsAmong } from './option-values.ts';
import { dollars, renderTable } from './output.ts';
import { queryOf } from './query.ts';
import { type FindGateway, JSON_OPTION, type JsonFlag, runCommand } from './run-command.ts';

interface CostOptions extends JsonFlag {
  readonly from?: string;
  readonly to?: string;
  readonly by?: readonly string[];
  readonly caller?: string;
}

function renderCosts(answer: unknown, by: readonly string[]): string {
  const groups = COST_GROUPS.filter((name) => by.includes(name));
  const rows = readAnswer(costsAnswer, answer).items.map((item) => [
    ...groups.map((name) => item[name]),
    item.videos,
    dollars(item.settledMicroUsd),
    dollars(item.upstreamMicroUsd),
    dollars(item.lostMicroUsd),
  ]);
  return renderTable([...groups, 'videos', 'settled', 'upstream', 'lost'], rows, 'no costs');
}

/** Adds the command. */
export function addCostCommand(program: Command, findGateway: FindGateway): void {
  program
    .command('costs')
    .description('what ended videos cost: settled with callers, billed by upstreams, lost')
    .option('--from <time>', 'ISO 8601, inclusive')
    .option('--to <time>', 'ISO 8601, exclusive')
    .option('--by <groups>', `of ${COST_GROUPS.join(',')}`, wordsAmong(COST_GROUPS))
    .option('--caller <id>', "of this caller; root's key sees all")
    .option(...JSON_OPTION)
    .action((options: CostOptions) =>
      runCommand(findGateway, options, async ({ gateway, output }) => {
        const { from, to, by = [], caller } = options;
        const query = queryOf({ from, to, caller, groupBy: by.length === 0 ? undefined : by.join(',') });
        const answer = await gateway.ask({ method: 'GET', path: MONEY_PATHS.costs + query });
        output.show(answer, () => renderCosts(answer, by));
      }),
    );
}
