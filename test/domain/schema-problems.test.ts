/** What a schema finds wrong, in words of ours: none of the library's, and the place of what is meant. */

import { z } from 'zod';
import { firstProblem, problemWords } from '../../src/domain/schema-problems.ts';

function problemOf(schema: z.ZodType, value: unknown): string {
  const { error } = schema.safeParse(value, { error: problemWords });
  if (!error) throw new Error('nothing is wrong');
  const { path, problem } = firstProblem(error.issues);
  return `${path}: ${problem}`;
}

const body = (shape: z.ZodRawShape) => z.strictObject(shape);
const seconds = z.union([z.number(), z.string().regex(/^\d+$/, 'must be whole seconds').transform(Number)]);
const forms = z.union([
  z.strictObject({ action: z.enum(['a', 'b']), ids: z.array(z.string()).min(1) }),
  z.strictObject({ action: z.enum(['a', 'b']), filter: z.strictObject({ model: z.string().optional() }) }),
]);

test.each<[string, z.ZodType, unknown, string]>([
  ['a missing text', body({ a: z.string() }), {}, 'a: is missing'],
  ['a missing choice', body({ a: z.enum(['x', 'y']) }), {}, 'a: is missing'],
  ['a missing form', body({ a: seconds }), {}, 'a: is missing'],
  ['a number for a text', body({ a: z.string() }), { a: 1 }, 'a: must be a text'],
  ['a text for a number', body({ a: z.number() }), { a: '1' }, 'a: must be a number'],
  ['a fraction', body({ a: z.int() }), { a: 1.5 }, 'a: must be a whole number'],
  ['a text for a list', body({ a: z.array(z.string()) }), { a: '' }, 'a: must be a list'],
  ['null', body({ a: z.boolean() }), { a: null }, 'a: must be true or false'],
  ['an unknown word', body({ a: z.enum(['x', 'y']) }), { a: 'z' }, 'a: must be one of x, y'],
  ['the one word', body({ a: z.literal('x') }), { a: 'z' }, 'a: must be x'],
  ['an empty text', body({ a: z.string().min(1) }), { a: '' }, 'a: must not be empty'],
  ['a long text', body({ a: z.string().max(2) }), { a: 'abc' }, 'a: must have at most 2 characters'],
  ['a short list', body({ a: z.array(z.int()).min(2) }), { a: [1] }, 'a: must have at least 2 entries'],
  ['a small number', body({ a: z.int().min(3) }), { a: 2 }, 'a: must be at least 3'],
  ['nothing of what must be some', body({ a: z.int().positive() }), { a: 0 }, 'a: must be above 0'],
  ['a large number', body({ a: z.number().max(3) }), { a: 4 }, 'a: must be at most 3'],
  ['no time', body({ a: z.iso.datetime() }), { a: 'x' }, 'a: must be an ISO 8601 time, such as 2026-01-31T12:00:00Z'],
  ['no URL', body({ a: z.url() }), { a: 'x' }, 'a: must be an http or https URL'],
  ['an unknown member', body({ a: z.string() }), { a: 'x', b: 1 }, 'b: is not known here'],
  ['an entry of a list', body({ a: z.array(z.string()) }), { a: ['x', 1] }, 'a.1: must be a text'],
  ['words of the schema itself', body({ a: seconds }), { a: '8.0' }, 'a: must be whole seconds'],
  ['what is none of several types', body({ a: seconds }), { a: [] }, 'a: must be a number or a text'],
  ['a member of one form', forms, { action: 'a', ids: 5 }, 'ids: must be a list'],
  ['a member below one form', forms, { action: 'a', filter: { x: 1 } }, 'filter: has no member x'],
  ['another kind of thing', forms, 5, ': must be an object'],
  [
    'a word that tells forms apart',
    z.discriminatedUnion('type', [z.object({ type: z.literal('x') }), z.object({ type: z.literal('y') })]),
    { type: 'z' },
    'type: must be one of x, y',
  ],
  ['what only a rule refuses', body({ a: z.string().refine(() => false) }), { a: 'x' }, 'a: does not fit'],
])('%s', (_what, schema, value, words) => {
  expect(problemOf(schema, value)).toBe(words);
});
