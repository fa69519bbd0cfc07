/** Polls of a described API: what an answer shows of a task, and where its clip is. */

import type { UpstreamWords } from '../../domain/failure.ts';
import { isJsonObject } from '../../domain/json.ts';
import { plainWord } from '../../domain/plain-word.ts';
import type { ClipPlace, ProviderCall, ResultLink, TaskList, TaskStatus } from '../../domain/provider.ts';
import { retryAfterMs } from '../../net/retry-after.ts';
import { type JsonReply, unexpectedAnswer, upstreamWords } from '../../net/trusted/request-json.ts';
import { saidReason, saidText, wordsIn } from '../../net/upstream-words.ts';
import type { Description } from '../../wire/description.ts';
import { isSuccess } from '../read-answer.ts';
import { firstOf, idOf, instantMs, percentOf } from '../reading/fields.ts';
import { asLink } from '../reading/result-link.ts';
import { saysError } from '../reading/said-error.ts';
import { type Meaning, meaningOf } from '../reading/status-words.ts';
import { costAt } from './cost.ts';
import { ask, expandPath, fillFields } from './exchange.ts';
import { firstAt, holderOf, valueAt } from './pointer.ts';

/** A longer one is no word. */
const LONGEST_WORD = 100;
/** That a task has failed and nothing more. */
const SAYS_NO_MORE: readonly string[] = ['failed', 'true', 'false'];
/** What a route that shows a clip's link refuses for good. */
const FINAL_REFUSALS: readonly number[] = [400, 404, 410, 422];

/** Polls the task; its clip may take an exchange of its own to be found. */
export async function poll(description: Description, taskId: string, call: ProviderCall): Promise<TaskStatus> {
  const { method, path, fields } = description.status;
  const body = fields && fillFields(fields, { taskId });
  const reply = await ask(description, call, { method, path: expandPath(path, { taskId }), ...(body && { body }) });
  const status = readStatus(description, reply);
  const finished = { reply, taskId, call };
  if (status.kind === 'pending') return withPlace(description, status, finished);
  return status.kind === 'succeeded' ? await withClip(description, status, finished) : status;
}

/** What an answer says of the task; the id in it does not count, since the path named the task. */
function readStatus(description: Description, reply: JsonReply): TaskStatus {
  const { status } = description;
  const said = firstAt(reply.body, status.word, asWord);
  const meaning = said === undefined ? status.absentWord : meaningIn(description, said);
  if (isSuccess(reply) || status.everyStatusCode) {
    const costMicroUsd = costAt(description, reply.body);
    const hasFailed = firstAt(reply.body, status.failedWhen, (value) => saysSomething(value) || undefined);
    if (hasFailed || meaning === 'failed') {
      return { kind: 'failed', upstream: failureIn(description, reply, said), costMicroUsd };
    }
    if (meaning === 'succeeded') return { kind: 'succeeded', result: null, costMicroUsd };
  }
  if (reply.status === 404 || reply.status === 410) return { kind: 'missing' };
  if (!isSuccess(reply)) throw unexpectedAnswer(reply, 'the task');
  if (said === undefined && (meaning === undefined || !isJsonObject(reply.body))) {
    throw unexpectedAnswer(reply, 'the task', `it has no word at ${status.word.join(' or ')}`);
  }
  return {
    kind: 'pending',
    progress: firstAt(reply.body, status.progress, (value) => percentOf(value) ?? undefined) ?? null,
    word: said ?? '',
    known: meaning === 'pending',
    retryAfterMs: retryAfterMs(reply.headers, reply.upstreamNowMs),
  };
}

function asWord(value: unknown): string | undefined {
  return typeof value === 'boolean' ? String(value) : saidText(value, LONGEST_WORD);
}

/** The description's own words, then what the trade says: an API that changes its words still ends its tasks. */
function meaningIn({ status: { words } }: Description, said: string): Meaning | undefined {
  const has = (list: readonly string[]) => list.some((word) => plainWord(word) === plainWord(said));
  if (has(words.succeeded)) return 'succeeded';
  if (has(words.failed) || has(words.cancelled)) return 'failed';
  return has(words.pending) ? 'pending' : meaningOf(said);
}

/** Whether something stands there that is neither nothing nor a no. */
function saysSomething(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** Why a task failed: what the pointers lead to, with its word where no code stands beside it. */
function failureIn(description: Description, { body }: JsonReply, said: string | undefined): UpstreamWords {
  const { status } = description;
  // Beside `failedWhen` it may be the word of a task that went well.
  const word = said !== undefined && meaningIn(description, said) === 'failed' ? plainWord(said) : SAYS_NO_MORE[0];
  const code = SAYS_NO_MORE.includes(word ?? '') ? undefined : word;
  const words = firstOf([...(status.failedWhen ?? []), ...status.failure], (pointer) => wordsAt(body, pointer));
  return { ...(code !== undefined && { code }), ...words };
}

function wordsAt(body: unknown, pointer: string): UpstreamWords | undefined {
  const found = valueAt(body, pointer);
  if (typeof found === 'object') return wordsIn(found).message === undefined ? undefined : wordsIn(found);
  const message = saidReason(found);
  const { code } = wordsIn(valueAt(body, holderOf(pointer)));
  return message === undefined ? undefined : { ...(code !== undefined && { code }), message };
}

type Succeeded = Extract<TaskStatus, { readonly kind: 'succeeded' }>;
type Pending = Extract<TaskStatus, { readonly kind: 'pending' }>;

/** An answer, and of what it is. */
interface Finished {
  readonly reply: JsonReply;
  readonly taskId: string;
  readonly call: ProviderCall;
}

/** Where the clip lies, as far as the answer alone tells: its link before the content route; undefined where it does not. */
function placeIn(description: Description, finished: Finished): ResultLink | undefined {
  const { reply, call } = finished;
  const { resultUrl, expiresAt } = description.status;
  const expiresAtMs = firstAt(reply.body, expiresAt, instantMs) ?? null;
  const path = contentPath(description, finished);
  const isClip = description.content?.resultUrl === undefined;
  const served = path !== undefined && isClip ? { url: call.baseUrl + path, needsKey: true } : undefined;
  const link = firstAt(reply.body, resultUrl, asLink);
  if (link !== undefined) return { ...placed(description, link, call), otherwise: served, expiresAtMs };
  return served && { ...served, expiresAtMs };
}

/** A clip of which the answer tells no place may have a route that shows its link. */
async function withClip(description: Description, status: Succeeded, finished: Finished): Promise<TaskStatus> {
  const result = placeIn(description, finished);
  const path = contentPath(description, finished);
  if (result || path === undefined) return { ...status, result: result ?? null };
  return await askForClip(description, status, { path, call: finished.call });
}

/** Where the clip would be, should a word that is not known say that it is done. */
function withPlace(description: Description, status: Pending, finished: Finished): TaskStatus {
  if (status.known) return status;
  const hasLink = firstAt(finished.reply.body, description.status.resultUrl, asLink) !== undefined;
  return hasLink || status.progress === 100 ? { ...status, result: placeIn(description, finished) } : status;
}

/** Undefined where there is no such route, or no id for it. */
function contentPath({ content }: Description, { reply, taskId }: Finished): string | undefined {
  const resultId = firstAt(reply.body, content?.resultId, idOf);
  if (content === null || (content.resultId !== undefined && resultId === undefined)) return undefined;
  return expandPath(content.path, { taskId, resultId });
}

/** A route that shows the link; where it refuses the task for good, that is how the task ended. */
async function askForClip(
  description: Description,
  status: Succeeded,
  { path, call }: { readonly path: string; readonly call: ProviderCall },
): Promise<TaskStatus> {
  const reply = await ask(description, call, { path });
  if (FINAL_REFUSALS.includes(reply.status)) {
    return { kind: 'failed', upstream: upstreamWords(reply), costMicroUsd: status.costMicroUsd };
  }
  if (!isSuccess(reply)) throw unexpectedAnswer(reply, 'the link to the clip');
  const link = firstAt(reply.body, description.content?.resultUrl, asLink);
  return { ...status, result: link === undefined ? null : { ...placed(description, link, call), expiresAtMs: null } };
}

/** The key goes with a link only to where the account's own requests go. */
function placed({ status }: Description, link: string, { baseUrl }: ProviderCall): ClipPlace {
  const folder = `${baseUrl}/`;
  const isOwn = URL.canParse(link, folder) && new URL(link, folder).origin === new URL(baseUrl).origin;
  if (!status.resultNeedsKey || !isOwn) return { url: link, needsKey: false };
  return { url: new URL(link, folder).href, needsKey: true };
}

/**
 * The account's recent tasks.
 * @throws UpstreamError for what is no list, and for an entry without an id: it might be the one that is looked for.
 */
export async function list(description: Description, call: ProviderCall): Promise<TaskList> {
  const { list: reading } = description;
  if (!reading) return { tasks: [], upstreamNowMs: undefined };
  const wanted = 'the list of tasks';
  const reply = await ask(description, call, { path: reading.path });
  const entries = isSuccess(reply) ? valueAt(reply.body, reading.items) : undefined;
  if (!Array.isArray(entries)) throw unexpectedAnswer(reply, wanted, `it has no array at ${reading.items}`);
  // Beside an error an empty list proves nothing.
  if (isJsonObject(reply.body) && saysError(reply.body)) throw unexpectedAnswer(reply, wanted, 'it says an error');
  const tasks = entries.map((entry: unknown, index) => {
    const taskId = firstAt(entry, reading.taskId, idOf);
    if (taskId === undefined) {
      const place = reading.taskId.join(' or ');
      throw unexpectedAnswer(reply, wanted, `entry ${index + 1} of the list has no readable id at ${place}`);
    }
    return {
      taskId,
      createdAtMs: firstAt(entry, reading.createdAt, instantMs),
      // Compared and never kept, so as long as it comes.
      prompt: firstAt(entry, reading.prompt, (text) =>
        typeof text === 'string' && text.trim() !== '' ? text : undefined,
      ),
      costMicroUsd: costAt(description, entry),
    };
  });
  return { tasks, upstreamNowMs: reply.upstreamNowMs };
}
