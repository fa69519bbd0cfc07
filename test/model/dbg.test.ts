import fc from 'fast-check';
import { openDatabase } from '../../src/catalog/database.ts';
import { OPERATIONS, type Operation, Play } from './play.ts';
import { Scene } from './scene.ts';
import { emptyCatalog } from '../catalog/with-catalog.ts';
const operation: fc.Arbitrary<Operation> = fc.record({ kind: fc.constantFrom(...OPERATIONS), pick: fc.nat({ max: 1000 }) });
const beginning: readonly Operation[] = Array.from({ length: 6 }, (_, pick) => ({ kind: 'accept', pick }));
const ACCOUNTS = [ { id: 'a', maxConcurrentTasks: 2 }, { id: 'b', maxConcurrentTasks: 1 }, { id: 'c', maxConcurrentTasks: 3 } ];
test('dbg', async () => {
  const database = await openDatabase({ databaseUrl: null, dataDir: ':memory:' });
  const n = Number(process.env['RUNS'] ?? 1);
  const samples = fc.sample(fc.array(operation, { minLength: 20, maxLength: 60 }), { numRuns: n, seed: Number(process.env['SEED'] ?? 1) });
  for (const [i, operations] of samples.entries()) {
    for (const facts of [{ honoursIdempotencyKey: false, listWindow: { answeredMs: 0, unansweredMs: 0 } }, { honoursIdempotencyKey: true, listWindow: null }]) {
    await emptyCatalog(database);
    const play = await new Play(new Scene(database.db, { ...facts, accounts: ACCOUNTS })).furnish();
    const t = Date.now();
    let at = 0;
    try {
      for (const one of [...beginning, ...operations]) {
        at++;
        let timer: any;
        await Promise.race([play.do(one), new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('stuck in ' + JSON.stringify(one))), 5000); })]);
        clearTimeout(timer);
        await play.check();
      }
      await play.drain();
      await play.check();
      await play.checkEnd();
      console.log(i, 'ok', operations.length, Date.now() - t, play.players.length, play.scene.upstream.tasks.length);
    } catch (e) { console.log(i, 'at', at, JSON.stringify([...beginning, ...operations].slice(0, at)), String((e as Error).stack).slice(0, 3000)); }
    }
  }
  await database.close();
}, 600000);
