/** What follows when an older copy of the catalog, or of Temporal, was put back: nothing is granted until every run has opened again. */

import { readNewestAcceptance } from '../catalog/audits.ts';
import { type Db, inTransaction } from '../catalog/driver/database.ts';
import {
  enterReopenings,
  leaveReopenings,
  listReopenings,
  noteReopeningTold,
  noteUnknownCreates,
  requireRestore,
} from '../catalog/reopenings.ts';
import { listKnown } from '../catalog/videos.ts';
import type { VideoWorkflows } from '../domain/video-workflows.ts';
import { keptSince } from './retention.ts';

export interface RestoreDependencies {
  readonly db: Db;
  readonly workflows: Pick<VideoWorkflows, 'listRunning' | 'listStartedSince' | 'runAgain' | 'signalReopen'>;
  /** For ever when absent. */
  readonly keepDays?: number | undefined;
}

/** What a restore has found. */
export interface RestoreReport {
  /** Open runs that were told to look at their rows. */
  readonly told: number;
  /** Closed runs whose videos the catalog has lost: they begin again, and find their tasks in lists. */
  readonly begunAgain: number;
  /** Videos of which a create may have been sent since, whose tasks are looked for in lists before anything is created. */
  readonly lookedFor: number;
  /** Those of them whose tasks no list tells of. */
  readonly mayBePaidAgain: readonly string[];
}

/**
 * Has every open run open its video again before anything is granted; what was submitted after the copy and has no open
 * run any more is looked for in the lists of its model's accounts before it is created.
 */
export async function restore(dependencies: RestoreDependencies): Promise<RestoreReport> {
  const { db, workflows } = dependencies;
  const since = (await readNewestAcceptance(db)) ?? new Date(0);
  const running = await workflows.listRunning();
  const left = await inTransaction(db, async (tx) => {
    await enterReopenings(tx, running);
    return await noteUnknownCreates(tx, { since, running });
  });
  let told = 0;
  for (const videoId of running) {
    if (await workflows.signalReopen(videoId)) told++;
    else await leaveReopenings(db, [videoId]);
  }
  const lost = await listLost(dependencies, { since, limit: Number.POSITIVE_INFINITY });
  let begunAgain = 0;
  for (const videoId of lost) {
    await enterReopenings(db, [videoId]);
    if (await workflows.runAgain(videoId)) begunAgain++;
    else await leaveReopenings(db, [videoId]);
  }
  const mayBePaidAgain = left.flatMap((one) => (one.mayBePaidAgain ? [one.videoId] : []));
  return { told, begunAgain, lookedFor: left.length, mayBePaidAgain };
}

/** Clocks differ a little, and what was accepted last may be under way. */
const MARGIN_MS = 60_000;

/**
 * Holds back all grants where Temporal has run videos that the gateway accepted and this catalog does not know: it is an
 * older copy of itself, and an operator has to run the restore.
 */
export async function checkCatalogAge(dependencies: RestoreDependencies): Promise<boolean> {
  const { db } = dependencies;
  const since = (await readNewestAcceptance(db)) ?? new Date(0);
  const lost = await listLost(dependencies, { since, limit: LIMIT });
  if (lost.length > 0) await requireRestore(db);
  return lost.length > 0;
}

/** Videos that the gateway accepted, that Temporal has run since then, and that the catalog neither has nor waits for. */
async function listLost(
  { db, workflows, keepDays }: RestoreDependencies,
  { since, limit }: { readonly since: Date; readonly limit: number },
): Promise<readonly string[]> {
  // What began before may have been removed in its time: begun again, it would be paid again.
  const keptMs = keepDays === undefined ? 0 : keptSince(keepDays).getTime();
  const started = await workflows.listStartedSince(new Date(Math.max(since.getTime() - MARGIN_MS, keptMs)), limit);
  const accepted = started.flatMap(({ videoId, isAccepted }) => (isAccepted ? [videoId] : []));
  const known = await listKnown(db, accepted);
  const awaited = new Set(await listReopenings(db, { among: accepted }));
  return [...new Set(accepted)].filter((id) => !known.has(id) && !awaited.has(id));
}

/** What was told is told again after so long. */
const TOLD_AGAIN_MS = 60_000;
const LIMIT = 1000;

/** Tells those again that have not opened since; one whose workflow does not run any more is not waited for. */
export async function retellReopenings({ db, workflows }: RestoreDependencies): Promise<void> {
  for (const videoId of await listReopenings(db, { toldBefore: new Date(Date.now() - TOLD_AGAIN_MS) })) {
    if (await workflows.signalReopen(videoId)) await noteReopeningTold(db, videoId);
    else await leaveReopenings(db, [videoId]);
  }
}
