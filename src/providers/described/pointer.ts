/** JSON pointers: where in an answer something stands. */

import { firstOf, valueUnder } from '../reading/fields.ts';

/** What a pointer leads to; undefined where the answer is of another shape. */
export function valueAt(value: unknown, pointer: string): unknown {
  const keys = pointer.split('/').slice(1);
  return valueUnder(
    value,
    keys.map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~')),
  );
}

/** What is read at the first pointer that leads to something readable. */
export function firstAt<Read>(
  value: unknown,
  pointers: readonly string[] | undefined,
  read: (found: unknown) => Read | undefined,
): Read | undefined {
  return firstOf(pointers ?? [], (pointer) => read(valueAt(value, pointer)));
}

/** The pointer to what holds the thing that a pointer leads to. */
export function holderOf(pointer: string): string {
  return pointer.slice(0, pointer.lastIndexOf('/'));
}
