/** What all dialects do to a create body: fit it to the documented schema, bound its texts, keep what is unknown. */

import type { z } from 'zod';
import { Refusal } from '../domain/failure.ts';
import { isFilledIn, isJsonObject, isLongerThan, type JsonObject } from '../domain/json.ts';
import { firstProblem, problemWords } from '../domain/schema-problems.ts';
import { GATEWAY_KEYS, REQUEST_BOUNDS } from '../domain/video-request.ts';

/** No documented value of a short field comes near this; it keeps requests small where a model states no list. */
const SHORT_TEXT_BYTES = 256;

/** Refuses a request for what it says in `param`. */
export function refuse(param: string, problem: string): never {
  throw new Refusal('invalid_request', `${param}: ${problem}`, { param });
}

/**
 * The body as the schema reads it.
 * @throws Refusal `invalid_request` naming the first parameter at fault.
 */
export function readBody<T>(schema: z.ZodType<T>, body: unknown): T {
  if (!isJsonObject(body)) throw new Refusal('invalid_request', 'the body must be a JSON object');
  const read = schema.safeParse(body, { error: problemWords });
  if (read.success) return read.data;
  const { path, problem } = firstProblem(read.error.issues);
  return refuse(path === '' ? 'body' : path, problem);
}

/** The same without members that are empty texts, however deep. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (!isJsonObject(value)) return value;
  const filled = Object.entries(value).filter(([, member]) => member !== '');
  return Object.fromEntries(filled.map(([key, member]) => [key, withoutEmpty(member)]));
}

/**
 * The body of a create as the schema reads it: what was sent empty is absent, as it is in a form. What is only forwarded
 * is not read here, and stands as it was sent (AF-17).
 * @throws Refusal `invalid_request` naming the first parameter at fault.
 */
export function readCreateBody<T>(schema: z.ZodType<T>, body: unknown): T {
  try {
    return readBody(schema, withoutEmpty(body));
  } catch (error) {
    const { param = '' } = error instanceof Refusal ? error : {};
    if (isJsonObject(body) && body[param] === '') return refuse(param, 'must not be empty');
    throw error;
  }
}

/** Refuses a prompt that is blank or longer than 32 KiB. */
export function checkPrompt(prompt: string): void {
  if (prompt.trim() === '') refuse('prompt', 'must not be empty');
  if (Buffer.byteLength(prompt) > REQUEST_BOUNDS.promptBytes) {
    refuse('prompt', `must not be longer than ${REQUEST_BOUNDS.promptBytes} bytes`);
  }
}

/** Refuses a name or a choice that is blank or absurdly long; absent ones pass. */
export function checkShortText(param: string, text: string | null | undefined): void {
  if (text == null) return;
  if (text.trim() === '') refuse(param, 'must not be empty');
  if (Buffer.byteLength(text) > SHORT_TEXT_BYTES) refuse(param, `must not be longer than ${SHORT_TEXT_BYTES} bytes`);
}

/** The documented APIs' words for the length of a clip, which is what is paid. */
const LENGTHS = ['seconds', 'duration', 'duration_seconds'];
/** Their word for how many clips one request makes. */
const COUNT = 'n';

/**
 * Refuses other APIs' words for what is paid: passed on they would have no effect here, and another clip would be made.
 * For dialects whose document does not hand unknown keys on to the model (AF-17).
 */
export function refuseForeignWords(body: unknown, knownKeys: readonly string[]): void {
  if (!isJsonObject(body)) return;
  const own = LENGTHS.find((word) => knownKeys.includes(word));
  if (own === undefined) return;
  const foreign = LENGTHS.find((word) => word !== own && isFilledIn(body[word]));
  if (foreign !== undefined) refuse(foreign, `is called ${own} here`);
  const count = isFilledIn(body[COUNT]) ? body[COUNT] : 1;
  if (!knownKeys.includes(COUNT) && count !== 1 && count !== '1') refuse(COUNT, 'one request makes one clip here');
}

/** The keys a dialect does not know, as they stand; refused above 64 KiB in all. */
export function forwardedKeys(body: unknown, knownKeys: readonly string[]): JsonObject {
  if (!isJsonObject(body)) return {};
  const extra = Object.fromEntries(
    Object.entries(body).filter(([key]) => !GATEWAY_KEYS.includes(key) && !knownKeys.includes(key)),
  );
  if (isLongerThan(extra, REQUEST_BOUNDS.extraBytes)) {
    const keys = Object.keys(extra).slice(0, 5).join(', ').slice(0, SHORT_TEXT_BYTES);
    throw new Refusal('invalid_request', `the forwarded keys (${keys}) exceed ${REQUEST_BOUNDS.extraBytes} bytes`);
  }
  return extra;
}
