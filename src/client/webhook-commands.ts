/** `clipyard webhooks …`: the endpoints of a running gateway that are told of ends, and what was told to them. */

import { type Command, Option } from 'commander';
import type { z } from 'zod';
import { EVENT_TYPES } from '../domain/webhook.ts';
import { PAGE_LIMIT } from '../wire/clipyard/fields.ts';
import {
  deliveryListAnswer,
  endpointListAnswer,
  KEEP_OLD_HOURS,
  newEndpointAnswer,
  replayedAnswer,
  testAnswer,
  WEBHOOK_PATHS,
} from '../wire/clipyard/webhooks.ts';
import { pathOf } from '../wire/path.ts';
import { type GatewayRequest, readAnswer } from './gateway-client.ts';
import { numberBetween, wordsAmong } from './option-values.ts';
import { instant, renderTable, shorten } from './output.ts';
import { queryOf } from './query.ts';
import { type FindGateway, JSON_OPTION, type JsonFlag, runCommand } from './run-command.ts';

const ERROR_LENGTH = 60;
/** The secret is shown once: nothing else that is answered may keep it from being shown. */
const shownOnce = newEndpointAnswer.pick({ id: true, secret: true });

const ENDPOINT_HEAD = ['id', 'url', 'state', 'failures', 'last success', 'secret', 'events'];
const DELIVERY_HEAD = ['id', 'type', 'state', 'attempts', 'created', 'next attempt', 'last answer'];

function renderEndpoints({ items }: z.infer<typeof endpointListAnswer>): string {
  const rows = items.map(({ id, url, disabledAt, disabledReason, failures, lastSuccessAt, secretHint, events }) => [
    ...[id, url, disabledAt === null ? 'enabled' : `disabled: ${disabledReason}`, failures],
    ...[instant(lastSuccessAt), secretHint, events.length === EVENT_TYPES.length ? 'all' : events.join(',')],
  ]);
  return renderTable(ENDPOINT_HEAD, rows, 'no webhook endpoints');
}

function renderDeliveries({ items, nextCursor }: z.infer<typeof deliveryListAnswer>): string {
  const rows = items.map(({ id, type, test, state, attempts, createdAt, nextAttemptAt, lastStatus, lastError }) => [
    ...[id, test ? `${type} (test)` : type, state, attempts, instant(createdAt), instant(nextAttemptAt)],
    lastStatus ?? (lastError && shorten(lastError, ERROR_LENGTH)),
  ]);
  const more = nextCursor === null ? '' : `\nmore: --cursor ${nextCursor}`;
  return renderTable(DELIVERY_HEAD, rows, 'no deliveries') + more;
}

function renderSecret(answer: unknown): string {
  const { id, secret } = readAnswer(shownOnce, answer);
  return `${id}\n${secret}\nThe secret is not shown again.`;
}

/** Adds the group; without a sub-command it lists. */
export function addWebhookCommands(program: Command, findGateway: FindGateway): void {
  const webhooks = program.command('webhooks').description('what is told of the ends of your videos and batches');
  const run: Run = (options, request, asText) =>
    runCommand(findGateway, options, async ({ gateway, output }) => {
      const answer = await gateway.ask(request);
      output.show(answer, () => asText(answer));
    });
  addEndpoints(webhooks, run);
  addDeliveries(webhooks, run);
}

/** Makes one request and shows its answer. */
type Run = (options: JsonFlag, request: GatewayRequest, asText: (answer: unknown) => string) => Promise<void>;

function addEndpoints(webhooks: Command, run: Run): void {
  webhooks
    .command('create')
    .argument('<url>')
    .description('a new endpoint; prints its id and its secret, which is not shown again')
    .option('--events <types>', 'such as video.completed,video.failed; by default all', wordsAmong(EVENT_TYPES))
    .option('--description <text>', 'what it is for')
    .option(...JSON_OPTION)
    .action((url: string, { json = false, ...chosen }: JsonFlag & { events?: string[]; description?: string }) =>
      run({ json }, { method: 'POST', path: WEBHOOK_PATHS.endpoints, body: { url, ...chosen } }, renderSecret),
    );
  webhooks
    .command('list', { isDefault: true })
    .description('all endpoints and their health')
    .option(...JSON_OPTION)
    .action((options: JsonFlag) =>
      run(options, { method: 'GET', path: WEBHOOK_PATHS.endpoints }, (answer) =>
        renderEndpoints(readAnswer(endpointListAnswer, answer)),
      ),
    );
  webhooks
    .command('rotate')
    .argument('<endpoint>')
    .description('a new secret, which is not shown again; the old one signs beside it for a while')
    .option(
      '--keep-old-hours <hours>',
      `for how long; by default ${KEEP_OLD_HOURS.default}`,
      numberBetween(0, KEEP_OLD_HOURS.max, true),
    )
    .option(...JSON_OPTION)
    .action((id: string, { json = false, ...body }: JsonFlag & { keepOldHours?: number }) =>
      run({ json }, { method: 'POST', path: pathOf(WEBHOOK_PATHS.rotate, id), body }, renderSecret),
    );
  webhooks
    .command('delete')
    .argument('<endpoint>')
    .description('remove an endpoint; what waits for it is not sent any more')
    .option(...JSON_OPTION)
    .action((id: string, options: JsonFlag) =>
      run(options, { method: 'DELETE', path: pathOf(WEBHOOK_PATHS.endpoint, id) }, () => `${id} deleted`),
    );
}

function addDeliveries(webhooks: Command, run: Run): void {
  webhooks
    .command('test')
    .argument('<endpoint>')
    .description('send an event of no real video')
    .addOption(new Option('--type <type>', 'by default video.completed').choices(EVENT_TYPES))
    .option(...JSON_OPTION)
    .action((id: string, { json = false, ...body }: JsonFlag & { type?: string }) =>
      run({ json }, { method: 'POST', path: pathOf(WEBHOOK_PATHS.test, id), body }, (answer) => {
        return readAnswer(testAnswer, answer).deliveryId;
      }),
    );
  webhooks
    .command('deliveries')
    .argument('<endpoint>')
    .description('what was to be told to an endpoint, the newest first')
    .option('--limit <count>', 'how many', numberBetween(1, PAGE_LIMIT.max, true))
    .option('--cursor <cursor>', 'where the page before ended')
    .option(...JSON_OPTION)
    .action((id: string, { json = false, ...page }: JsonFlag & { limit?: number; cursor?: string }) =>
      run({ json }, { method: 'GET', path: pathOf(WEBHOOK_PATHS.deliveries, id) + queryOf(page) }, (answer) => {
        return renderDeliveries(readAnswer(deliveryListAnswer, answer));
      }),
    );
  webhooks
    .command('replay')
    .argument('<id>')
    .description('send a delivery again; with --from and --to, all of an endpoint that were made in between')
    .option('--from <time>', 'ISO 8601, inclusive')
    .option('--to <time>', 'ISO 8601, exclusive')
    .option(...JSON_OPTION)
    .action((id: string, { json = false, from, to }: JsonFlag & { from?: string; to?: string }) => {
      if (from === undefined && to === undefined) {
        return run({ json }, { method: 'POST', path: pathOf(WEBHOOK_PATHS.replay, id) }, () => `${id} is sent again`);
      }
      const body = { from: from ?? '', to: to ?? new Date().toISOString() };
      return run({ json }, { method: 'POST', path: pathOf(WEBHOOK_PATHS.replayRange, id), body }, (answer) => {
        return `${readAnswer(replayedAnswer, answer).replayed} are sent again`;
      });
    });
}
