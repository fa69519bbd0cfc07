/** A stored manifest as its lines: JSON text or the records of a CSV, each with its number, counted physically from 1. */

import type { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { MANIFEST_BOUNDS } from '../../domain/batch.ts';

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

/** A record of a CSV by the names of its header, or what is wrong with it; the header itself where that is wrong. */
export type CsvRecord =
  | { readonly line: number; readonly values: Readonly<Record<string, string>> }
  | { readonly line: number; readonly problem: string };

/** What the parser makes of bytes that are no text. A file that has it of its own lost its text before it came here. */
const REPLACEMENT = '\ufffd';

interface ParsedRecord {
  readonly record: readonly string[];
  readonly raw: string;
  readonly info: { readonly lines: number };
}

/** What the parser has against a text, in our words. */
const PARSER_WORDS: ReadonlyMap<string, string> = new Map([
  ['CSV_QUOTE_NOT_CLOSED', 'a quote is not closed'],
  ['INVALID_OPENING_QUOTE', 'a quote stands within a value; it is written twice, in a value that is in quotes'],
  ['CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE', 'a value goes on behind the quote that closes it'],
  ['CSV_MAX_RECORD_SIZE', `a record is longer than ${MANIFEST_BOUNDS.lineBytes} bytes`],
]);

/** The records below the header; what makes the rest unreadable is told last, and may swallow some that stand before it. */
export async function* readCsvRecords(
  source: Readable,
  isColumn: (name: string) => boolean,
): AsyncGenerator<CsvRecord> {
  const parser = source.pipe(
    parse({
      bom: true,
      info: true,
      raw: true,
      // How many values a record has is its own matter, not that of the records around it.
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: MANIFEST_BOUNDS.lineBytes,
      trim: true,
    }),
  );
  source.once('error', (error) => parser.destroy(error));
  const records: AsyncIterable<ParsedRecord> = parser;
  let columns: readonly string[] | null = null;
  // Within quotes the parser counts CR LF as two lines.
  let doubled = 0;
  try {
    for await (const { record, raw, info } of records) {
      const text = raw.replace(/^[\r\n]+|[\r\n]+$/g, '');
      doubled += text.split('\r\n').length - 1;
      // A quoted value may go over several lines; the record stands at its first.
      const line = info.lines - doubled - (text.split('\n').length - 1);
      if (columns === null) {
        const problem = headerProblem(record, isColumn);
        if (problem !== null) return yield { line, problem };
        columns = record;
      } else if (raw.includes(REPLACEMENT)) {
        const name = columns.find((_, index) => record[index]?.includes(REPLACEMENT));
        yield { line, problem: `${name ?? 'the record'}: is not UTF-8` };
      } else if (record.length === columns.length) {
        yield { line, values: Object.fromEntries(columns.map((name, index) => [name, record[index] ?? ''])) };
      } else {
        const problem = `it has ${record.length} values and the header ${columns.length}; one with a comma stands in quotes`;
        yield { line, problem };
      }
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const problem = `the CSV cannot be read from here on: ${PARSER_WORDS.get(error.code) ?? 'it has another form'}`;
    yield { line: Number(error['lines']) - doubled, problem };
  }
}

function headerProblem(names: readonly string[], isColumn: (name: string) => boolean): string | null {
  const unknown = names.filter((name) => !isColumn(name));
  if (unknown.length > 0) return `unknown columns: ${unknown.slice(0, 10).join(', ')}`;
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined ? null : `the column ${twice} stands there twice`;
}
