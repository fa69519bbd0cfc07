/** Single fields of an answer, each read for itself: what one cannot be read as hides no other. */

import { isJsonObject, type JsonObject } from '../../domain/json.ts';
import { isStorable } from '../../domain/video-request.ts';

/** A longer one is no id. */
const LONGEST_ID = 512;

/** Where an answer may hold the task instead of being it. */
const HOLDER_KEYS = ['data', 'result', 'video', 'task', 'output', 'job', 'generation', 'response'];
const DEEPEST_HOLDER = 2;

/** What a task's id is called, by one server or another. */
const ID_KEYS = ['id', 'task_id', 'video_id', 'generation_id', 'job_id', 'taskId', 'videoId', 'generationId', 'jobId'];

/** The latest second of the year 9999, milliseconds; the catalog can hold no later year as text. */
const LAST_INSTANT_MS = 253_402_300_799_000;
/** Seconds do not reach this before the year 5138, milliseconds have since 1973. */
const FIRST_MILLISECONDS = 100_000_000_000;
const SHARE_GRAIN = 1e-9;
const ISO_DATE =
  /^(?<day>\d{4}-\d\d-\d\d)(?:[T ](?<time>\d\d:\d\d(?::\d\d(?:\.\d+)?)?) ?(?<zone>Z|[+-]\d\d(?::?\d\d)?)?)?$/i;

/** The value under keys and positions, one within the other; undefined where the answer is of another shape. */
export function valueUnder(value: unknown, keys: readonly string[]): unknown {
  let inner = value;
  for (const key of keys) {
    if (typeof inner !== 'object' || inner === null || !Object.hasOwn(inner, key)) return undefined;
    inner = Reflect.get(inner, key);
  }
  return inner;
}

/** The same at a path such as `data.0.url`. */
export function at(value: unknown, path: string): unknown {
  return valueUnder(value, path.split('.'));
}

/** A text that the catalog can store, without the blanks around it; undefined for everything else. */
export function textOf(value: unknown): string | undefined {
  const text = typeof value === 'string' ? value.trim() : '';
  return text !== '' && isStorable(text) ? text : undefined;
}

/** A number, or a text that is one; undefined for everything else. */
export function numberOf(value: unknown): number | undefined {
  const isNumeric = typeof value === 'string' && /^[+-]?\d+(?:\.\d+)?$/.test(value.trim());
  const number = isNumeric ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

/** An id as it may be asked for: a text as it stands, or a whole number that JSON carried without loss. */
export function idOf(value: unknown): string | undefined {
  const id = Number.isSafeInteger(value) && Number(value) > 0 ? String(value) : value;
  if (typeof id !== 'string' || id.length > LONGEST_ID || textOf(id) === undefined) return undefined;
  // In a path these would name another route.
  return id === '.' || id === '..' ? undefined : id;
}

/** The id that an object shows under its documented key, or else under one of the usual ones. */
export function shownId(object: JsonObject, documentedKey = 'id'): string | undefined {
  return firstOf([documentedKey, ...ID_KEYS], (key) => idOf(object[key]));
}

/** Milliseconds of an instant in seconds, milliseconds or ISO 8601, where no zone means UTC. */
export function instantMs(value: unknown): number | undefined {
  const number = numberOf(value);
  const atMs = number === undefined ? isoMs(value) : Math.floor(number < FIRST_MILLISECONDS ? number * 1000 : number);
  return atMs > 0 && atMs <= LAST_INSTANT_MS ? atMs : undefined;
}

function isoMs(value: unknown): number {
  const { day, time, zone = 'Z' } = ISO_DATE.exec(textOf(value) ?? '')?.groups ?? {};
  if (day === undefined) return Number.NaN;
  const wholeZone = /^[+-]\d\d$/.test(zone) ? `${zone}:00` : zone;
  return Date.parse(time === undefined ? day : `${day}T${time}${wholeZone}`);
}

/** Whole per cent from 0 to 100 of a number, a share below 1 or a text such as `45%`; null for what says none. */
export function percentOf(value: unknown): number | null {
  const isMarked = typeof value === 'string' && value.trim().endsWith('%');
  const number = numberOf(isMarked ? value.trim().slice(0, -1).trim() : value);
  if (number === undefined) return null;
  const isShare = !isMarked && number > 0 && number < 1;
  // 0.29 × 100 is a little less than 29.
  const percent = isShare ? number * 100 + SHARE_GRAIN : number;
  return Math.floor(Math.min(Math.max(percent, 0), 100));
}

/** What is first read among several candidates. */
export function firstOf<Candidate, Read>(
  candidates: Iterable<Candidate>,
  read: (candidate: Candidate) => Read | undefined,
): Read | undefined {
  for (const candidate of candidates) {
    const found = read(candidate);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether an answer is a list of tasks: what such a one shows first is another's. */
export function isListing(body: unknown): boolean {
  return at(body, 'object') === 'list' || at(body, 'has_more') !== undefined;
}

/**
 * An answer's object and those it holds, the outer ones first; of a list, what its first entry is, unless it has more
 * than `mostEntries`.
 */
export function* holdersIn(
  value: unknown,
  mostEntries = Number.POSITIVE_INFINITY,
  depth = 0,
): Generator<JsonObject, void> {
  const holder: unknown = Array.isArray(value) && value.length <= mostEntries ? value[0] : value;
  if (!isJsonObject(holder) || depth > DEEPEST_HOLDER) return;
  yield holder;
  for (const key of HOLDER_KEYS) yield* holdersIn(holder[key], mostEntries, depth + 1);
}
