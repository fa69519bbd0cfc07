/** Validation of a batch's lines beside everything else that the gateway does. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Db } from '../../src/catalog/driver/database.ts';
import type { ReadLine } from '../../src/domain/batch.ts';
import { validateLines } from '../../src/gateway/batch-validation.ts';
import type { MediaStore } from '../../src/media/media-store.ts';
import { makeCaller } from '../builders.ts';

const LINES = 5000;

async function* badLines(): AsyncGenerator<ReadLine> {
  for (let line = 1; line <= LINES; line += 1) {
    yield { kind: 'invalid', customId: String(line), invalid: { line, code: 'invalid_line', message: 'bad' } };
  }
}

test('lines that need nothing but time leave turns to others', async () => {
  let turns = 0;
  let isOver = false;
  const others = (async () => {
    for (; !isOver; turns += 1) await nextTurn();
  })();
  // Nothing is asked of either by lines that are bad.
  const dependencies = { db: {} as Db, store: {} as MediaStore };
  const order = { caller: makeCaller(), isDryRun: true, lines: badLines };
  expect(await validateLines(dependencies, order, 'batch_1')).toMatchObject({ total: 0, failed: LINES });
  isOver = true;
  await others;
  expect(turns).toBeGreaterThan(LINES / 100);
});
