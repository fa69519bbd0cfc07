/** How much a JSON text holds, counted on its bytes: a small text can become very many values, and parsing builds them all. */

/** Bounds that hold for any JSON value that a body may be. */
export interface ShapeBounds {
  readonly deepest: number;
  readonly mostValues: number;
}

/** What a text is beyond. */
export type Excess = 'depth' | 'values';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** To search for the next quote costs a call, and a text may be nothing but quotes: it is looked for so far without one. */
const NEAR_BYTES = 64;

/** Where the string that begins before `from` ends; no byte of the text where it does not. */
function endOfString(text: Buffer, from: number): number {
  let at = from;
  for (;;) {
    const near = at + NEAR_BYTES;
    while (at < near && at < text.length && text[at] !== QUOTE) at += text[at] === BACKSLASH ? 2 : 1;
    if (at < near || at >= text.length) return at;
    const quote = text.indexOf(QUOTE, at);
    if (quote === -1) return text.length;
    let escapes = 0;
    while (quote - escapes > at && text[quote - 1 - escapes] === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return quote;
    at = quote + 1;
  }
}

/**
 * What a JSON text holds too much of, null where it may be parsed. Nothing else is checked: each list and object is a
 * value, and so is what stands before each comma, so a text that passes holds twice `mostValues` at the most.
 */
export function findExcess(bytes: Uint8Array, { deepest, mostValues }: ShapeBounds): Excess | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let depth = 0;
  let opened = 0;
  let commas = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at];
    if (byte === QUOTE) at = endOfString(text, at + 1);
    else if (byte === COMMA) commas += 1;
    else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth -= 1;
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      depth += 1;
      opened += 1;
      if (depth > deepest) return 'depth';
    }
    if (commas >= mostValues || opened > mostValues) return 'values';
  }
  return null;
}
