/** Slots under everything that can happen, one thing after the other: never too many, never lost, always granted. */

import fc from 'fast-check';
import { describeOnBothCatalogs, emptyCatalog } from '../catalog/with-catalog.ts';
import { randomRuns, SOAK_TIMEOUT_MS } from '../random-runs.ts';
import { OPERATIONS, type Operation, Play } from './play.ts';
import { Scene } from './scene.ts';

const operation: fc.Arbitrary<Operation> = fc.record({
  kind: fc.constantFrom(...OPERATIONS),
  pick: fc.nat({ max: 1000 }),
});

/** Some videos to begin with, so that little is wasted on an empty queue. */
const beginning: readonly Operation[] = Array.from({ length: 6 }, (_, pick) => ({ kind: 'accept', pick }));

const ACCOUNTS = [
  { id: 'a', maxConcurrentTasks: 2 },
  { id: 'b', maxConcurrentTasks: 1 },
  { id: 'c', maxConcurrentTasks: 3 },
];

describeOnBothCatalogs('slots, after any steps', (catalog) => {
  test.each([
    ['of providers with a list', { honoursIdempotencyKey: false, listWindow: { answeredMs: 0, unansweredMs: 0 } }],
    ['of providers with keys', { honoursIdempotencyKey: true, listWindow: null }],
  ])(
    '%s are kept, granted and paid once',
    async (_name, facts) => {
      const property = fc.asyncProperty(fc.array(operation, { minLength: 20, maxLength: 60 }), async (operations) => {
        await emptyCatalog(catalog.database);
        const play = await new Play(new Scene(catalog.database.db, { ...facts, accounts: ACCOUNTS })).furnish();
        for (const one of [...beginning, ...operations]) {
          await play.do(one);
          await play.check();
        }
        await play.drain();
        await play.check();
        await play.checkEnd();
      });
      await fc.assert(property, { ...randomRuns(3), endOnFailure: true });
    },
    SOAK_TIMEOUT_MS,
  );
});
