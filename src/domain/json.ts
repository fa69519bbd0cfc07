/** JSON as a type: what may stand in requests we forward and in Temporal payloads. */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** True for a plain JSON object, false for null, arrays and everything else. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a value says something: null and an empty text stand for a field that was not filled in. */
export function isFilledIn(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

/** Whether a value takes more bytes as JSON; what lies beyond them is not looked at. */
export function isLongerThan(value: Json, mostBytes: number): boolean {
  let leftBytes = mostBytes;
  const text = JSON.stringify(value, function (this: unknown, key: string, part: unknown) {
    if (!Array.isArray(this)) leftBytes -= key.length;
    if (typeof part === 'string') leftBytes -= part.length;
    return leftBytes < 0 ? undefined : part;
  });
  return leftBytes < 0 || new TextEncoder().encode(text).length > mostBytes;
}

/** What a text holds; undefined where it is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
