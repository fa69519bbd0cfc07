/** Readers of option values and arguments; what does not fit is a usage error. */

import { InvalidArgumentError } from 'commander';
import { IDEMPOTENCY_KEY_WORDS, isIdempotencyKey } from '../domain/idempotency-key.ts';
import { isJsonObject, type JsonObject, parseJson } from '../domain/json.ts';

/** A number in these bounds, whole where it has to be. */
export function numberBetween(min: number, max: number, isWhole: boolean) {
  return (text: string): number => {
    const value = Number(text);
    const fits = text.trim() !== '' && value >= min && value <= max && (!isWhole || Number.isInteger(value));
    if (!fits) throw new InvalidArgumentError(`a ${isWhole ? 'whole ' : ''}number from ${min} to ${max} is wanted.`);
    return value;
  };
}

const DOLLARS = /^(\d{1,9})(?:\.(\d{1,6}))?$/;

/** US dollars with up to six decimals as micro-dollars, without a detour through fractions. */
export function microUsdFromDollars(text: string): number {
  const [, whole, fraction = ''] = DOLLARS.exec(text) ?? [];
  if (whole === undefined) throw new InvalidArgumentError('US dollars are wanted, such as 25 or 0.05.');
  return Number(whole) * 1_000_000 + Number(fraction.padEnd(6, '0'));
}

/** What the header of that name takes. */
export function idempotencyKey(text: string): string {
  if (isIdempotencyKey(text)) return text;
  throw new InvalidArgumentError(`${IDEMPOTENCY_KEY_WORDS} are wanted.`);
}

/** For options that may be given several times. */
export function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

/** `a,b` as a list. */
export function commaSeparated(text: string): readonly string[] {
  const values = text.split(',').map((value) => value.trim());
  if (values.includes('')) throw new InvalidArgumentError('a list such as a,b is wanted.');
  return values;
}

/** The same of known words. */
export function wordsAmong(known: readonly string[]) {
  return (text: string): readonly string[] => {
    const words = commaSeparated(text);
    if (words.every((word) => known.includes(word))) return words;
    throw new InvalidArgumentError(`one of ${known.join(', ')} is wanted, or several with commas.`);
  };
}

/** A whole JSON object. */
export function jsonObject(text: string): JsonObject {
  const value = parseJson(text);
  if (isJsonObject(value)) return value;
  throw new InvalidArgumentError('a JSON object is wanted, such as {"style":"noir"}.');
}
