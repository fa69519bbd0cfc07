/** What docs/commands.md says of the command line, printed from the commands themselves. */

import type { Command, Option } from 'commander';
import { buildProgram } from '../../src/cli/program.ts';
import { JSON_OPTION } from '../../src/client/run-command.ts';
import { code, printTable } from './table.ts';

interface Leaf {
  /** Its names and arguments: `clipyard video get <id>`. */
  readonly usage: string;
  readonly command: Command;
}

/** The commands that have no others below them. */
function leavesOf(command: Command, names: readonly string[] = []): readonly Leaf[] {
  const path = [...names, command.name()];
  if (command.commands.length > 0) return command.commands.flatMap((each) => leavesOf(each, path));
  const args = command.registeredArguments.map((argument) => `<${argument.name()}>`);
  return [{ usage: [...path, ...args].join(' '), command }];
}

/** `video create`: the names of all commands. */
export function commandNames(): readonly string[] {
  return leavesOf(buildProgram()).map(({ usage }) => usage.replace(/^clipyard | <.*$/g, ''));
}

function describeOption({ description, mandatory, argChoices, defaultValue }: Option): string {
  const isShown = ['string', 'number'].includes(typeof defaultValue);
  return [
    description,
    ...(argChoices === undefined ? [] : [`one of ${argChoices.map(code).join(', ')}`]),
    ...(mandatory ? ['required'] : []),
    ...(isShown ? [`default ${code(String(defaultValue))}`] : []),
  ].join('; ');
}

function printOptions({ usage, command }: Leaf): string {
  const [, everywhere] = JSON_OPTION;
  const own = command.options.filter(({ description }) => description !== everywhere);
  if (own.length === 0) return '';
  const rows = own.map((option) => [code(option.flags), describeOption(option)]);
  return `### ${code(usage)}\n\n${printTable(['option', 'meaning'], rows)}`;
}

/** The parts of docs/commands.md. */
export const COMMAND_PARTS = {
  commands: () => {
    const rows = leavesOf(buildProgram()).map(({ usage, command }) => [code(usage), command.description()]);
    return printTable(['command', 'does'], rows);
  },
  options: () =>
    leavesOf(buildProgram())
      .map(printOptions)
      .filter((section) => section !== '')
      .join('\n\n'),
};
