/** How long values are as JSON. */

import fc from 'fast-check';
import { isLongerThan, type Json } from '../../src/domain/json.ts';

test('a value is longer than what its JSON takes less than', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.integer({ min: -2, max: 2 }), (value, more) => {
      const sizeBytes = Buffer.byteLength(JSON.stringify(value));
      expect(isLongerThan(value as Json, sizeBytes + more)).toBe(more < 0);
    }),
  );
});

test.each([
  ['many items', Array(1000).fill(1)],
  ['one long text', 'x'.repeat(1999)],
  ['one long key', { ['x'.repeat(1995)]: 1 }],
])('of %s: 2001 bytes', (_, value) => {
  expect([2000, 2001].map((bytes) => isLongerThan(value, bytes))).toEqual([true, false]);
});
