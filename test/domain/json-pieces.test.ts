/** JSON in pieces: together they are what `JSON.stringify` makes. */

import fc from 'fast-check';
import { jsonPieces } from '../../src/domain/json-pieces.ts';

const LONG = 512 * 1024;
const long = fc
  .tuple(
    fc.constantFrom('a', '"', '\u00e9', '\u{1f98a}'),
    fc.integer({ min: LONG - 1, max: LONG + 1 }),
    fc.constantFrom(1, 2),
  )
  .map(([character, length, times]) => `x${character.repeat((length * times) / character.length)}`);
const text = fc.oneof(
  { weight: 9, arbitrary: fc.string() },
  long,
  fc.constantFrom('"\\u00000"', '\\u00000', '\u00000', '\0'),
);

test('they make one text', () => {
  const value = fc.oneof(
    text,
    fc.dictionary(text, fc.oneof(text, fc.integer(), fc.array(text, { maxLength: 3 })), { maxKeys: 3 }),
  );
  fc.assert(
    fc.property(value, (held) => {
      expect([...jsonPieces(held)].join('') === JSON.stringify(held)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test('none is much longer than half a MiB where a text is', () => {
  const pieces = [...jsonPieces({ image: 'A'.repeat(5 * LONG) })];
  expect(Math.max(...pieces.map(({ length }) => length))).toBe(LONG);
});

test('what each value is prepared for is written', () => {
  const doubled = (part: unknown) => (typeof part === 'string' ? part + part : part);
  expect([...jsonPieces({ a: 'b', c: ['d'] }, doubled)].join('')).toBe('{"a":"bb","c":["dd"]}');
});

test('of undefined there are none', () => {
  expect([...jsonPieces(undefined)].join('')).toBe('');
});
