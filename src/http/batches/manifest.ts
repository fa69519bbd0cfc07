/** What a line of a manifest asks for: OpenAI's lines, creates in the words of a dialect, and the records of a CSV. */

import type { Readable } from 'node:stream';
import { airforce } from '../../dialects/airforce.ts';
import type { DialectRequest } from '../../dialects/dialect.ts';
import { openai } from '../../dialects/openai.ts';
import { type InvalidLine, MANIFEST_BOUNDS, type ReadLine, type StartFrom } from '../../domain/batch.ts';
import { DELIVER_KEY } from '../../domain/clip-delivery.ts';
import { Refusal } from '../../domain/failure.ts';
import { isFilledIn, isJsonObject, type JsonObject } from '../../domain/json.ts';
import { isVideoId } from '../../domain/video.ts';
import { CALLBACK_KEY, type ImageInput, REQUEST_BOUNDS, type VideoDraft } from '../../domain/video-request.ts';
import { checkValues } from '../body.ts';
import { checkImageHosts } from '../dialects/image-hosts.ts';
import { readCsvRecords, readTextLines } from './lines.ts';

export interface ManifestOptions {
  readonly format: 'jsonl' | 'csv';
  /** Only OpenAI's lines are taken. */
  readonly isOpenai: boolean;
  readonly trustedHosts: readonly string[];
  /** An image that was uploaded as a file. @throws Refusal */
  readImage(fileId: string): Promise<ImageInput>;
}

const LONGEST_CUSTOM_ID = 512;
const VIDEOS_URL = '/v1/videos';
const COLUMNS = [
  'custom_id',
  'model',
  'prompt',
  'duration_seconds',
  'aspect_ratio',
  'quality',
  'mode',
  'seed',
  'image',
  'start_from',
];
const EXTRA = 'extra.';
/** What the id of a file begins with. */
const FILE_ID = /^file-/;
/** Stands for an image that is a file while the words around it are read. */
const FILE_URL = 'https://file.invalid';
/** Words of one dialect that the other does not have. */
const WORDS = {
  airforce: ['duration_seconds', 'aspect_ratio', 'mode', 'quality', 'input_images'],
  openai: ['seconds', 'size', 'input_reference'],
} as const;

/** A line that cannot become a clip. */
class BadLine extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** A create as a line has it, not read yet. */
interface RawCreate {
  readonly dialect: 'airforce' | 'openai';
  readonly body: JsonObject;
  readonly startFrom: StartFrom | null;
}

/** A line by its name, under which it stands in the results also where it cannot become a clip. */
interface NamedLine {
  readonly customId: string;
  /** @throws BadLine */
  read(): RawCreate;
}

function parserOf({ routes }: typeof openai) {
  const route = routes.find(({ kind }) => kind === 'create');
  if (route?.kind !== 'create') throw new Error('a dialect without a create');
  return (body: JsonObject) => route.parse({ params: {}, query: {}, headers: {}, body } satisfies DialectRequest).draft;
}
const PARSERS = { airforce: parserOf(airforce), openai: parserOf(openai) };

function readCustomId(value: unknown, byDefault: string | null): string {
  if (value == null || value === '') {
    if (byDefault !== null) return byDefault;
    throw new BadLine('missing_custom_id', 'the line has no custom_id');
  }
  if (typeof value === 'string' && value.length <= LONGEST_CUSTOM_ID) return value;
  throw new BadLine('invalid_line', `custom_id: must be a text of at most ${LONGEST_CUSTOM_ID} characters`);
}

function readStartFrom(value: unknown): StartFrom | null {
  if (value == null) return null;
  const { line, video } = isJsonObject(value) ? value : {};
  if (Number.isSafeInteger(line) && Number(line) > 0 && video === undefined) return { line: Number(line) };
  if (typeof video === 'string' && isVideoId(video) && line === undefined) return { video };
  throw new BadLine('invalid_line', 'startFrom: must be {line: number} or {video: id}');
}

function dialectOf(body: JsonObject): 'airforce' | 'openai' {
  const uses = (words: readonly string[]) => words.filter((word) => isFilledIn(body[word]));
  const [ours, theirs] = [uses(WORDS.airforce), uses(WORDS.openai)];
  if (ours.length > 0 && theirs.length > 0) {
    throw new BadLine('invalid_line', `the line mixes words of two APIs: ${[...ours, ...theirs].join(', ')}`);
  }
  return theirs.length > 0 ? 'openai' : 'airforce';
}

/** What is wrong with a line that is no JSON; the parser's own words have the place. */
function jsonProblem(text: string, error: unknown): string {
  if (/^\s*[[\]]/.test(text))
    return 'the line is not valid JSON: each line is an object by itself, not one of a list in [ ]';
  return `the line is not valid JSON: ${error instanceof Error ? error.message : String(error)}`;
}

function readJsonLine(line: number, text: string | null, { isOpenai }: ManifestOptions): NamedLine {
  if (text === null)
    throw new BadLine('invalid_line', `the line is longer than ${MANIFEST_BOUNDS.lineBytes} bytes, or not UTF-8`);
  let value: unknown;
  try {
    value = JSON.parse(text);
    checkValues(value);
  } catch (error) {
    throw new BadLine('invalid_json', error instanceof Refusal ? error.message : jsonProblem(text, error));
  }
  if (!isJsonObject(value)) throw new BadLine('invalid_json', 'the line must be a JSON object');
  const { custom_id, ...rest } = value;
  const isRequest = isOpenai || Object.hasOwn(value, 'body');
  return {
    customId: readCustomId(custom_id, isOpenai ? null : String(line)),
    read: () => (isRequest ? readRequest(rest) : readCreate(rest)),
  };
}

/** A line of OpenAI's. */
function readRequest({ method, url, body, startFrom, start_from }: JsonObject): RawCreate {
  if (url !== VIDEOS_URL || method !== 'POST')
    throw new BadLine('invalid_url', `only POST ${VIDEOS_URL} can be asked for`);
  if (!isJsonObject(body)) throw new BadLine('invalid_line', 'body: must be an object');
  const { startFrom: inBody, ...create } = body;
  return { dialect: 'openai', body: create, startFrom: readStartFrom(startFrom ?? start_from ?? inBody) };
}

/** A line that is a create itself. */
function readCreate({ startFrom, start_from, ...body }: JsonObject): RawCreate {
  return { dialect: dialectOf(body), body, startFrom: readStartFrom(startFrom ?? start_from) };
}

function readNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value)) throw new BadLine('invalid_line', `${name}: must be a number, not ${text}`);
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    throw new BadLine('invalid_line', `${name}: must not be beyond ${Number.MAX_SAFE_INTEGER}`);
  }
  return value;
}

function readRecord(line: number, values: Readonly<Record<string, string>>): NamedLine {
  checkValues(values);
  const { custom_id, ...cells } = values;
  return { customId: readCustomId(custom_id, String(line)), read: () => readCells(cells) };
}

function readCells(cells: Readonly<Record<string, string>>): RawCreate {
  const { duration_seconds, seed, image, start_from, ...rest } = cells;
  const given = Object.entries(rest).filter(([, value]) => value !== '');
  const body: JsonObject = Object.fromEntries(
    given.map(([name, value]) => [name.startsWith(EXTRA) ? name.slice(EXTRA.length) : name, value]),
  );
  const startFrom = start_from
    ? readStartFrom(/^\d+$/.test(start_from) ? { line: Number(start_from) } : { video: start_from })
    : null;
  return {
    dialect: 'airforce',
    startFrom,
    body: {
      ...(image && {
        mode: 'image',
        input_images: [FILE_ID.test(image) ? { file_id: image } : { url: image }],
      }),
      ...(duration_seconds && { duration_seconds: readNumber('duration_seconds', duration_seconds) }),
      ...(seed && { seed: readNumber('seed', seed) }),
      ...body,
    },
  };
}

const fileIdOf = (value: unknown): string | null => {
  const { file_id: id } = isJsonObject(value) ? value : {};
  return typeof id === 'string' ? id : null;
};

/** A draft in airforce's words, beside which an image may be a file. */
async function draftWithFiles(body: JsonObject, readImage: ManifestOptions['readImage']): Promise<VideoDraft> {
  const { input_images: named } = body;
  if (!Array.isArray(named)) return PARSERS.airforce(body);
  const files = new Map<number, ImageInput>();
  // More of them than a request may have are refused, files or not.
  for (const [index, each] of named.slice(0, REQUEST_BOUNDS.images).entries()) {
    const id = fileIdOf(each);
    if (id !== null) files.set(index, await readImage(id));
  }
  const draft = PARSERS.airforce({
    ...body,
    input_images: named.map((each, index) => (files.has(index) ? { url: FILE_URL } : each)),
  });
  return { ...draft, images: draft.images.map((image, index) => files.get(index) ?? image) };
}

/** The draft of a create; an image that it starts from is not there yet. */
async function draftOf(
  { dialect, body, startFrom }: RawCreate,
  { readImage, trustedHosts }: ManifestOptions,
): Promise<VideoDraft> {
  if (isFilledIn(body[CALLBACK_KEY])) {
    throw new BadLine('invalid_line', `${CALLBACK_KEY}: the batch is told of its end, and no line by itself`);
  }
  if (isFilledIn(body[DELIVER_KEY])) {
    throw new BadLine('invalid_line', `${DELIVER_KEY}: clips of batches are fetched when the batch has ended`);
  }
  const { input_reference: named, ...others } = body;
  const fileId = fileIdOf(named);
  if (dialect === 'openai' && fileId !== null) {
    return { ...PARSERS.openai(others), mode: 'image', images: [await readImage(fileId)] };
  }
  if (startFrom === null) {
    const draft = dialect === 'airforce' ? await draftWithFiles(body, readImage) : PARSERS.openai(body);
    checkImageHosts(draft.images, trustedHosts);
    return draft;
  }
  const { mode, ...create } = body;
  if (isFilledIn(mode) && mode !== 'image')
    throw new BadLine('invalid_line', 'mode: a clip that starts from another is made in the mode image');
  const draft = PARSERS[dialect](create);
  if (draft.images.length > 0)
    throw new BadLine('invalid_line', 'the clip that it starts from takes the place of an image');
  return { ...draft, mode: 'image' };
}

/** Bad lines by the words of their refusals. */
function invalidOf(line: number, error: unknown): InvalidLine {
  if (error instanceof BadLine) return { line, code: error.code, message: error.message };
  if (error instanceof Refusal) return { line, code: error.code ?? error.kind, message: error.message };
  throw error;
}

/** Reads a manifest line by line; what cannot become a clip is said in place of it. */
export async function* readManifest(source: Readable, options: ManifestOptions): AsyncGenerator<ReadLine> {
  /** The line of each. */
  const customIds = new Map<string, number>();
  const read = async (line: number, nameOf: () => NamedLine): Promise<ReadLine> => {
    let customId: string | null = null;
    try {
      const named = nameOf();
      const earlier = customIds.get(named.customId);
      if (earlier !== undefined) {
        throw new BadLine('duplicate_custom_id', `custom_id ${named.customId} stands in line ${earlier} already`);
      }
      customId = named.customId;
      customIds.set(customId, line);
      const create = named.read();
      const { dialect, startFrom } = create;
      return { kind: 'create', create: { line, customId, dialect, startFrom, draft: await draftOf(create, options) } };
    } catch (error) {
      return { kind: 'invalid', invalid: invalidOf(line, error), customId };
    }
  };
  if (options.format === 'jsonl') {
    for await (const { line, text } of readTextLines(source))
      yield await read(line, () => readJsonLine(line, text, options));
    return;
  }
  const isExtra = (name: string) => name.startsWith(EXTRA) && ![EXTRA, `${EXTRA}__proto__`].includes(name);
  const columns = {
    has: (name: string) => COLUMNS.includes(name) || isExtra(name),
    keyOf: (name: string) => (isExtra(name) ? name.slice(EXTRA.length) : name),
    words: `${COLUMNS.join(', ')} and ${EXTRA}NAME`,
  };
  for await (const record of readCsvRecords(source, columns)) {
    if ('unreadable' in record) {
      const { line, unreadable } = record;
      yield { kind: 'unreadable', invalid: { line, code: 'invalid_line', message: unreadable } };
      return;
    }
    yield await read(record.line, () => {
      if ('problem' in record) throw new BadLine('invalid_line', record.problem);
      return readRecord(record.line, record.values);
    });
  }
}
