/** The benchmark of large catalogs, run over a small one: its rows are those of the catalog, and everything can be asked. */

import { findPostgresBinaries, type PostgresServer, startPostgres } from '../../bench/postgres-server.ts';
import { measureScale } from '../../bench/scale.ts';
import { costs } from '../../src/catalog/costs.ts';
import { openDatabase } from '../../src/catalog/driver/database.ts';
import { recountCosts } from '../catalog/recount-costs.ts';

const VIDEOS = 3000;
const WAITING = 400;

describe('the benchmark of large catalogs', () => {
  let server: PostgresServer | null = null;

  afterAll(async () => server?.stop());

  test('asks everything of a catalog whose sums agree', async () => {
    const binaries = findPostgresBinaries();
    if (binaries === null) return;
    server = await startPostgres(binaries);
    const { comparisons } = await measureScale(server.url, { videos: VIDEOS, waiting: WAITING });
    expect(comparisons.filter(({ plan }) => plan === undefined || plan === 'given up')).toEqual([]);
    const { db, close } = await openDatabase({ databaseUrl: server.url, dataDir: '' });
    const filter = { callerId: null, groupBy: ['day', 'model', 'caller', 'account'] } as const;
    expect(await costs(db, filter)).toEqual(await recountCosts(db, filter));
    await close();
  });
});
