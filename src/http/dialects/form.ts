/** Reading `multipart/form-data`: the same values that a JSON body would have, and files, bounded while they arrive. */

import { createHash } from 'node:crypto';
import type { MultipartFile, MultipartValue } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { UploadedFile } from '../../dialects/uploaded-file.ts';
import { Refusal } from '../../domain/failure.ts';
import { isJsonObject } from '../../domain/json.ts';
import { REQUEST_BOUNDS } from '../../domain/video-request.ts';
import { checkValues, JSON_BODY_BYTES } from '../body.ts';
import { isError } from '../errors.ts';

const MOST_FIELDS = 100;
const MOST_FILES = 1;
/** In bytes; the parser's own bound does not hold for forms. */
const LONGEST_NAME = 256;
const DEEPEST_PATH = 8;
/** `a`, `a[b]` for an object, `a[]` for a list, and so on. */
const NAME = /^([^[\]]+)((?:\[[^[\]]*\])*)$/;

type Form = Record<string, unknown>;

function refuse(problem: string): never {
  throw new Refusal('invalid_request', problem);
}

/** The parser gives no name at all where the part has none. */
function pathOf(name: string | undefined): readonly string[] {
  const [, first, rest = ''] = NAME.exec(name ?? '') ?? [];
  if (first === undefined) refuse('a field of the form has no usable name');
  if (Buffer.byteLength(name ?? '') > LONGEST_NAME) refuse(`the form holds a name longer than ${LONGEST_NAME} bytes`);
  const path = [
    first,
    ...rest
      .split('[')
      .slice(1)
      .map((segment) => segment.slice(0, -1)),
  ];
  if (path.includes('__proto__')) refuse('the form holds a name __proto__');
  if (path.length > DEEPEST_PATH) refuse(`the form is nested deeper than ${DEEPEST_PATH} levels`);
  return path;
}

/** Puts a value where its name says, making objects and lists on the way. */
function put(form: Form, [key = '', ...rest]: readonly string[], value: unknown): void {
  const there = Object.hasOwn(form, key) ? form[key] : undefined;
  if (rest.length === 0) {
    if (there !== undefined) refuse(`the form holds ${key} more than once`);
    form[key] = value;
  } else if (rest.length === 1 && rest[0] === '') {
    if (there !== undefined && !Array.isArray(there)) refuse(`the form holds ${key} as a list and as something else`);
    form[key] = [...(there ?? []), value];
  } else {
    if (there !== undefined && !isJsonObject(there)) refuse(`the form holds ${key} as an object and as something else`);
    const inner: Form = { ...there };
    form[key] = inner;
    put(inner, rest, value);
  }
}

async function readFile(part: MultipartFile): Promise<UploadedFile> {
  const bytes = await part.toBuffer();
  return new UploadedFile(bytes, createHash('sha256').update(bytes).digest('hex'));
}

/** The value of a field and what it adds to the form's size; a part that says so is JSON and was parsed. */
function readField({ value, valueTruncated }: MultipartValue): { value: unknown; bytes: number } {
  const bytes = Buffer.byteLength(typeof value === 'string' ? value : JSON.stringify(value));
  if (valueTruncated) throw new Refusal('too_large', 'a field of the form is too long');
  return { value, bytes };
}

async function collect(request: FastifyRequest): Promise<Form> {
  request.holdBody(JSON_BODY_BYTES + REQUEST_BOUNDS.imageBytes);
  const form: Form = {};
  let textBytes = 0;
  const limits = {
    fields: MOST_FIELDS,
    files: MOST_FILES,
    parts: MOST_FIELDS + MOST_FILES,
    fileSize: REQUEST_BOUNDS.imageBytes,
    fieldSize: JSON_BODY_BYTES,
  };
  for await (const part of request.parts({ limits })) {
    const path = pathOf(part.fieldname);
    if (part.type === 'file') {
      if (path.length > 1) refuse(`${part.fieldname}: a file stands under a plain name`);
      const file = await readFile(part);
      // As browsers send it where no file was chosen.
      const isNone = part.filename === '' && file.bytes.length === 0;
      if (!isNone) put(form, path, file);
      continue;
    }
    const { value, bytes } = readField(part);
    textBytes += bytes;
    if (textBytes > JSON_BODY_BYTES) throw new Refusal('too_large', `the fields exceed ${JSON_BODY_BYTES} bytes`);
    // As browsers send what was not filled in.
    if (value !== '') put(form, path, value);
  }
  return form;
}

/** What the parser says where a bound is passed is no sentence about the form. */
const BOUND_WORDS = new Map<unknown, string>([
  ['FST_FILES_LIMIT', 'the form carries too many files'],
  ['FST_FIELDS_LIMIT', 'the form has too many fields'],
  ['FST_PARTS_LIMIT', 'the form has too many fields'],
  ['FST_REQ_FILE_TOO_LARGE', 'a file of the form is too large'],
]);

/** The parser's own errors, and those of a form that ends in its middle, as what is wrong with the request. */
export function formRefusal(error: unknown): unknown {
  if (error instanceof Refusal || !isError(error)) return error;
  const isTooLarge = 'statusCode' in error && error.statusCode === 413;
  const bound = 'code' in error ? BOUND_WORDS.get(error.code) : undefined;
  const text = isTooLarge ? (bound ?? error.message) : `the body is not a valid form: ${error.message}`;
  return new Refusal(isTooLarge ? 'too_large' : 'invalid_request', text, { cause: error });
}

/**
 * The values of a form, files included; only in memory, and no more than the bounds.
 * @throws Refusal `invalid_request` or `too_large`.
 */
export async function readForm(request: FastifyRequest): Promise<Readonly<Form>> {
  try {
    const form = await collect(request);
    checkValues(form);
    return form;
  } catch (error) {
    throw formRefusal(error);
  }
}
