/** `clipyard video cancel|again|delete`: of one video by its id, or of all that are found, which are counted first. */

import type { Command } from 'commander';
import type { JsonObject } from '../domain/json.ts';
import { VIDEO_STATES } from '../domain/video.ts';
import { BULK_PATHS, type BulkAction, bulkAnswer, MOST_IN_BULK } from '../wire/clipyard/bulk.ts';
import { PAGE_LIMIT } from '../wire/clipyard/fields.ts';
import { VIDEO_PATHS, videoListAnswer } from '../wire/clipyard/videos.ts';
import { pathOf } from '../wire/path.ts';
import { CommandFailure, type GatewayClient, readAnswer } from './gateway-client.ts';
import { idempotencyKey, jsonObject, wordsAmong } from './option-values.ts';
import { queryOf } from './query.ts';
import { type FindGateway, JSON_OPTION, type JsonFlag, runCommand, type Session } from './run-command.ts';
import { newKey } from './send-once.ts';
import { readSnapshot, renderSnapshot } from './video-answers.ts';

/** Videos of one request: done well within the time that its answer waits. */
const AT_ONCE = 100;

interface BulkOptions extends JsonFlag {
  readonly state?: readonly string[];
  readonly model?: string;
  readonly batch?: string;
  readonly yes?: boolean;
  readonly with?: JsonObject;
  readonly idempotencyKey?: string;
}

/** Ids of all that the options name, newest first; no more than one request may name. */
async function findIds(gateway: GatewayClient, { state, model, batch }: BulkOptions): Promise<readonly string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const query = queryOf({ state: state?.join(','), model, batchId: batch, limit: PAGE_LIMIT.max, cursor });
    const page = readAnswer(videoListAnswer, await gateway.ask({ method: 'GET', path: VIDEO_PATHS.videos + query }));
    ids.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined && ids.length < MOST_IN_BULK);
  return ids.slice(0, MOST_IN_BULK);
}

const WORDS = { cancel: 'cancelled', again: 'made again', delete: 'deleted' } as const;
type Action = keyof typeof WORDS & BulkAction;

/** What is left out of account could have been what keeps a clip: nothing of it is. @throws CommandFailure */
function requireOneOrMany(id: string | undefined, options: BulkOptions): void {
  const names = [options.state, options.model, options.batch].some((option) => option !== undefined);
  if (id === undefined && !names) {
    throw new CommandFailure('an id is wanted, or at least one of --state, --model and --batch');
  }
  if (id !== undefined && names) {
    throw new CommandFailure('either an id is wanted, or --state, --model and --batch, and not both');
  }
  if (id === undefined && options.with !== undefined) throw new CommandFailure('--with is for one video, by its id');
}

/** Does it to all that were counted, some with each request: with a key of its own each may be sent again. */
async function actOnMany({ gateway, output }: Session, action: Action, options: BulkOptions): Promise<void> {
  const ids = await findIds(gateway, options);
  const total = { matched: ids.length, done: 0, failed: [] as { id: string; code: string }[] };
  if (!options.yes && ids.length > 0) {
    output.show(total, () => `${ids.length} videos`);
    throw new CommandFailure(`nothing was done: with --yes these ${ids.length} videos are ${WORDS[action]}`);
  }
  const key = options.idempotencyKey ?? newKey();
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    const answer = await gateway.ask({
      method: 'POST',
      path: BULK_PATHS.bulk,
      body: { action, ids: ids.slice(at, at + AT_ONCE) },
      idempotencyKey: `${key}-${at}`,
    });
    const { done, failed } = readAnswer(bulkAnswer, answer);
    total.done += done;
    total.failed.push(...failed);
  }
  const goesOn = total.matched - total.done - total.failed.length;
  output.show(total, () =>
    [
      `${total.done} of ${total.matched} videos ${WORDS[action]}`,
      ...(goesOn > 0 ? [`${goesOn} more are being ${WORDS[action]}`] : []),
      ...total.failed.map(({ id, code }) => `${id} failed: ${code}`),
    ].join('\n'),
  );
  if (total.failed.length > 0) throw new CommandFailure(`${total.failed.length} of ${total.matched} videos failed`);
}

const ONE: { readonly [Name in Action]: (session: Session, id: string, options: BulkOptions) => Promise<void> } = {
  async cancel({ gateway, output }, id) {
    const answer = await gateway.ask({ method: 'POST', path: pathOf(VIDEO_PATHS.cancel, id) });
    output.show(answer, () => renderSnapshot(readSnapshot(answer).snapshot));
  },
  async again({ gateway, output }, id, { with: changes = {}, idempotencyKey = newKey() }) {
    const request = { method: 'POST', path: pathOf(BULK_PATHS.again, id), body: changes, idempotencyKey } as const;
    const answer = await gateway.ask(request);
    output.show(answer, () => readSnapshot(answer).snapshot.id);
  },
  async delete({ gateway, output }, id) {
    const path = `/openai/v1/videos/${encodeURIComponent(id)}`;
    output.show(await gateway.ask({ method: 'DELETE', path }), () => `${id} deleted`);
  },
};

const DESCRIPTIONS: Readonly<Record<Action, string>> = {
  cancel: 'end a video before it is made, or all that are found',
  again: 'make a video again, or all that are found; prints its id',
  delete: 'remove an ended video and its clip, or all that are found',
};

/** Adds the commands. */
export function addBulkCommands(video: Command, findGateway: FindGateway): void {
  for (const action of ['cancel', 'again', 'delete'] as const) {
    const command = video
      .command(action)
      .argument('[id]')
      .description(DESCRIPTIONS[action])
      .option('--state <states>', 'all in these states, such as failed,expired', wordsAmong(VIDEO_STATES))
      .option('--model <model>', 'all of this model')
      .option('--batch <id>', 'all of this batch')
      .option('--yes', 'do it, and do not only count')
      .option(...JSON_OPTION);
    if (action === 'again') {
      command
        .option('--with <json>', "of one video: members in place of its request's own", jsonObject)
        .option('--idempotency-key <key>', 'the same key is the same videos; one is generated', idempotencyKey);
    }
    command.action((id: string | undefined, options: BulkOptions) =>
      runCommand(findGateway, options, async (session) => {
        requireOneOrMany(id, options);
        await (id === undefined ? actOnMany(session, action, options) : ONE[action](session, id, options));
      }),
    );
  }
}
