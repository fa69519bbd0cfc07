/** Images of a manifest that are files of this machine: found in its lines, and named there as uploaded files. */

import type { Readable } from 'node:stream';
import { parse } from 'csv-parse';
import { MANIFEST_BOUNDS } from '../domain/batch.ts';
import { isJsonObject, type Json, type JsonObject, parseJson } from '../domain/json.ts';
import { csvRecord, type ManifestFormat } from '../wire/clipyard/manifest.ts';
import { CommandFailure } from './gateway-client.ts';

/** The id of an uploaded image; null where it is to stay as it is. */
export type FileIdOf = (path: string) => string | null;

const isPath = (image: unknown): image is string =>
  typeof image === 'string' && !/^(?:https?|data):|^$|^file-/i.test(image);

/** The lines without their ends. */
async function* linesOf(source: Readable): AsyncGenerator<string> {
  let rest = '';
  let line = 1;
  const chunks: AsyncIterable<string> = source.setEncoding('utf8');
  for await (const chunk of chunks) {
    const [first = '', ...others] = chunk.split('\n');
    rest += first;
    for (const next of others) {
      yield rest;
      rest = next;
      line += 1;
    }
    if (rest.length > MANIFEST_BOUNDS.lineBytes) {
      throw new CommandFailure(`line ${line} of the manifest is longer than ${MANIFEST_BOUNDS.lineBytes} bytes`);
    }
  }
  yield rest;
}

/** An image of a request: its text where it stands alone, or under the name that the API has for it. */
function replaceImage(image: Json, member: string, fileIdOf: FileIdOf): Json {
  const path = isJsonObject(image) ? image[member] : image;
  const id = isPath(path) ? fileIdOf(path) : null;
  return id === null ? image : { file_id: id };
}

function replaceInRequest(request: JsonObject, fileIdOf: FileIdOf): JsonObject {
  const { input_images: images, input_reference: reference } = request;
  return {
    ...request,
    ...(Array.isArray(images) && { input_images: images.map((image) => replaceImage(image, 'url', fileIdOf)) }),
    ...(reference !== undefined && { input_reference: replaceImage(reference, 'image_url', fileIdOf) }),
  };
}

/** A line as it is where it names no image. */
function replaceInLine(text: string, fileIdOf: FileIdOf): string {
  if (!/"input_(?:images|reference)"/.test(text)) return text;
  const line = parseJson(text);
  // The gateway says what is wrong with it.
  if (!isJsonObject(line)) return text;
  const { body } = line;
  return JSON.stringify(
    isJsonObject(body) ? { ...line, body: replaceInRequest(body, fileIdOf) } : replaceInRequest(line, fileIdOf),
  );
}

async function* replaceInCsv(source: Readable, fileIdOf: FileIdOf): AsyncGenerator<string> {
  const parser = source.pipe(
    parse({ bom: true, raw: true, info: true, relax_column_count: true, skip_empty_lines: true, trim: true }),
  );
  source.once('error', (error) => parser.destroy(error));
  const records: AsyncIterable<{ readonly record: readonly string[]; readonly raw: string }> = parser;
  let column: number | null = null;
  for await (const { record, raw } of records) {
    // Blank lines count as lines, and one of `\r\n` is a `\r` here.
    yield '\n'.repeat(/^[\r\n]*/.exec(raw)?.[0].length ?? 0);
    if (column === null) {
      column = record.indexOf('image');
      yield csvRecord(record);
      continue;
    }
    yield csvRecord(record.map((cell, index) => (index === column && isPath(cell) ? (fileIdOf(cell) ?? cell) : cell)));
  }
}

/**
 * The manifest, line by line under the same numbers, with the ids of files in place of paths.
 * @throws CommandFailure for a line that cannot be one; CsvError.
 */
export async function* replaceImages(
  source: Readable,
  format: ManifestFormat,
  fileIdOf: FileIdOf,
): AsyncGenerator<string> {
  if (format === 'csv') return yield* replaceInCsv(source, fileIdOf);
  let isFirst = true;
  for await (const line of linesOf(source)) {
    yield `${isFirst ? '' : '\n'}${replaceInLine(line, fileIdOf)}`;
    isFirst = false;
  }
}
