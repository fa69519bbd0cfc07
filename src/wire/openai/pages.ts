/** What OpenAI's routes have in common: files in forms, pages of lists, and what is said of what was removed. */

import { z } from 'zod';

/** The bytes of a file in a form. */
export const binary = z.string().meta({ format: 'binary' });

/** Unix seconds; null for what has not happened. */
export const instant = z.int().nullable();

/** Where a list goes on, and how much of it is wanted. */
export function listQuery({ max }: { readonly max: number }) {
  return z.object({
    after: z.string().optional().describe('The last id of the page before.'),
    limit: z.int().min(1).max(max).optional(),
  });
}

/** A page of a list. */
export function pageOf<Entry extends z.ZodType>(entry: Entry) {
  return z.object({
    object: z.literal('list'),
    data: z.array(entry),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  });
}

/** What is answered for a thing that is no more. */
export function deletedOf(object: string) {
  return z.object({ id: z.string(), object: z.literal(object), deleted: z.literal(true) });
}
