/** What one poll of a task showed, read the same way for every API: above all, the task's end has to be found. */

import type { UpstreamWords } from '../../domain/failure.ts';
import type { JsonObject } from '../../domain/json.ts';
import { plainWord } from '../../domain/plain-word.ts';
import type { ResultLink, TaskStatus } from '../../domain/provider.ts';
import { retryAfterMs } from '../../net/retry-after.ts';
import { type JsonReply, unexpectedAnswer } from '../../net/trusted/request-json.ts';
import { saidText, wordsIn } from '../../net/upstream-words.ts';
import { isSuccess } from '../read-answer.ts';
import { costOf } from './cost.ts';
import { at, holdersIn, instantMs, isListing, percentOf, shownId } from './fields.ts';
import { linkIn } from './result-link.ts';
import { meaningOf } from './status-words.ts';

/** What of a poll's answer differs between providers. */
export interface StatusReading {
  /** What was asked for, as messages name it. */
  readonly wanted: string;
  /** Finds the clip of a task that ended well; null where there is none. */
  resultOf(task: JsonObject): ResultLink | null;
}

/** Where the word for a task's state stands, the documented keys (AF-29, OV-17, IN-13) first. */
const WORD_KEYS = ['status', 'state', 'task_status', 'taskStatus'];

/** A longer one is no word. */
const LONGEST_WORD = 100;

/** That a task has failed and nothing more. */
const SAYS_NO_MORE = 'failed';

/**
 * Reads a poll's answer. The id in it is ignored, since the path named the task, and a relay may have ids of its own.
 * @throws UpstreamError for what is no task; a failed poll says nothing of the task.
 */
export function readTaskStatus(reply: JsonReply, { wanted, resultOf }: StatusReading): TaskStatus {
  const task = taskIn(reply.body);
  const word = task && wordOf(task);
  const meaning = meaningOf(word ?? '');
  // Some servers answer for a failed task with the status of its failure, and with the task as the body.
  if (task && (isSuccess(reply) || isTask(task))) {
    if (meaning === 'succeeded') return { kind: 'succeeded', result: resultOf(task), costMicroUsd: costOf(task) };
    if (meaning === 'failed') return { kind: 'failed', upstream: failureOf(task, reply), costMicroUsd: costOf(task) };
  }
  if (reply.status === 404 || reply.status === 410) return { kind: 'missing' };
  if (!isSuccess(reply)) throw unexpectedAnswer(reply, wanted);
  if (task === undefined || (word === undefined && !isTask(task))) {
    throw unexpectedAnswer(reply, wanted, 'it shows neither the status of a task nor its id');
  }
  const progress = percentOf(task['progress']);
  const known = meaning === 'pending';
  const looksDone = !known && (progress === 100 || linkIn(task) !== undefined);
  return {
    kind: 'pending',
    progress,
    word: word ?? '',
    known,
    ...(looksDone && { result: resultOf(task) ?? undefined }),
    retryAfterMs: retryAfterMs(reply.headers, reply.upstreamNowMs),
  };
}

/** The answer itself where it has an id, else what in it shows a status: an envelope may have a `status` of its own. */
function taskIn(body: unknown): JsonObject | undefined {
  if (isListing(body)) return undefined;
  const [whole, ...held] = holdersIn(body, 1);
  if (whole === undefined || shownId(whole) !== undefined) return whole;
  return held.find((holder) => wordOf(holder) !== undefined) ?? whole;
}

/** The first word that is known, else the first; undefined where there is none. */
function wordOf(task: JsonObject): string | undefined {
  const words = WORD_KEYS.flatMap((key) => saidText(task[key], LONGEST_WORD) ?? []);
  return words.find((word) => meaningOf(word) !== undefined) ?? words[0];
}

/** Whether an answer of any status is a task, and no error with a word of its own. */
function isTask(task: JsonObject): boolean {
  const hasTime = ['created_at', 'created'].some((key) => instantMs(task[key]) !== undefined);
  return shownId(task) !== undefined || hasTime || percentOf(task['progress']) !== null;
}

/** AF-32, AO-13, IN-13, OV-23: text or an object, of the task or of what it came in; its word where there is no code. */
function failureOf(task: JsonObject, reply: JsonReply): UpstreamWords {
  const { type: _kindOfTask, ...rest } = task;
  const own = wordsIn(rest);
  const around = own.message === undefined ? wordsIn(at(reply.body, 'error')) : {};
  const word = plainWord(wordOf(task) ?? SAYS_NO_MORE);
  return { ...(word !== SAYS_NO_MORE && { code: word }), ...around, ...own };
}
