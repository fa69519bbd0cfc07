/** `clipyard callers …`: who has a key of a running gateway, and how much each may spend; root's alone. */

import { type Command, Option } from 'commander';
import type { z } from 'zod';
import type { JsonObject } from '../domain/json.ts';
import { DIALECTS } from '../domain/vendor.ts';
import {
  CALLER_PATHS,
  callerAnswer,
  callerListAnswer,
  newCallerAnswer,
  OVERFLOWS,
  WEIGHT,
} from '../wire/clipyard/callers.ts';
import { MAX_COUNT } from '../wire/clipyard/fields.ts';
import { pathOf } from '../wire/path.ts';
import { readAnswer } from './gateway-client.ts';
import { commaSeparated, microUsdFromDollars, numberBetween } from './option-values.ts';
import { dollars, renderTable } from './output.ts';
import { addIdCommand, type FindGateway, JSON_OPTION, type JsonFlag, runCommand, type Session } from './run-command.ts';

/** The key is shown once: nothing else that is answered may keep it from being shown. */
const createdAnswer = newCallerAnswer.pick({ id: true, key: true, callbackSecret: true });

/** The options of a new caller as they were given. */
interface CallerOptions extends JsonFlag {
  readonly creditUsd?: number;
  readonly maxQueued?: number;
  readonly maxRunning?: number;
  readonly maxRequestsPerMinute?: number;
  readonly overflow?: string;
  readonly weight?: number;
  readonly dialect?: string;
  readonly models?: readonly string[];
  readonly retentionSeconds?: number;
}

const HEAD = [
  'id',
  'name',
  'state',
  'credit',
  'available',
  'held',
  'spent',
  'running',
  'queued',
  'overflow',
  'dialect',
];

function renderCallers(callers: readonly z.infer<typeof callerAnswer>[]): string {
  const rows = callers.map((caller) => [
    caller.id,
    caller.name,
    caller.disabledAt ? 'disabled' : 'active',
    dollars(caller.creditMicroUsd) ?? 'no limit',
    // Without a limit, what is available says nothing.
    typeof caller.creditMicroUsd === 'number' ? dollars(caller.availableMicroUsd) : null,
    dollars(caller.heldMicroUsd),
    dollars(caller.spentMicroUsd),
    caller.maxRunningVideos,
    caller.maxQueuedVideos,
    caller.overflow,
    caller.dialect,
  ]);
  return renderTable(HEAD, rows, 'no callers');
}

/** The create's body; what is undefined stays away. */
function bodyOf(name: string, options: CallerOptions): JsonObject {
  const { json: _json, creditUsd, maxQueued, maxRunning, ...same } = options;
  return {
    name,
    ...same,
    ...(creditUsd !== undefined && { creditMicroUsd: creditUsd }),
    ...(maxQueued !== undefined && { maxQueuedVideos: maxQueued }),
    ...(maxRunning !== undefined && { maxRunningVideos: maxRunning }),
  };
}

async function create({ gateway, output }: Session, name: string, options: CallerOptions): Promise<void> {
  const answer = await gateway.ask({ method: 'POST', path: CALLER_PATHS.callers, body: bodyOf(name, options) });
  output.show(answer, () => {
    const { id, key, callbackSecret } = readAnswer(createdAnswer, answer);
    return `${id}\n${key}\nIts callbacks are signed with ${callbackSecret}\nNeither secret is shown again.`;
  });
}

/** Shows a caller as it is after a change. */
async function change({ gateway, output }: Session, request: Parameters<Session['gateway']['ask']>[0]): Promise<void> {
  const answer = await gateway.ask(request);
  output.show(answer, () => renderCallers([readAnswer(callerAnswer, answer)]));
}

function addCreate(callers: Command, findGateway: FindGateway): void {
  const count = numberBetween(1, MAX_COUNT, true);
  callers
    .command('create')
    .argument('<name>')
    .description('a new caller; prints its id, its key and what signs its callbacks, which are not shown again')
    .option('--credit-usd <dollars>', 'what it may spend; without it as much as it likes', microUsdFromDollars)
    .option('--max-running <count>', 'videos at once', count)
    .option('--max-queued <count>', 'videos that wait', numberBetween(0, MAX_COUNT, true))
    .option('--max-requests-per-minute <count>', 'requests to the gateway', count)
    .addOption(new Option('--overflow <what>', 'what becomes of more videos').choices(OVERFLOWS))
    .option(
      '--weight <number>',
      'its share of the slots beside other callers',
      numberBetween(WEIGHT.min, WEIGHT.max, false),
    )
    .addOption(new Option('--dialect <name>', 'which it speaks where a path does not tell').choices(DIALECTS))
    .option('--models <list>', 'the only ones it may use, such as a,b', commaSeparated)
    .option('--retention-seconds <seconds>', 'how long its clips are kept', count)
    .option(...JSON_OPTION)
    .action((name: string, options: CallerOptions) =>
      runCommand(findGateway, options, (session) => create(session, name, options)),
    );
}

function addCredit(callers: Command, findGateway: FindGateway): void {
  callers
    .command('credit')
    .argument('<id>')
    .argument('<dollars>', 'such as 25 or 0.05', microUsdFromDollars)
    .description('add to what a caller may spend')
    .option(...JSON_OPTION)
    .action((id: string, amountMicroUsd: number, options: JsonFlag) =>
      runCommand(findGateway, options, (session) =>
        change(session, { method: 'POST', path: pathOf(CALLER_PATHS.credit, id), body: { amountMicroUsd } }),
      ),
    );
}

/** Adds the group. */
export function addCallerCommands(program: Command, findGateway: FindGateway): void {
  const callers = program.command('callers').description("callers of a running gateway; needs root's key");
  addCreate(callers, findGateway);
  callers
    .command('list')
    .description('all callers, what they may spend and what they have spent')
    .option(...JSON_OPTION)
    .action((options: JsonFlag) =>
      runCommand(findGateway, options, async ({ gateway, output }) => {
        const answer = await gateway.ask({ method: 'GET', path: CALLER_PATHS.callers });
        output.show(answer, () => renderCallers(readAnswer(callerListAnswer, answer).items));
      }),
    );
  addCredit(callers, findGateway);
  const turns = [
    { name: 'disable', description: 'refuse its key from now on', disabled: true },
    { name: 'enable', description: 'take its key again', disabled: false },
  ];
  for (const { disabled, ...turn } of turns) {
    addIdCommand(callers, findGateway, {
      ...turn,
      work: (session, id) =>
        change(session, { method: 'PATCH', path: pathOf(CALLER_PATHS.caller, id), body: { disabled } }),
    });
  }
}
