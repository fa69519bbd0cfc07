/** Idempotency keys as clients send them, and the fingerprint that tells a repeat from another request. */

import { createHash } from 'node:crypto';
import { setImmediate as othersTurn } from 'node:timers/promises';
import { Refusal } from '../../domain/failure.ts';
import { IDEMPOTENCY_KEY_WORDS, type IdempotencyKey, isIdempotencyKey } from '../../domain/idempotency-key.ts';
import { isJsonObject } from '../../domain/json.ts';
import { jsonPieces } from '../../domain/json-pieces.ts';

const QUOTED = /^"((?:[^"\\]|\\["\\])*)"$/;

function refuse(problem: string): never {
  throw new Refusal('invalid_request', problem, { param: 'idempotency_key' });
}

/** Some clients send the key bare, others as the draft's quoted string; both name the same key. */
function unquote(header: string): string {
  const quoted = QUOTED.exec(header)?.[1];
  return quoted === undefined ? header : quoted.replace(/\\(["\\])/g, '$1');
}

/**
 * The one key of a request from its header and its body; null when it has none.
 * @throws Refusal `invalid_request` for a malformed key, or for two that differ.
 */
export function idempotencyKeyOf(header: string | string[] | undefined, inBody: string | undefined): string | null {
  const inHeader = header === undefined ? undefined : unquote([header].flat().join(', ').trim());
  for (const key of [inHeader, inBody]) {
    if (key !== undefined && !isIdempotencyKey(key)) {
      refuse(`the idempotency key must be ${IDEMPOTENCY_KEY_WORDS}`);
    }
  }
  if (inHeader !== undefined && inBody !== undefined && inHeader !== inBody) {
    refuse('the idempotency keys in the header and in the body differ');
  }
  return inHeader ?? inBody ?? null;
}

/** A body without the key it carries, so that a repeat may carry it in its header instead. */
export function withoutKey(body: unknown): unknown {
  if (!isJsonObject(body)) return body;
  const { idempotency_key: _key, ...rest } = body;
  return rest;
}

/** The key of a request whose body may carry it too, with what it was sent with, which takes long to count for images. */
export async function idempotencyOf(
  header: string | string[] | undefined,
  sent: unknown,
  inBody?: string | undefined,
): Promise<IdempotencyKey | null> {
  const key = idempotencyKeyOf(header, inBody);
  return key === null ? null : { key, bodyHash: await fingerprint(sent) };
}

/** SHA-256, in hex, of a JSON value, the same for any order of its keys and any white space. */
export async function fingerprint(body: unknown): Promise<string> {
  const hash = createHash('sha256');
  let pieces = 0;
  for (const piece of jsonPieces(body, sorted)) {
    if (pieces > 0) await othersTurn();
    pieces += 1;
    hash.update(piece);
  }
  return hash.digest('hex');
}

function sorted(value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
