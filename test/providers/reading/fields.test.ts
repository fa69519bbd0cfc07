/** Single fields of answers: what each form of a value is read as, and what is not read as anything. */

import { at, idOf, instantMs, numberOf, percentOf } from '../../../src/providers/reading/fields.ts';

test.each<[unknown, string | undefined]>([
  ['video_1', 'video_1'],
  ['vid:ab/a+b=', 'vid:ab/a+b='],
  ['ü 😀', 'ü 😀'],
  [17, '17'],
  ['x'.repeat(512), 'x'.repeat(512)],
  ['x'.repeat(513), undefined],
  ['', undefined],
  ['  ', undefined],
  ['.', undefined],
  ['..', undefined],
  ['a\0', undefined],
  ['a\uDE00', undefined],
  [0, undefined],
  [-4, undefined],
  [1.5, undefined],
  [2 ** 53, undefined],
  [null, undefined],
  [{ id: 'x' }, undefined],
])('the id %j is read as %j', (value, id) => {
  expect(idOf(value)).toBe(id);
});

const NOON = Date.UTC(2026, 5, 1, 12);

test.each<[unknown, number | undefined]>([
  [NOON / 1000, NOON],
  [NOON / 1000 + 0.25, NOON + 250],
  [NOON, NOON],
  [String(NOON / 1000), NOON],
  [String(NOON), NOON],
  ['2026-06-01T12:00:00Z', NOON],
  ['2026-06-01T12:00:00.000000', NOON],
  ['2026-06-01 12:00:00', NOON],
  ['2026-06-01T14:00:00+02:00', NOON],
  ['2026-06-01T14:00:00+0200', NOON],
  ['2026-06-01T14:00+02', NOON],
  [' 2026-06-01t12:00:00z ', NOON],
  ['2026-06-01', Date.UTC(2026, 5, 1)],
  ['2026-13-01T12:00:00Z', undefined],
  ['1 June 2026', undefined],
  ['now', undefined],
  ['', undefined],
  [0, undefined],
  [-1, undefined],
  [1e300, undefined],
  ['9'.repeat(40), undefined],
  [null, undefined],
  [true, undefined],
  [{}, undefined],
])('the instant %j is read as %p', (value, atMs) => {
  expect(instantMs(value)).toBe(atMs);
});

test.each<[unknown, number | undefined]>([
  [0.5, 0.5],
  ['0.5', 0.5],
  [' -3 ', -3],
  [JSON.parse('1e999'), undefined],
  ['1e3', undefined],
  ['0x10', undefined],
  ['', undefined],
  [[1], undefined],
])('the number %j is read as %p', (value, number) => {
  expect(numberOf(value)).toBe(number);
});

test.each<[unknown, number | null]>([
  [0, 0],
  [0.5, 50],
  [1, 1],
  [99.9, 99],
  [JSON.parse('1e999'), null],
  ['0.5', 50],
  ['0.5%', 0],
  ['100%', 100],
  ['%', null],
  [null, null],
])('the progress %j is read as %p', (value, percent) => {
  expect(percentOf(value)).toBe(percent);
});

test.each<[string, unknown]>([
  ['a.0.b', 1],
  ['a.1.b', undefined],
  ['a.b', undefined],
  ['a.length', 1],
  ['constructor', undefined],
  ['__proto__', undefined],
  ['text.0', undefined],
])('at %s lies %p', (path, value) => {
  expect(at({ a: [{ b: 1 }], text: 'x' }, path)).toBe(value);
});
