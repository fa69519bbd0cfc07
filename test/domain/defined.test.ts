/** Members without a value are left out. */

import { defined } from '../../src/domain/defined.ts';

test('what is undefined is absent, and nothing else', () => {
  const given = defined({ a: 1, b: undefined, c: null, d: '', e: false });
  expect(Object.entries(given)).toEqual([
    ['a', 1],
    ['c', null],
    ['d', ''],
    ['e', false],
  ]);
});
