/** `clipyard accounts …`: the upstream accounts of a running gateway; root's alone. */

import type { Command } from 'commander';
import type { z } from 'zod';
import { ACCOUNT_PATHS, accountAnswer, accountListAnswer } from '../wire/clipyard/accounts.ts';
import { pathOf } from '../wire/path.ts';
import { readAnswer } from './gateway-client.ts';
import { instant, renderTable, shorten } from './output.ts';
import { addIdCommand, type FindGateway, JSON_OPTION, type JsonFlag, runCommand } from './run-command.ts';

const ERROR_LENGTH = 60;

const HEAD = ['id', 'provider', 'state', 'in use', 'waiting', 'paused until', 'orphans', 'last error'];

function renderAccounts(accounts: readonly z.infer<typeof accountAnswer>[]): string {
  const rows = accounts.map((account) => [
    account.id,
    account.api === null ? account.provider : `${account.provider} (${account.api})`,
    account.state,
    `${account.inUse} of ${account.limit}`,
    account.waiting,
    instant(account.pausedUntil),
    account.orphans.length,
    account.lastError && shorten(account.lastError, ERROR_LENGTH),
  ]);
  return renderTable(HEAD, rows, 'no accounts');
}

/** Adds the group; without a sub-command it lists. */
export function addAccountCommands(program: Command, findGateway: FindGateway): void {
  const accounts = program.command('accounts').description("upstream accounts of a running gateway; needs root's key");
  accounts
    .command('list', { isDefault: true })
    .description('all accounts: state, slots in use, videos waiting')
    .option(...JSON_OPTION)
    .action((options: JsonFlag) =>
      runCommand(findGateway, options, async ({ gateway, output }) => {
        const answer = await gateway.ask({ method: 'GET', path: ACCOUNT_PATHS.accounts });
        output.show(answer, () => renderAccounts(readAnswer(accountListAnswer, answer).items));
      }),
    );
  const turns = [
    { name: 'pause', path: ACCOUNT_PATHS.pause, description: 'grant no more slots there; what runs goes on' },
    { name: 'resume', path: ACCOUNT_PATHS.resume, description: 'lift every pause and suspension' },
  ];
  for (const { path, ...turn } of turns) {
    addIdCommand(accounts, findGateway, {
      ...turn,
      work: async ({ gateway, output }, id) => {
        const answer = await gateway.ask({ method: 'POST', path: pathOf(path, id) });
        output.show(answer, () => renderAccounts([readAnswer(accountAnswer, answer)]));
      },
    });
  }
}
