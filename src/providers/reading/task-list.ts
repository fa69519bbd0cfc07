/** An account's list of tasks: each entry as far as it can be read, and no list that may lack one. */

import { isJsonObject, type JsonObject } from '../../domain/json.ts';
import type { TaskList } from '../../domain/provider.ts';
import { type JsonReply, unexpectedAnswer } from '../../net/trusted/request-json.ts';
import { upstreamText } from '../../net/upstream-text.ts';
import { entriesUnder, isSuccess } from '../read-answer.ts';
import { costOf } from './cost.ts';
import { firstOf, instantMs, numberOf, shownId, textOf } from './fields.ts';
import { saysError } from './said-error.ts';

/** What of a list differs between providers. */
export interface ListReading {
  /** What was asked for, as messages name it. */
  readonly wanted: string;
  /** The documented keys of the entries, and of an entry's id. */
  readonly entriesKey: string;
  readonly idKey: string;
  /** Where an entry that shows no creation shows an instant that lies so much later. */
  readonly derived?: { readonly key: string; readonly laterMs: number };
}

const CREATED_KEYS = ['created_at', 'created', 'createdAt', 'create_time', 'created_time'];
const SECONDS_KEYS = ['duration_seconds', 'seconds', 'duration'];
/** A longer clip is a misunderstanding. */
const MOST_SECONDS = 86_400;

/**
 * Reads a list. An entry whose time cannot be read is kept without one, since only its id tells whose it is.
 * @throws UpstreamError for what is no list, and for an entry without an id: it might be the one that is looked for.
 */
export function readTaskList(reply: JsonReply, reading: ListReading): TaskList {
  const { wanted, entriesKey } = reading;
  const entries = isSuccess(reply) ? entriesUnder(entriesKey, reply.body) : undefined;
  if (entries === undefined) throw unexpectedAnswer(reply, wanted, `it has no array of ${entriesKey}`);
  // Beside an error an empty list proves nothing.
  if (isJsonObject(reply.body) && saysError(reply.body)) throw unexpectedAnswer(reply, wanted, 'it says an error');
  const tasks = entries.map((entry, index) => {
    const task = readEntry(entry, reading);
    if (task === undefined) {
      throw unexpectedAnswer(reply, wanted, `entry ${index + 1} of the list has no readable ${reading.idKey}`);
    }
    return task;
  });
  return { tasks, upstreamNowMs: reply.upstreamNowMs };
}

function readEntry(entry: unknown, { idKey, derived }: ListReading): TaskList['tasks'][number] | undefined {
  if (!isJsonObject(entry)) return undefined;
  const taskId = shownId(entry, idKey);
  if (taskId === undefined) return undefined;
  const model = textOf(entry['model']);
  return {
    taskId,
    createdAtMs: firstOf(CREATED_KEYS, (key) => instantMs(entry[key])) ?? derivedMs(entry, derived),
    model: model === undefined ? undefined : upstreamText(model),
    // Compared and never kept, so as long as it comes.
    prompt: typeof entry['prompt'] === 'string' && entry['prompt'].trim() !== '' ? entry['prompt'] : undefined,
    durationSeconds: firstOf(SECONDS_KEYS, (key) => secondsOf(entry[key])),
    costMicroUsd: costOf(entry),
  };
}

function derivedMs(entry: JsonObject, derived: ListReading['derived']): number | undefined {
  const atMs = derived && instantMs(entry[derived.key]);
  return derived && atMs !== undefined ? atMs - derived.laterMs : undefined;
}

/** OV-20: text or a number. */
function secondsOf(value: unknown): number | undefined {
  const seconds = numberOf(value);
  return seconds !== undefined && seconds > 0 && seconds <= MOST_SECONDS ? seconds : undefined;
}
