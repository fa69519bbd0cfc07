/** Lines of a CSV: each record has the number of the line that it begins at, however its lines end. */

import { Readable } from 'node:stream';
import { MANIFEST_BOUNDS } from '../../../src/domain/batch.ts';
import { type CsvRecord, readCsvRecords } from '../../../src/http/batches/lines.ts';

const WORDS = {
  isColumn: (name: string) => name !== 'colour',
  keyOf: (name: string) => name.replace(/^extra\./, ''),
};

const ROWS = ['model,prompt', '', 'a,"one', 'two', 'three"', 'b,x', '', 'c,"four', 'five"', 'd,y', ''];

async function read(
  rows: readonly string[],
  newline: string,
  encoding: BufferEncoding = 'utf8',
): Promise<readonly CsvRecord[]> {
  const records: CsvRecord[] = [];
  const source = Readable.from([Buffer.from(rows.join(newline), encoding)]);
  for await (const record of readCsvRecords(source, WORDS)) records.push(record);
  return records;
}

const NEWLINES = ['\n', '\r\n'];

test.each(NEWLINES)('records are numbered by the lines they begin at, which end in %j', async (newline) => {
  expect(await read(ROWS, newline)).toMatchObject([
    { line: 3, values: { model: 'a' } },
    { line: 6, values: { model: 'b' } },
    { line: 8, values: { model: 'c' } },
    { line: 10, values: { model: 'd' } },
  ]);
});

test.each(NEWLINES)(
  'a record of more or fewer values than columns is the only bad one, at its own line, %j',
  async (newline) => {
    expect(await read(['model,prompt', 'a,"x', 'y"', 'b,red, fox', 'c', 'd,y'], newline)).toEqual([
      { line: 2, values: { model: 'a', prompt: `x${newline}y` } },
      { line: 4, problem: expect.stringContaining('3 values and the header 2') },
      { line: 5, problem: expect.stringContaining('1 values and the header 2') },
      { line: 6, values: { model: 'd', prompt: 'y' } },
    ]);
  },
);

test('a record that is not UTF-8 is the only bad one, and its column is named', async () => {
  const rows = ['model,prompt', 'a,un café', 'b,"a ""red"" fox"', 'é,x'];
  expect(await read(rows, '\n', 'latin1')).toEqual([
    { line: 2, problem: 'prompt: is not UTF-8' },
    { line: 3, values: { model: 'b', prompt: 'a "red" fox' } },
    { line: 4, problem: 'model: is not UTF-8' },
  ]);
  expect(await read(['\ufeffmodel,prompt', 'a,un café'], '\n', 'utf16le')).toMatchObject([
    { line: 2, values: { prompt: 'un café' } },
  ]);
});

test.each(NEWLINES)('what makes the file unreadable is told at the line its record begins at, %j', async (newline) => {
  const whole = ['model,prompt', 'a,"x', 'y"'];
  const unreadable = (line: number, words: string) => [{ line, unreadable: expect.stringContaining(words) }];
  expect(await read([...whole, 'b,"red" fox', 'c,z'], newline)).toEqual(
    unreadable(4, 'a value goes on behind the quote'),
  );
  const open = await read([...whole, 'b,"red fox', 'c,z', 'd,z', ''], newline);
  expect(open.slice(-1)).toEqual(unreadable(4, 'a quote is not closed'));
  const long = 'x'.repeat(MANIFEST_BOUNDS.lineBytes + 1);
  expect((await read(['model,prompt', 'a,x', `b,"${long}"`], newline)).slice(-1)).toEqual(
    unreadable(3, 'a record is longer'),
  );
});

test('a quote within a value is said in our words', async () => {
  const records = await read(['model,prompt', 'a,x "y"'], '\n');
  expect(records).toEqual([{ line: 2, unreadable: expect.stringContaining('a quote stands within a value') }]);
});

test.each([
  ['colour', 'unknown columns: colour'],
  ['model', 'the column model stands there twice'],
])('a header with the column %s once more makes no record', async (column, problem) => {
  expect(await read([`model,prompt,${column}`, 'a,x,y'], '\n')).toEqual([{ line: 1, unreadable: problem }]);
});

test.each([
  ['the column prompt stands there twice', 'prompt,prompt'],
  ['the columns prompt and extra.prompt say the same', 'prompt,extra.prompt'],
  ['the columns extra.seed and seed say the same', 'model,extra.seed,seed'],
])('a header in which %s is refused', async (problem, header) => {
  expect(await read([header, 'a,b,c'], '\n')).toEqual([{ line: 1, unreadable: problem }]);
});
