/** The border of an upstream's words: what passes can be stored and is bounded. */

import { assert, integer, property, string } from 'fast-check';
import { isStorable } from '../../src/domain/video-request.ts';
import { upstreamText } from '../../src/net/upstream-text.ts';

const anyText = string({ unit: 'binary', maxLength: 3000 });

test('of any text what passes can be stored and is as long as it may be', async () => {
  await assert(
    property(anyText, integer({ min: 1, max: 3000 }), (said, most) => {
      const kept = upstreamText(said, most);
      expect(isStorable(kept)).toBe(true);
      expect(kept.length).toBeLessThanOrEqual(most);
      // What is cut off begins within a character at the most.
      const uncut = upstreamText(said);
      expect(uncut.length - kept.length).toBeLessThanOrEqual(Math.max(0, said.length - most) + 1);
    }),
  );
});

test.each<[string, string, string]>([
  ['what is well formed', 'ein „Wort“ 😀', 'ein „Wort“ 😀'],
  ['a NUL', 'a\0b', 'ab'],
  ['half of a pair', 'a\uD83Db\uDE00', 'a\uFFFDb\uFFFD'],
  ['a pair across the cut', `${'x'.repeat(1999)}😀`, 'x'.repeat(1999)],
  ['a pair before the cut', `${'x'.repeat(1998)}😀y`, `${'x'.repeat(1998)}😀`],
  ['what is far too long', 'x'.repeat(1_200_000), 'x'.repeat(2000)],
])('keeps of %s what can be kept', (_name, said, kept) => {
  expect(upstreamText(said)).toBe(kept);
});
