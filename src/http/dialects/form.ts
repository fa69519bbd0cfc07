/** Reading `multipart/form-data`: the same values that a JSON body would have, and files, bounded while they arrive. */

import type { MultipartFile } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { UploadedFile } from '../../dialects/uploaded-file.ts';
import { REFUSALS, Refusal } from '../../domain/failure.ts';
import { isJsonObject } from '../../domain/json.ts';
import { REQUEST_BOUNDS } from '../../domain/video-request.ts';
import { digestOfImage } from '../../media/input-images.ts';
import { checkValues, JSON_BODY_BYTES, readJson } from '../body.ts';
import { isError } from '../errors.ts';
import { FIRST_BYTES, type ReceiveBounds, receive, toldBytesOf } from '../receive-body.ts';

const MOST_FIELDS = 100;
const MOST_FILES = 1;
/** In bytes; the parser's own bound does not hold for forms. */
const LONGEST_NAME = 256;
const DEEPEST_PATH = 8;
const TOO_MANY_FIELDS = 'the form has too many fields';
const FILE_TOO_LARGE = 'a file of the form is too large';
const FIELDS_TOO_LARGE = `the fields exceed ${JSON_BODY_BYTES} bytes`;
const TOO_MANY_FILES = 'the form carries too many files';
/** `a`, `a[b]` for an object, `a[]` for a list, and so on. */
const NAME = /^([^[\]]+)((?:\[[^[\]]*\])*)$/;

type Form = Record<string, unknown>;

function refuse(problem: string, param?: string): never {
  throw new Refusal('invalid_request', problem, param === undefined ? {} : { param });
}

/** The parser gives no name at all where the part has none. */
function pathOf(name: string | undefined): readonly string[] {
  const [, first, rest = ''] = NAME.exec(name ?? '') ?? [];
  if (first === undefined) refuse('a field of the form has no usable name');
  if (Buffer.byteLength(name ?? '') > LONGEST_NAME) refuse(`the form holds a name longer than ${LONGEST_NAME} bytes`);
  // The parser puts it where the bytes are no text.
  if (name?.includes('\ufffd')) refuse('the form holds a name that is not UTF-8');
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

interface Field {
  /** As the form has it. */
  readonly name: string;
  readonly value: unknown;
}

/** Puts a value where its name says, making objects and lists on the way. */
function put(form: Form, [key = '', ...rest]: readonly string[], field: Field): void {
  const { name, value } = field;
  const there = Object.hasOwn(form, key) ? form[key] : undefined;
  if (rest.length === 0) {
    if (there !== undefined) refuse(`the form holds ${name} more than once`, name);
    form[key] = value;
  } else if (rest.length === 1 && rest[0] === '') {
    if (there !== undefined && !Array.isArray(there)) refuse(`${name}: is a list and something else as well`, name);
    form[key] = [...(there ?? []), value];
  } else {
    if (there !== undefined && !isJsonObject(there)) refuse(`${name}: is in an object and in something else`, name);
    const inner: Form = { ...there };
    form[key] = inner;
    put(inner, rest, field);
  }
}

/** Receives a form's parts; of one that does not tell its length as much is held as has come. */
class PartReader {
  readonly #request: FastifyRequest;
  readonly #toldBytes: number | null;
  #readBytes = 0;
  #textBytes = 0;

  constructor(request: FastifyRequest) {
    this.#request = request;
    this.#toldBytes = toldBytesOf(request);
    request.holdBody(Math.min(this.#toldBytes ?? FIRST_BYTES, JSON_BODY_BYTES + REQUEST_BOUNDS.imageBytes));
  }

  async readFile({ file }: MultipartFile): Promise<UploadedFile> {
    const mostBytes = REQUEST_BOUNDS.imageBytes;
    const toldBytes = this.#toldBytes === null ? null : Math.min(this.#toldBytes, mostBytes);
    const bytes = await this.#receive(file, { toldBytes, mostBytes, tooLarge: FILE_TOO_LARGE });
    // The parser has left out what is more.
    if (file.truncated) throw new Refusal('too_large', FILE_TOO_LARGE);
    return new UploadedFile(bytes, await digestOfImage(bytes));
  }

  async readText({ file }: MultipartFile): Promise<Buffer> {
    const mostBytes = JSON_BODY_BYTES - this.#textBytes;
    const bytes = await this.#receive(file, { toldBytes: null, mostBytes, tooLarge: FIELDS_TOO_LARGE });
    this.#textBytes += bytes.length;
    return bytes;
  }

  async #receive(file: MultipartFile['file'], bounds: ReceiveBounds): Promise<Buffer> {
    const onGrown = (bytes: number) => {
      if (this.#toldBytes === null) this.#request.holdBody(this.#readBytes + bytes);
    };
    const bytes = await receive(file, { ...bounds, onGrown });
    this.#readBytes += bytes.length;
    return bytes;
  }
}

/** The value of a field: its text, or what a part has that says it is JSON. */
function readValue({ fieldname: name, mimetype }: MultipartFile, bytes: Buffer): unknown {
  if (mimetype.startsWith('application/json')) return readJson(bytes, name);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return refuse(`${name}: is not UTF-8`, name);
  }
}

/** As the parser would tell it by itself. */
const isFile = (mimetype: string | undefined, filename: string | undefined) =>
  filename !== undefined || mimetype === 'application/octet-stream';

/** All parts are read as files: as a field the parser would read bytes that are no text as if they were. */
const PARSING = {
  limits: { parts: MOST_FIELDS + MOST_FILES, fileSize: REQUEST_BOUNDS.imageBytes },
  isPartAFile: () => true,
};

async function collect(request: FastifyRequest): Promise<Form> {
  const reader = new PartReader(request);
  const form: Form = {};
  let files = 0;
  let fields = 0;
  for await (const part of request.files(PARSING)) {
    const path = pathOf(part.fieldname);
    if (isFile(part.mimetype, part.filename)) {
      files += 1;
      if (files > MOST_FILES) throw new Refusal('too_large', TOO_MANY_FILES);
      if (path.length > 1) refuse(`${part.fieldname}: a file stands under a plain name`, part.fieldname);
      const file = await reader.readFile(part);
      // As browsers send it where no file was chosen.
      const isNone = part.filename === '' && file.bytes.length === 0;
      if (!isNone) put(form, path, { name: part.fieldname, value: file });
      continue;
    }
    fields += 1;
    if (fields > MOST_FIELDS) throw new Refusal('too_large', TOO_MANY_FIELDS);
    const bytes = await reader.readText(part);
    // As browsers send what was not filled in.
    if (bytes.length > 0) put(form, path, { name: part.fieldname, value: readValue(part, bytes) });
  }
  return form;
}

/** What the parser refuses with a code, in our words. */
const PARSER_WORDS = new Map<unknown, string>([
  ['FST_FILES_LIMIT', TOO_MANY_FILES],
  ['FST_FIELDS_LIMIT', TOO_MANY_FIELDS],
  ['FST_PARTS_LIMIT', TOO_MANY_FIELDS],
  ['FST_PROTO_VIOLATION', 'a field of the form has a name that none may have, such as constructor'],
  ['FST_INVALID_JSON_FIELD_ERROR', 'a field of the form says that it is JSON, and is not'],
]);
const BROKEN = 'the body is not a valid form: it has to end in the boundary that Content-Type names';

/** The parser's own errors, and those of a form that ends in its middle, as what is wrong with the request. */
export function formRefusal(error: unknown): unknown {
  if (error instanceof Refusal || !isError(error)) return error;
  const isTooLarge = 'statusCode' in error && error.statusCode === 413;
  const words = 'code' in error ? PARSER_WORDS.get(error.code) : undefined;
  const kind = isTooLarge ? 'too_large' : 'invalid_request';
  return new Refusal(kind, words ?? (isTooLarge ? REFUSALS.too_large.meaning : BROKEN), { cause: error });
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
    // A part that is not read would keep its sender from sending the rest.
    request.raw.unpipe();
    request.raw.resume();
    throw formRefusal(error);
  }
}
