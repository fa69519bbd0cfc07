/** `clipyard batch …`: many clips from one manifest at a running gateway. */

import { type Command, Option } from 'commander';
import { BATCH_PATHS } from '../wire/clipyard/batches.ts';
import { PAGE_LIMIT } from '../wire/clipyard/fields.ts';
import { pathOf } from '../wire/path.ts';
import { type BatchAnswer, lookAtBatch, readBatch, renderBatch, renderBatches } from './batch-answers.ts';
import { fetchResults } from './batch-results.ts';
import { idempotencyKey, numberBetween } from './option-values.ts';
import { queryOf } from './query.ts';
import {
  addIdCommand,
  type FindGateway,
  type IdCommand,
  JSON_OPTION,
  type JsonFlag,
  runCommand,
  type Session,
} from './run-command.ts';
import { type SubmitOptions, submitBatch } from './submit-batch.ts';
import { watchToEnd } from './watch-batch.ts';

interface ListOptions extends JsonFlag {
  readonly caller?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

function show({ output }: Session, { answer, batch }: BatchAnswer): void {
  output.show(answer, () => renderBatch(batch));
}

function addSubmit(batch: Command, findGateway: FindGateway): void {
  batch
    .command('submit')
    .argument('<file>', 'JSON lines, or a CSV with a header; - is standard input')
    .description('make a batch of a manifest; exit 1 for lines that cannot become clips')
    .option('--dry-run', 'validate and price it, and make nothing')
    .addOption(new Option('--on-invalid-line <what>', 'what becomes of the others').choices(['fail', 'skip']))
    .option('--window <time>', 'from 1h to 7d: what has not begun by then is not made; 24h without it')
    .option('--name <text>', 'what it is shown as')
    .option('--idempotency-key <key>', 'the same key is the same batch; one is generated', idempotencyKey)
    .option('--watch', 'follow it to its end; exit 1 unless all of it completed')
    .option(...JSON_OPTION)
    .action((file: string, options: SubmitOptions) =>
      runCommand(findGateway, options, (session) => submitBatch(session, file, options)),
    );
}

function addList(batch: Command, findGateway: FindGateway): void {
  batch
    .command('list')
    .description('batches, the newest first')
    .option('--caller <id>', "of this caller; root's key sees all")
    .option('--limit <count>', 'how many', numberBetween(1, PAGE_LIMIT.max, true))
    .option('--cursor <cursor>', 'where the page before ended')
    .option(...JSON_OPTION)
    .action((options: ListOptions) =>
      runCommand(findGateway, options, async ({ gateway, output }) => {
        const { json: _json, ...filter } = options;
        const answer = await gateway.ask({ method: 'GET', path: BATCH_PATHS.batches + queryOf(filter) });
        output.show(answer, () => renderBatches(answer));
      }),
    );
}

function addResults(batch: Command, findGateway: FindGateway): void {
  batch
    .command('results')
    .argument('<id>')
    .description('fetch the clips that completed so far, and a manifest; goes on where it was stopped')
    .requiredOption('--dir <folder>', 'where the clips are kept; those that are there and verified stay')
    .option(...JSON_OPTION)
    .action((id: string, options: JsonFlag & { readonly dir: string }) =>
      runCommand(findGateway, options, (session) => fetchResults(session, id, options.dir)),
    );
}

/** Adds the group. */
export function addBatchCommands(program: Command, findGateway: FindGateway): void {
  const batch = program.command('batch').description('batches at a running gateway: many clips from one manifest');
  const addById = (name: string, description: string, work: IdCommand['work']) =>
    addIdCommand(batch, findGateway, { name, description, work });
  const change = (path: string) => async (session: Session, id: string) => {
    show(session, readBatch(await session.gateway.ask({ method: 'POST', path: pathOf(path, id) })));
  };

  addSubmit(batch, findGateway);
  addList(batch, findGateway);
  addById('status', 'how far a batch is', async (session, id) => show(session, await lookAtBatch(session.gateway, id)));
  addById('watch', 'follow a batch to its end; exit 1 unless all of it completed', watchToEnd);
  addById('cancel', 'begin no more of its clips; what was submitted is finished', change(BATCH_PATHS.cancelBatch));
  addById('retry', 'a new batch of the lines that did not complete', change(BATCH_PATHS.retryBatch));
  addResults(batch, findGateway);
}
