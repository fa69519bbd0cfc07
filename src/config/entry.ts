/** What one setting or one key of clipyard.yaml is: everything about it that is not its use. */

import type { z } from 'zod';

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Settings that cannot be used; the message names each one, its problem and an example. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** One setting, or one key of clipyard.yaml. */
export interface Entry {
  /** What it may be, with its default where it has one. */
  readonly schema: z.ZodType;
  /** What to write; the default where there is one to show. */
  readonly example?: string;
  /** For the documents, in Markdown. */
  readonly meaning: string;
  /** What the documents say of its absence where the schema has no default, or one that is not to be printed. */
  readonly absent?: string;
}

/** The shape of an object with these keys. */
export function shapeOf<Entries extends Readonly<Record<string, Entry>>>(entries: Entries) {
  const shape = Object.entries(entries).map(([key, { schema }]) => [key, schema]);
  return Object.fromEntries(shape) as { [Key in keyof Entries]: Entries[Key]['schema'] };
}

/** The default as it is written; undefined where there is none. */
export function printDefault({ schema }: Entry): string | undefined {
  const { data } = schema.safeParse(undefined);
  return typeof data === 'string' ? data : JSON.stringify(data);
}

/** What to write instead of a value that cannot be used. */
export function exampleOf(entry: Entry): string {
  return entry.example ?? printDefault(entry) ?? '';
}
