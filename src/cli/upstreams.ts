/** `clipyard upstreams …`: the descriptions of upstream APIs that are shipped, and the check of one of your own. */

import { existsSync, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { oneLine, openOutput, renderTable } from '../client/output.ts';
import { JSON_OPTION, type JsonFlag } from '../client/run-command.ts';
import { DescriptionError, describeShipped, readDescription, readShippedText } from '../config/descriptions.ts';
import { ConfigError } from '../config/settings.ts';
import type { Checked } from '../process/recorded-answers.ts';

/** What cannot be used is said in words, and the exit code is 1. */
async function inWords(work: () => void | Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}

const yes = (is: boolean) => (is ? 'yes' : 'no');

function listShipped({ json = false }: JsonFlag): void {
  const items = describeShipped();
  openOutput(json).show({ items }, () => {
    const rows = items.map(({ name, title, abilities }) => {
      const { images, imagesBy, cancels, lists, honoursKey, tellsCost, lostAnswer } = abilities;
      const takes = imagesBy === null ? 'none' : `${images} by ${imagesBy}`;
      return [name, title, takes, yes(cancels), yes(lists), yes(honoursKey), yes(tellsCost), lostAnswer];
    });
    return renderTable(['name', 'API', 'images', 'cancel', 'list', 'key', 'cost', 'lost answer'], rows, 'none');
  });
}

function showShipped(name: string, { json = false }: JsonFlag): void {
  const { text, description } = readShippedText(name);
  openOutput(json).show(description, () => text.trimEnd());
}

interface CheckOptions extends JsonFlag {
  readonly answers?: string;
}

const MOST_ANSWERS_BYTES = 4 * 1024 * 1024;

/** Those that are named, else those that lie beside the file; null where there are none. */
async function checkAnswers(file: string, named: string | undefined): Promise<readonly Checked[] | null> {
  const path = resolve(named ?? file.replace(/(?:\.ya?ml)?$/i, '.answers.json'));
  if (named === undefined && !existsSync(path)) return null;
  const { checkRecorded, readRecorded } = await import('../process/recorded-answers.ts');
  let content: unknown;
  try {
    if (statSync(path).size > MOST_ANSWERS_BYTES) throw new Error(`it is larger than ${MOST_ANSWERS_BYTES} bytes`);
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ConfigError(`${path} cannot be read: ${(error as Error).message}`);
  }
  const { recorded, problem } = readRecorded(content);
  if (recorded === undefined) throw new ConfigError(`${path}: ${problem}`);
  return await checkRecorded(readDescription(file), recorded);
}

function problemsOf(file: string) {
  try {
    return { name: readDescription(file).name, problems: [] };
  } catch (error) {
    if (!(error instanceof DescriptionError)) throw error;
    return { name: null, problems: error.problems };
  }
}

async function check(given: string, { json = false, answers: named }: CheckOptions): Promise<void> {
  const file = resolve(given);
  const { name, problems } = problemsOf(file);
  const answers = name === null ? null : await checkAnswers(file, named);
  const wrong = (answers ?? []).filter(({ problem }) => problem !== null);
  if (problems.length + wrong.length > 0) process.exitCode = 1;
  openOutput(json).show({ file, name, problems, answers }, () => {
    const mistakes = problems.map(({ path, line, column, message }) => {
      return oneLine(`${given}:${line}:${column}: ${path === '' ? 'the file' : path} ${message}`);
    });
    const told = (answers ?? []).map((one) =>
      oneLine(
        `${one.problem === null ? 'ok    ' : 'wrong '} ${one.name}${one.problem === null ? '' : `: ${one.problem}`}`,
      ),
    );
    const end =
      answers === null
        ? 'no recorded answers were given'
        : `${told.length - wrong.length} of ${told.length} as recorded`;
    return name === null ? mistakes.join('\n') : [...told, `${given} is the description ${name}; ${end}`].join('\n');
  });
}

/** Adds the group. */
export function addUpstreamCommands(program: Command): void {
  const upstreams = program.command('upstreams').description('upstream APIs that are described by data');
  upstreams
    .command('list', { isDefault: true })
    .description('the descriptions that are shipped, and what each API can')
    .option(...JSON_OPTION)
    .action((options: JsonFlag) => inWords(() => listShipped(options)));
  upstreams
    .command('show')
    .argument('<name>')
    .description('one of them in full')
    .option(...JSON_OPTION)
    .action((name: string, options: JsonFlag) => inWords(() => showShipped(name, options)));
  upstreams
    .command('check')
    .argument('<file>')
    .description('check a description of your own, and what it makes of recorded answers; exit 1 for mistakes')
    .option('--answers <file>', 'recorded answers, instead of NAME.answers.json beside the file')
    .option(...JSON_OPTION)
    .action((file: string, options: CheckOptions) => inWords(() => check(file, options)));
}
