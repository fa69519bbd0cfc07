/** A stored manifest as its lines: JSON text or the records of a CSV, each with its number, counted physically from 1. */

import type { Readable } from 'node:stream';
import { parse } from 'csv-parse';
import { MANIFEST_BOUNDS } from '../../domain/batch.ts';
import { Refusal } from '../../domain/failure.ts';

/** A line's text; null for one that is longer than its bound. */
export interface TextLine {
  readonly line: number;
  readonly text: string | null;
}

const NEWLINE = 10;
const DECODER = new TextDecoder('utf-8', { fatal: true });

function decode(bytes: Buffer): string | null {
  try {
    return DECODER.decode(bytes);
  } catch {
    return null;
  }
}

/** The lines that are not blank; no more of a line than its bound is in memory. */
export async function* readTextLines(source: Readable): AsyncGenerator<TextLine> {
  const chunks: AsyncIterable<Buffer> = source;
  let pieces: Buffer[] = [];
  let sizeBytes = 0;
  let line = 1;
  const add = (piece: Buffer) => {
    sizeBytes += piece.length;
    if (sizeBytes <= MANIFEST_BOUNDS.lineBytes) pieces.push(piece);
  };
  const take = (): TextLine | null => {
    const text = sizeBytes > MANIFEST_BOUNDS.lineBytes ? null : decode(Buffer.concat(pieces));
    const taken = { line, text };
    pieces = [];
    sizeBytes = 0;
    line += 1;
    return text?.trim() === '' ? null : taken;
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      add(chunk.subarray(start, end));
      const taken = take();
      if (taken) yield taken;
      start = end + 1;
    }
    if (start < chunk.length) add(chunk.subarray(start));
  }
  const last = sizeBytes > 0 ? take() : null;
  if (last) yield last;
}

/** A record of a CSV by the names of its header, which is its first line. */
export interface CsvRecord {
  readonly line: number;
  readonly values: Readonly<Record<string, string>>;
}

interface ParsedRecord {
  readonly record: Readonly<Record<string, string>>;
  readonly raw: string;
  readonly info: { readonly lines: number };
}

/** @throws Refusal `invalid_request` for what is no CSV, or has a column that is not one of a manifest's. */
export async function* readCsvRecords(
  source: Readable,
  isColumn: (name: string) => boolean,
): AsyncGenerator<CsvRecord> {
  const parser = source.pipe(
    parse({
      bom: true,
      columns: (header: string[]) => checkColumns(header, isColumn),
      info: true,
      raw: true,
      skip_empty_lines: true,
      max_record_size: MANIFEST_BOUNDS.lineBytes,
      trim: true,
    }),
  );
  source.once('error', (error) => parser.destroy(error));
  const records: AsyncIterable<ParsedRecord> = parser;
  try {
    // Within quotes the parser counts CR LF as two lines.
    let doubled = 0;
    for await (const { record, raw, info } of records) {
      const text = raw.replace(/^[\r\n]+|[\r\n]+$/g, '');
      doubled += text.split('\r\n').length - 1;
      // A quoted value may go over several lines; the record stands at its first.
      const more = text.split('\n').length - 1;
      yield { line: info.lines - doubled - more, values: record };
    }
  } catch (error) {
    if (error instanceof Refusal || !(error instanceof Error) || !('code' in error)) throw error;
    throw new Refusal('invalid_request', `the CSV cannot be read: ${error.message}`, {
      code: 'invalid_line',
      cause: error,
    });
  }
}

function checkColumns(header: readonly string[], isColumn: (name: string) => boolean): string[] {
  const names = header.map((name) => name.trim());
  const unknown = names.filter((name) => !isColumn(name));
  if (unknown.length > 0) {
    throw new Refusal('invalid_request', `unknown columns: ${unknown.slice(0, 10).join(', ')}`, {
      code: 'invalid_line',
    });
  }
  return names;
}
