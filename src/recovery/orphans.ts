/** Finds tasks that our accounts were billed for and no submission has, and follows each to its end. */

import { noteList } from '../catalog/account-health.ts';
import { findNextTask } from '../catalog/account-tasks.ts';
import { findLeftEstimate, listListedClaims } from '../catalog/claims.ts';
import { readClock } from '../catalog/clock.ts';
import {
  bookOrphan,
  type DueAccount,
  doubtSince,
  endOrphan,
  listDueAccounts,
  listOpenOrphans,
  noteReading,
  type OrphanRow,
} from '../catalog/orphans.ts';
import { noteListsRead } from '../catalog/reopenings.ts';
import { listPresumed, settlePresumed } from '../catalog/submissions.ts';
import { findVideoRow } from '../catalog/videos.ts';
import { sight } from '../domain/adoption.ts';
import type { MicroUsd } from '../domain/money.ts';
import { providerOf } from '../domain/provider.ts';
import { clockOf, isBehind, type ReadList, readList } from '../submissions/account-list.ts';
import { callOf, findAccount, type SubmissionDependencies } from '../submissions/dependencies.ts';
import { followLateBills } from './late-bills.ts';

/** How far two readings of an upstream's clock may lie apart: it tells whole seconds, and its answers take their time. */
const CLOCK_MARGIN_MS = 5000;

/** Open orphans that are polled in one sweep. */
const POLL_LIMIT = 50;

/** A task that is not known so long after it was found is gone. */
const MISSING_AFTER_MS = 60_000;
/** One that was given up because it was not known may come back for so long. */
const GIVEN_UP_MISSING_AFTER_MS = 60 * 60_000;

/** After the upstream has forgotten a task nothing will be learnt of it any more. */
const FORGOTTEN_AFTER_MS = 60 * 60_000;

type Listed = ReadList['tasks'][number] & { readonly createdAtMs: number };

/** Reads the list of one account; returns how many orphans it showed. */
async function readAccount(dependencies: SubmissionDependencies, due: DueAccount): Promise<number> {
  const { db } = dependencies;
  const account = findAccount(dependencies, due.id);
  if (!account) return 0;
  const { baseUrl } = account;
  const { list } = await readList(dependencies, { account: due.id, baseUrl });
  if (list === null) return 0;
  // In this order: a create that was in doubt may have claimed its task by the time that claims are read, and one that
  // begins only now has no task in a list that was read before.
  const doubt = await doubtSince(db, baseUrl);
  const own = { account: due.id, credential: due.credential, baseUrl };
  const claimed = await listListedClaims(db, own, list.tasks);
  await noteList(db, due.id, { showsOurs: claimed.size > 0 });
  await followLateBills(dependencies, { account: due.id, credential: due.credential }, list.tasks);
  const toUpstreamMs = clockOf(list, claimed);
  const untilMs = doubt === null ? Number.POSITIVE_INFINITY : doubt.getTime() + toUpstreamMs - CLOCK_MARGIN_MS;
  const sinceMs = due.firstUsedAt.getTime() + toUpstreamMs - CLOCK_MARGIN_MS;
  const unclaimed = list.tasks.flatMap((task): readonly Listed[] => {
    const { taskId, createdAtMs } = task;
    return createdAtMs !== undefined && createdAtMs >= sinceMs && !claimed.has(taskId)
      ? [{ ...task, createdAtMs }]
      : [];
  });
  const certain = unclaimed.filter(({ createdAtMs }) => createdAtMs < untilMs);
  const found = await Promise.all(certain.map((task) => book(dependencies, due, task)));
  await settlePresumptions(dependencies, due, { list, unclaimed, toUpstreamMs, showsOurs: claimed.size > 0 });
  // What an open doubt may still adopt is read again with the next sweep.
  if (certain.length === unclaimed.length) await noteReading(db, due, new Date(list.nowMs));
  return found.filter((isNew) => isNew).length;
}

async function book(
  { db, log }: SubmissionDependencies,
  { id: account, credential }: DueAccount,
  task: Listed,
): Promise<boolean> {
  const { taskId, model: upstreamModel, prompt, durationSeconds, costMicroUsd, createdAtMs } = task;
  const createdAt = new Date(createdAtMs);
  const estimateMicroUsd =
    prompt === undefined ? undefined : await findLeftEstimate(db, account, { prompt, createdAt });
  const found = { account, credential, taskId, upstreamModel, durationSeconds, createdAt };
  const orphan = await bookOrphan(db, { ...found, costMicroUsd, estimateMicroUsd });
  if (orphan) log.warn({ ...orphan }, 'an orphan: a task of the account belongs to no submission');
  return orphan !== null;
}

/**
 * What was presumed of lost creates is told by a list that reaches back to them and shows tasks of ours: such a task is
 * booked as an orphan, and where there is none no task was made. A list reaches back that shows something older or, since
 * nothing of an account is older than its first create, the next task that the account made.
 */
async function settlePresumptions(
  { db }: SubmissionDependencies,
  { credential }: DueAccount,
  {
    list,
    unclaimed,
    toUpstreamMs,
    showsOurs,
  }: {
    readonly list: ReadList;
    readonly unclaimed: readonly Listed[];
    readonly toUpstreamMs: number;
    readonly showsOurs: boolean;
  },
): Promise<void> {
  const oldestMs = Math.min(...list.tasks.flatMap(({ createdAtMs }) => createdAtMs ?? []));
  const shows = (wanted: string | null) => list.tasks.some(({ taskId }) => taskId === wanted);
  const { tasks } = list;
  for (const { submission, prompt } of await listPresumed(db, credential)) {
    const sentAtMs = (submission.sentAt ?? submission.grantedAt).getTime() + toUpstreamMs;
    const { candidates } = sight(unclaimed, { prompt, sentAtMs, rivals: [] });
    const reachesBack = oldestMs < sentAtMs && !(await isBehind({ db }, submission, { tasks, showsOurs }));
    const isTold = candidates.length > 0 || (showsOurs && (reachesBack || shows(await findNextTask(db, submission))));
    if (isTold) await settlePresumed(db, submission);
  }
}

/** What a task costs whose upstream does not say it: of one that was given up its video's estimate, else what it was booked with. */
async function estimated({ db }: SubmissionDependencies, { videoId, costMicroUsd }: OrphanRow): Promise<MicroUsd> {
  const video = videoId === null ? null : await findVideoRow(db, videoId);
  return video?.estimateMicroUsd ?? costMicroUsd;
}

/** What an orphan cost in the end; null while it may still change. By the catalog's clock, as it was found. */
async function finalCost(dependencies: SubmissionDependencies, orphan: OrphanRow, now: Date): Promise<MicroUsd | null> {
  const account = findAccount(dependencies, orphan.account);
  // Nothing can be asked any more: what was billed is presumed.
  if (!account) return await estimated(dependencies, orphan);
  const provider = providerOf(dependencies.providers, { account: account.id, provider: account.provider });
  const ageMs = now.getTime() - orphan.foundAt.getTime();
  const forgotten = ageMs > provider.facts.resultTtlMs + FORGOTTEN_AFTER_MS ? orphan.costMicroUsd : null;
  const signal = AbortSignal.timeout(dependencies.exchangeTimeoutMs);
  const status = await provider.poll(orphan.taskId, callOf(account, signal)).catch((error: unknown) => {
    // An upstream that is never heard of again keeps no slot for ever.
    if (forgotten === null) throw error;
    return null;
  });
  if (status?.kind === 'succeeded') return status.costMicroUsd ?? (await estimated(dependencies, orphan));
  if (status?.kind === 'failed') return status.costMicroUsd ?? 0;
  if (status?.kind === 'missing') {
    const lastsMs = orphan.videoId === null ? MISSING_AFTER_MS : GIVEN_UP_MISSING_AFTER_MS;
    return ageMs > lastsMs ? (orphan.videoId === null ? orphan.costMicroUsd : 0) : null;
  }
  return forgotten;
}

/** Polls the orphans that have not ended, so that what was lost follows the bill. */
async function followOrphans(dependencies: SubmissionDependencies): Promise<void> {
  const { db, log } = dependencies;
  const now = await readClock(db);
  // All at once: an upstream that does not answer takes its time of one poll, and not of fifty.
  const polls = (await listOpenOrphans(db, POLL_LIMIT)).map(async (orphan) => {
    const { account, taskId } = orphan;
    try {
      const costMicroUsd = await finalCost(dependencies, orphan, now);
      if (costMicroUsd !== null) await endOrphan(db, orphan, costMicroUsd);
    } catch (error) {
      log.warn({ account, taskId, error: String(error) }, 'an orphan could not be polled');
    }
  });
  await Promise.all(polls);
}

/**
 * Reads the lists that are due and follows what was found; an account whose list cannot be read is due again in the
 * next sweep.
 * @returns how many orphans were found.
 */
export async function findOrphans(dependencies: SubmissionDependencies): Promise<number> {
  const { db, log } = dependencies;
  const readings = (await listDueAccounts(db)).map(async (due) => {
    try {
      return await readAccount(dependencies, due);
    } catch (error) {
      log.warn({ account: due.id, error: String(error) }, 'the list of an account could not be read');
      return 0;
    }
  });
  const found = (await Promise.all(readings)).reduce((sum, one) => sum + one, 0);
  await noteListsRead(db);
  await followOrphans(dependencies);
  return found;
}
