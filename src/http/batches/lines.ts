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

/** A record of a CSV by the names of its header, what is wrong with it, or why the file cannot be read. */
export type CsvRecord =
  | { readonly line: number; readonly values: Readonly<Record<string, string>> }
  | { readonly line: number; readonly problem: string }
  | { readonly line: number; readonly unreadable: string };

/** What the parser makes of bytes that are no text. A file that has it of its own lost its text before it came here. */
const REPLACEMENT = '\ufffd';

interface ParsedRecord {
  readonly record: readonly string[];
  readonly raw: string;
}

/** Looked for where a run of them begins: a quoted value may hold thousands, each of which would be a beginning. */
const NEWLINES_AT_END = /(?<![\r\n])[\r\n]+$/;

/** As its lines are counted: the parser tells the last one of a record, and within quotes counts CR LF as two. */
class RecordLines {
  #doubled = 0;

  /** The line that a record begins at; asked for each in turn, with its text as far as it is counted. */
  firstOf(counted: string, last: number): number {
    const text = counted.replace(/^[\r\n]+/, '');
    const first = last - this.#doubled - (text.match(/[\r\n]/g) ?? []).length;
    this.#doubled += text.split('\r\n').length - 1;
    return first;
  }
}

/** What the parser has against a text, in our words. */
const PARSER_WORDS: ReadonlyMap<string, string> = new Map([
  ['CSV_QUOTE_NOT_CLOSED', 'a quote is not closed'],
  ['INVALID_OPENING_QUOTE', 'a quote stands within a value; it is written twice, in a value that is in quotes'],
  ['CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE', 'a value goes on behind the quote that closes it'],
  ['CSV_MAX_RECORD_SIZE', `a record is longer than ${MANIFEST_BOUNDS.lineBytes} bytes`],
]);

/** The columns that a header may name. */
interface ColumnNames {
  has(name: string): boolean;
  /** What a column says, of which there may be one. */
  keyOf(name: string): string;
  /** All of them, in words. */
  readonly words: string;
}

/** Without the empty cells at its end, which spreadsheets write for columns that were emptied; as many stay as are asked for. */
function trimmedEnd(record: readonly string[], least = 0): readonly string[] {
  const last = record.findLastIndex((cell) => cell !== '');
  return record.slice(0, Math.max(least, last + 1));
}

/** The records below the header; what makes the file unreadable comes last, and may swallow some that stand before it. */
export async function* readCsvRecords(source: Readable, names: ColumnNames): AsyncGenerator<CsvRecord> {
  const lines = new RecordLines();
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
      // Here each record has its turn, also one that what comes behind it in the same chunk swallows.
      on_record: (parsed: unknown) => {
        const { record, raw, info } = parsed as ParsedRecord & { readonly info: { readonly lines: number } };
        const line = lines.firstOf(raw.replace(NEWLINES_AT_END, ''), info.lines);
        // The parser's types know of values alone, and not of what `raw` makes of a record.
        return { record, raw, line } as never;
      },
    }),
  );
  source.once('error', (error) => parser.destroy(error));
  const records: AsyncIterable<ParsedRecord & { readonly line: number }> = parser;
  let columns: readonly string[] | null = null;
  try {
    for await (const { record: cells, raw, line } of records) {
      if (columns === null) {
        columns = trimmedEnd(cells);
        const problem = headerProblem(columns, names);
        if (problem !== null) return yield { line, unreadable: problem };
        continue;
      }
      // A row of nothing is a blank line.
      if (cells.every((cell) => cell === '')) continue;
      const record = trimmedEnd(cells, Math.min(cells.length, columns.length));
      if (raw.includes(REPLACEMENT)) {
        const name = columns.find((_, index) => record[index]?.includes(REPLACEMENT));
        yield { line, problem: `${name ?? 'the record'}: is not UTF-8` };
      } else if (record.length === columns.length) {
        yield { line, values: Object.fromEntries(columns.map((name, index) => [name, record[index] ?? ''])) };
      } else {
        const advice =
          record.length > columns.length ? 'one with a comma stands in quotes' : 'an empty one has its comma';
        yield { line, problem: `it has ${record.length} values and the header ${columns.length}; ${advice}` };
      }
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // A newline that is the last character of the file is not counted.
    const line = lines.firstOf(String(error['raw']).replace(/[\r\n]$/, ''), Number(error['lines']));
    const words = PARSER_WORDS.get(error.code) ?? 'it has another form';
    yield { line, unreadable: `the CSV cannot be read from here on: ${words}` };
  } finally {
    // Its file would be open until the memory of it is collected.
    source.destroy();
  }
}

function headerProblem(names: readonly string[], known: ColumnNames): string | null {
  const unknown = names.filter((name) => !known.has(name));
  const [other] = ['\t', ';'].filter((separator) => unknown.some((name) => name.includes(separator)));
  if (other) {
    return `its columns are separated by ${other === ';' ? 'semicolons' : 'tabs'}; save it as a CSV that is separated by commas`;
  }
  if (unknown.length > 0) {
    const named = unknown.slice(0, 10).map((name) => name || 'one without a name');
    return `unknown columns: ${named.join(', ')}; there are ${known.words}`;
  }
  const keys = names.map((name) => known.keyOf(name));
  const at = keys.findIndex((key, index) => keys.indexOf(key) !== index);
  if (at === -1) return null;
  const [twice, first] = [names[at], names[keys.indexOf(keys[at] ?? '')]];
  return twice === first ? `the column ${twice} stands there twice` : `the columns ${first} and ${twice} say the same`;
}
