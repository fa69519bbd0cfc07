/** How much a JSON text holds, counted on its bytes: a small text can become very many values, and parsing builds them all. */

import { isAscii } from 'node:buffer';
import type { Extent } from './parse-around.ts';

/** Bounds that hold for any JSON value that a body may be. */
export interface ShapeBounds {
  readonly deepest: number;
  readonly mostValues: number;
  /** Of a text that is not as plain as base64. */
  readonly longestText: number;
}

/** What a text is beyond. */
export type Excess = 'depth' | 'values' | 'text';

export interface Shape {
  /** What it holds too much of; null where it may be parsed. */
  readonly excess: Excess | null;
  /** Its long texts that need no reading. */
  readonly verbatim: readonly Extent[];
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** To search for the next quote costs a call, and a text may be nothing but quotes: it is looked for so far without one. */
const NEAR_BYTES = 64;

/** Where the string that begins before `from` ends, which is no byte of a text without its end; null for too many escapes. */
function endOfString(text: Buffer, from: number, mostEscapes: number): number | null {
  let at = from;
  let escapes = 0;
  while (escapes <= mostEscapes) {
    const near = at + NEAR_BYTES;
    while (at < near && at < text.length && text[at] !== QUOTE) {
      const isEscape = text[at] === BACKSLASH;
      if (isEscape) escapes += 1;
      at += isEscape ? 2 : 1;
    }
    if (at < near || at >= text.length) return at;
    const quote = text.indexOf(QUOTE, at);
    if (quote === -1) return text.length;
    let backslashes = 0;
    while (quote - backslashes > at && text[quote - 1 - backslashes] === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return quote;
    at = quote + 1;
  }
  return null;
}

/** Some encoders escape each slash, which is every 64th byte of an image. */
const BYTES_PER_ESCAPE = 32;

/** Whether a text costs little more than its bytes to be read, as images do: reading escapes and what is not ASCII takes far longer. */
function isPlain(text: Buffer): boolean {
  if (!isAscii(text)) return false;
  let escapesLeft = text.length / BYTES_PER_ESCAPE;
  for (let at = text.indexOf(BACKSLASH); at !== -1; at = text.indexOf(BACKSLASH, at + 2)) {
    escapesLeft -= 1;
    if (escapesLeft < 0) return false;
  }
  return true;
}

const TAB = 0x09;
const CARRIAGE_RETURN = 0x0d;

/** Whether a plain text is what it stands for. JSON allows no control characters in it; base64 would be read past those that are white space. */
function isVerbatim(text: Buffer): boolean {
  for (let white = TAB; white <= CARRIAGE_RETURN; white++) if (text.includes(white)) return false;
  return !text.includes(BACKSLASH);
}

/**
 * What a JSON text holds too much of, and which of its texts can be cut out. Nothing else is checked: each list and
 * object is a value, and so is what stands before each comma, so a text that passes holds twice `mostValues` at the most.
 */
export function shapeOf(text: Buffer, { deepest, mostValues, longestText }: ShapeBounds): Shape {
  const verbatim: Extent[] = [];
  const beyond = (excess: Excess | null): Shape => ({ excess, verbatim });
  // Of so many values and of their keys.
  const mostTexts = 4 * mostValues;
  // With more of them a string is too long and not plain, wherever it ends: each takes two bytes at least.
  const mostEscapes = Math.max(longestText / 2, text.length / BYTES_PER_ESCAPE);
  let depth = 0;
  let opened = 0;
  let commas = 0;
  let texts = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at];
    if (byte === QUOTE) {
      const end = endOfString(text, at + 1, mostEscapes);
      if (end === null) return beyond('text');
      if (end - at - 1 > longestText) {
        const long = text.subarray(at + 1, end);
        if (!isPlain(long)) return beyond('text');
        if (isVerbatim(long)) verbatim.push({ start: at + 1, end });
      }
      at = end;
      texts += 1;
    } else if (byte === COMMA) commas += 1;
    else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth -= 1;
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      depth += 1;
      opened += 1;
      if (depth > deepest) return beyond('depth');
    }
    if (commas >= mostValues || opened > mostValues || texts > mostTexts) return beyond('values');
  }
  return beyond(null);
}
