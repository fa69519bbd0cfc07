/** Finding what an answer says of a failure, in whichever of the usual shapes. */

import { isJsonObject, type JsonObject } from '../domain/json.ts';
import { upstreamText } from './upstream-text.ts';

/** A code and a sentence, as they may be kept; what the answer does not say is absent. */
export interface SaidWords {
  readonly code?: string;
  readonly message?: string;
}

interface FoundWords {
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  /** Stands in for the code where there is none. */
  readonly type?: string | undefined;
}

/** Where an error is wrapped in another. */
const ERROR_KEYS = ['error', 'errors'];
/** The exact ones first: beside a `fail_reason` the `message` is often the envelope's "success". */
const MESSAGE_KEYS = [
  'fail_reason',
  'failure_reason',
  'failureReason',
  'fail_message',
  'failure_message',
  'error_message',
  'error_msg',
  'errorMessage',
  'message',
  'msg',
  'detail',
  'reason',
];
const CODE_KEYS = [
  'code',
  'error_code',
  'errorCode',
  'failure_code',
  'failureCode',
  'fail_code',
  'error_type',
  'errorType',
];

/** What programs print where they have nothing to say. */
const SAYS_NOTHING = new Set(['', 'none', 'null', 'undefined']);
/** What an envelope says that went well, beside the failure that lies in it. */
const SAYS_WELL = new Set(['0', '200', 'ok', 'success', 'succeed', 'succeeded', 'successful']);

const LONGEST_CODE = 200;
const DEEPEST = 4;
const MOST_ENTRIES = 20;

/** A text, or a number's digits, as they may be kept; undefined for everything else and for what says nothing. */
export function saidText(value: unknown, most?: number): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const text = upstreamText(String(value), most).trim();
  return SAYS_NOTHING.has(text.toLowerCase()) ? undefined : text;
}

/** A text that says why something failed; undefined for one of an envelope that went well. */
export function saidReason(value: unknown): string | undefined {
  const text = saidText(value);
  return text === undefined || SAYS_WELL.has(text.toLowerCase()) ? undefined : text;
}

/** The words of a failure in an answer, or in a part of one. */
export function wordsIn(value: unknown): SaidWords {
  const { message, type, code = type } = find(value, 0);
  return { ...(code !== undefined && { code }), ...(message !== undefined && { message }) };
}

function find(value: unknown, depth: number): FoundWords {
  if (depth > DEEPEST) return {};
  if (typeof value === 'string') return { message: saidReason(value) };
  if (typeof value === 'number') return { code: codeText(value) };
  if (Array.isArray(value)) return findInList(value, depth);
  return isJsonObject(value) ? findInObject(value, depth) : {};
}

/** The first entry that has words; a bare number in a list is none. */
function findInList(list: readonly unknown[], depth: number): FoundWords {
  for (const entry of list.slice(0, MOST_ENTRIES)) {
    const words = find(entry, depth + 1);
    if (words.message !== undefined) return words;
  }
  return {};
}

function findInObject(object: JsonObject, depth: number): FoundWords {
  const inner = ERROR_KEYS.map((key) => find(object[key], depth + 1)).find(isSaid) ?? {};
  const own = inner.message === undefined ? ownMessage(object, depth) : {};
  return {
    code: inner.code ?? own.code ?? firstCode(object),
    message: inner.message ?? own.message,
    type: inner.type ?? own.type ?? saidText(object['type'], LONGEST_CODE),
  };
}

function ownMessage(object: JsonObject, depth: number): FoundWords {
  for (const key of MESSAGE_KEYS) {
    const words = typeof object[key] === 'number' ? {} : find(object[key], depth + 1);
    if (words.message !== undefined) return { ...words, message: placed(object, words.message) };
  }
  return {};
}

/** Pydantic says beside the message at which place of the request it is wrong. */
function placed({ loc }: JsonObject, message: string): string {
  const place = Array.isArray(loc) ? loc.flatMap((part) => saidText(part) ?? []).join('.') : '';
  return place === '' ? message : upstreamText(`${place}: ${message}`);
}

function firstCode(object: JsonObject): string | undefined {
  for (const key of CODE_KEYS) {
    const code = codeText(object[key]);
    if (code !== undefined) return code;
  }
  return undefined;
}

function codeText(value: unknown): string | undefined {
  const text = saidText(value, LONGEST_CODE);
  return text === undefined || SAYS_WELL.has(text.toLowerCase()) ? undefined : text;
}

function isSaid({ code, message, type }: FoundWords): boolean {
  return code !== undefined || message !== undefined || type !== undefined;
}
