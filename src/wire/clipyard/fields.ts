/** What queries, bodies and answers of our own API are made of. */

import { z } from 'zod';
import { PROVIDERS } from '../../domain/vendor.ts';

export const V1 = '/clipyard/v1';

export const PAGE_LIMIT = { default: 50, max: 200 } as const;

export const LONGEST_DURATION_SECONDS = 86_400;

/** Larger counts do not fit the catalog's columns. */
export const MAX_COUNT = 2_147_483_647;

const LONGEST_TEXT = 200;

const LONGEST_CURSOR = 1000;

/** Years that JavaScript and the database write alike, the offset counted in. */
const YEARS = { first: 1, last: 9999 } as const;

/** Describes a value that is read from text as what it stands for. */
function readAs(shown: z.core.JSONSchema.BaseSchema) {
  return {
    override: ({ jsonSchema }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }) => {
      delete jsonSchema.pattern;
      delete jsonSchema.anyOf;
      Object.assign(jsonSchema, shown);
    },
  };
}

/**
 * `a,b` as a list of known words without repeats; nothing as an empty one. A parameter that is repeated is read as well, since
 * most generated clients send lists so, although the document says commas.
 */
export function listOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  const isWord = (part: string): part is Words[number] => words.includes(part);
  return z
    .union([z.string(), z.array(z.string())])
    .transform((value, context) => {
      const parts = value === '' ? [] : [...new Set([value].flat().join(',').split(','))];
      const known = parts.filter(isWord);
      if (known.length < parts.length) context.addIssue(`must be one of ${words.join(', ')}, or several with commas`);
      return known;
    })
    .meta(readAs({ type: 'array', items: { type: 'string', enum: [...words] } }));
}

/** A list in a query is one value with commas. */
export const WITH_COMMAS = { param: { style: 'form', explode: false } } as const;

export const text = z.string().min(1).max(LONGEST_TEXT);

export const chosenCount = z.int().positive().max(MAX_COUNT);

export const chosenMoney = z.int().nonnegative();

const moment = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()], {
    error: 'must be an ISO 8601 date, or a time with its zone',
  })
  .transform((value) => new Date(value))
  .refine((date) => date.getUTCFullYear() >= YEARS.first && date.getUTCFullYear() <= YEARS.last, {
    error: `must lie in the years ${YEARS.first} to ${YEARS.last}`,
  });

const LIMIT_PROBLEM = `must be a whole number from 1 to ${PAGE_LIMIT.max}`;

export const limit = z
  .string()
  .regex(/^\d{1,4}$/, LIMIT_PROBLEM)
  .transform(Number)
  .pipe(z.int().min(1, LIMIT_PROBLEM).max(PAGE_LIMIT.max, LIMIT_PROBLEM))
  .default(PAGE_LIMIT.default)
  .meta(readAs({ type: 'integer', minimum: 1, maximum: PAGE_LIMIT.max, default: PAGE_LIMIT.default }));

export const page = {
  limit,
  cursor: z.string().max(LONGEST_CURSOR).optional().describe('The `nextCursor` of the page before.'),
};

export const ofCaller = text.optional().describe('Root only: the things of this caller; of all when absent.');

export const period = {
  from: moment.optional().describe('Inclusive.'),
  to: moment.optional().describe('Exclusive.'),
};

export const noQuery = z.strictObject({});

/** Null is taken for absent. */
export function optional<Schema extends z.ZodType>(schema: Schema) {
  return schema.nullish().transform((value) => value ?? undefined);
}

/** Has the document name the shape, and refer to it. */
export function named<Shape extends z.ZodRawShape>(id: string, shape: Shape) {
  return z.object(shape).meta({ id });
}

export const instant = z.iso.datetime();

export const count = z.int().nonnegative();

export const money = count.describe('In micro-dollars.');

/** Lost amounts and what is available may be below zero. */
export const signedMoney = z.int().describe('In micro-dollars; may be below zero.');

export const provider = z.enum(PROVIDERS);

/** What is said of any MP4 in the archive. */
export const archived = {
  sha256: z.string(),
  sizeBytes: count,
  durationMs: z.number(),
  width: count,
  height: count,
  codec: z.string(),
  url: z.string().nullable().describe('Signed: works without a key until `expiresAt`.'),
};

export const nextCursor = z
  .string()
  .nullable()
  .describe('To be sent as `cursor` for the next page; null on the last one.');
