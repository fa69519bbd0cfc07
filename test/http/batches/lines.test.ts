/** Lines of a CSV: each record has the number of the line that it begins at, however its lines end. */

import { Readable } from 'node:stream';
import { MANIFEST_BOUNDS } from '../../../src/domain/batch.ts';
import { type CsvRecord, readCsvRecords } from '../../../src/http/batches/lines.ts';

const ROWS = ['model,prompt', '', 'a,"one', 'two', 'three"', 'b,x', '', 'c,"four', 'five"', 'd,y', ''];

const COLUMNS = {
  has: (name: string) => ['model', 'prompt', 'seed', 'extra.prompt', 'extra.seed'].includes(name),
  keyOf: (name: string) => name.replace(/^extra\./, ''),
  words: 'model and prompt',
};

async function read(
  rows: readonly string[],
  newline: string,
  encoding: BufferEncoding = 'utf8',
): Promise<readonly CsvRecord[]> {
  const records: CsvRecord[] = [];
  const source = Readable.from([Buffer.from(rows.join(newline), encoding)]);
  for await (const record of readCsvRecords(source, COLUMNS)) records.push(record);
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
      { line: 5, problem: 'it has 1 values and the header 2; an empty one has its comma' },
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

test('values of nothing but newlines take no longer than others of their length', async () => {
  // Looked through from each newline in it, every one of them would stop all else for half a minute.
  const value = '\n'.repeat(MANIFEST_BOUNDS.lineBytes - 100);
  const rows = Array.from({ length: 100 }, () => `a,"x${value}y"`);
  const records = await read(['model,prompt', ...rows], '\n');
  expect(records).toHaveLength(100);
  expect(records[1]).toMatchObject({ line: 2 + value.length + 1, values: { model: 'a' } });
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
  ['colour', 'unknown columns: colour; there are model and prompt'],
  ['', 'unknown columns: one without a name; there are model and prompt'],
  ['model', 'the column model stands there twice'],
])('a header that begins with the column "%s" as well makes no record', async (column, problem) => {
  expect(await read([`${column},model,prompt`, 'y,a,x'], '\n')).toEqual([{ line: 1, unreadable: problem }]);
});

test.each([
  [';', 'semicolons'],
  ['\t', 'tabs'],
])('a header that is separated by %j is told so', async (separator, words) => {
  const rows = [`model${separator}prompt`, `a${separator}red, fox`];
  expect(await read(rows, '\r\n')).toEqual([
    { line: 1, unreadable: `its columns are separated by ${words}; save it as a CSV that is separated by commas` },
  ]);
});

test('empty cells behind the last column and rows of empty cells, as spreadsheets write them, are nothing', async () => {
  const rows = ['model,prompt,,', 'a,x,,', ',,,', ' , ,', 'b,,,', 'c,y', 'd,y,,z'];
  expect(await read(rows, '\r\n')).toEqual([
    { line: 2, values: { model: 'a', prompt: 'x' } },
    { line: 5, values: { model: 'b', prompt: '' } },
    { line: 6, values: { model: 'c', prompt: 'y' } },
    { line: 7, problem: expect.stringContaining('4 values and the header 2') },
  ]);
});

test.each([
  ['the column prompt stands there twice', 'prompt,prompt'],
  ['the columns prompt and extra.prompt say the same', 'prompt,extra.prompt'],
  ['the columns extra.seed and seed say the same', 'model,extra.seed,seed'],
])('a header in which %s is refused', async (problem, header) => {
  expect(await read([header, 'a,b,c'], '\n')).toEqual([{ line: 1, unreadable: problem }]);
});

test.each([
  ['whose header is not known', 'nothing,prompt\n'],
  ['that cannot be read to its end', 'model,prompt\na,"b" c\n'],
])('the source of a CSV %s is closed', async (_, beginning) => {
  const source = Readable.from(
    (function* () {
      yield Buffer.from(beginning);
      for (;;) yield Buffer.from('a,b\n'.repeat(1000));
    })(),
  );
  for await (const record of readCsvRecords(source, COLUMNS)) if ('unreadable' in record) break;
  expect(source.destroyed).toBe(true);
});
