/** Lines of a CSV: each record has the number of the line that it begins at, however its lines end. */

import { Readable } from 'node:stream';
import { readCsvRecords } from '../../../src/http/batches/lines.ts';

const ROWS = ['model,prompt', '', 'a,"one', 'two', 'three"', 'b,x', '', 'c,"four', 'five"', 'd,y', ''];

test.each(['\n', '\r\n'])('records are numbered by the lines they begin at, which end in %j', async (newline) => {
  const numbers: [number, string | undefined][] = [];
  const source = Readable.from([Buffer.from(ROWS.join(newline))]);
  for await (const { line, values } of readCsvRecords(source, () => true)) numbers.push([line, values['model']]);
  expect(numbers).toEqual([
    [3, 'a'],
    [6, 'b'],
    [8, 'c'],
    [10, 'd'],
  ]);
});
