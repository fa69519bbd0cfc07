/** Benchmark `scale`: what the statements of requests and of the sweep take where the catalog holds a million videos. */

import { openDatabase } from '../src/catalog/driver/database.ts';
import type { BenchContext, Comparison, Outcome } from './benchmark.ts';
import { findPostgresBinaries, startPostgres } from './postgres-server.ts';
import { buildScaleCatalog, CALLERS, queueOf, type ScaleOptions } from './scale-catalog.ts';
import { questions, questionsOfPlaces } from './scale-questions.ts';
import { StatementSubject } from './statement-subject.ts';

/** Measures what is asked of a catalog that was built, with a queue of all callers and with one of a single caller. */
async function measureAll(subject: StatementSubject): Promise<readonly Comparison[]> {
  const comparisons: Comparison[] = [];
  const measure = async (asked: Awaited<ReturnType<typeof questions>>) => {
    for (const question of asked) comparisons.push(await subject.measure(question));
  };
  await subject.run(queueOf('caller_id'));
  await measure(await questions(subject.db));
  await measure(await questionsOfPlaces(subject.db, `${CALLERS} callers`));
  await subject.run(queueOf("'caller_1'"));
  await measure(await questionsOfPlaces(subject.db, 'one caller'));
  return comparisons;
}

/** Builds a catalog at an empty server, and measures it. */
export async function measureScale(url: string, options: ScaleOptions) {
  await (await openDatabase({ databaseUrl: url, dataDir: '' })).close();
  const subject = new StatementSubject(url);
  await subject.client.connect();
  try {
    const fromMs = performance.now();
    await subject.run(buildScaleCatalog(options));
    const buildSeconds = (performance.now() - fromMs) / 1000;
    return { comparisons: await measureAll(subject), buildSeconds };
  } finally {
    await subject.client.end();
  }
}

export async function scale({ closers, options }: BenchContext): Promise<Outcome> {
  const binaries = findPostgresBinaries();
  if (binaries === null) throw new Error('PostgreSQL is not installed on this machine (Debian: postgresql)');
  const server = await startPostgres(binaries);
  closers.add('PostgreSQL', () => server.stop());
  const { videos, waiting } = options;
  const { comparisons, buildSeconds } = await measureScale(server.url, { videos, waiting });
  return { comparisons: [...comparisons], figures: { videos, waiting, buildSeconds } };
}
