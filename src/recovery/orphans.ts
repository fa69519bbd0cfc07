/** Finds tasks that our accounts were billed for and no submission has, and follows each to its end. */

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
import { listClaimedTasks, readClock } from '../catalog/submissions.ts';
import type { MicroUsd } from '../domain/money.ts';
import type { TaskList } from '../domain/provider.ts';
import { findAccount, type SubmissionDependencies } from '../submissions/dependencies.ts';

/** How far two readings of an upstream's clock may lie apart: it tells whole seconds, and its answers take their time. */
const CLOCK_MARGIN_MS = 5000;

/** Open orphans that are looked at in one sweep. */
const LOOK_LIMIT = 50;

/** A task that is not known so long after it was found is gone. */
const MISSING_AFTER_MS = 60_000;

/** After the upstream has forgotten a task nothing will be learnt of it any more. */
const FORGOTTEN_AFTER_MS = 60 * 60_000;

type Listed = TaskList['tasks'][number] & { readonly createdAtMs: number };

/** Reads the list of one account; returns how many orphans it showed. */
async function readAccount(dependencies: SubmissionDependencies, due: DueAccount): Promise<number> {
  const { db, providers, exchangeTimeoutMs } = dependencies;
  const account = findAccount(dependencies, due.id);
  const provider = account && providers[account.provider];
  // A list without times tells nothing of whose a task is.
  if (!account || !provider?.list || provider.facts.listWindow === null) return 0;
  const { baseUrl, apiKey } = account;
  const now = await readClock(db);
  const askedMs = Date.now();
  const list = await provider.list({ baseUrl, apiKey, signal: AbortSignal.timeout(exchangeTimeoutMs) });
  const toUpstreamMs = list.upstreamNowMs - (now.getTime() + Date.now() - askedMs);
  // In this order: a create that was in doubt may have claimed its task by the time that claims are read, and one that
  // begins only now has no task in a list that was read before.
  const doubt = await doubtSince(db, due.id);
  const sinceMs = due.firstUsedAt.getTime() + toUpstreamMs - CLOCK_MARGIN_MS;
  const untilMs = doubt === null ? Number.POSITIVE_INFINITY : doubt.getTime() + toUpstreamMs - CLOCK_MARGIN_MS;
  const unclaimed = await findUnclaimed(dependencies, due, { tasks: list.tasks, sinceMs });
  const certain = unclaimed.filter(({ createdAtMs }) => createdAtMs < untilMs);
  const found = await Promise.all(certain.map((task) => book(dependencies, due.id, task)));
  // What an open doubt may still adopt is looked at again with the next sweep.
  if (certain.length === unclaimed.length) await noteReading(db, due, now);
  return found.filter((isNew) => isNew).length;
}

async function findUnclaimed(
  { db }: SubmissionDependencies,
  { id }: DueAccount,
  { tasks, sinceMs }: { readonly tasks: TaskList['tasks']; readonly sinceMs: number },
): Promise<readonly Listed[]> {
  const own = tasks.flatMap((task) => {
    const { createdAtMs } = task;
    return createdAtMs !== undefined && createdAtMs >= sinceMs ? [{ ...task, createdAtMs }] : [];
  });
  const ids = own.map(({ taskId }) => taskId);
  const claimed = await listClaimedTasks(db, id, ids);
  return own.filter(({ taskId }) => !claimed.has(taskId));
}

async function book({ db, log }: SubmissionDependencies, account: string, task: Listed): Promise<boolean> {
  const { taskId, model: upstreamModel, durationSeconds, costMicroUsd, createdAtMs } = task;
  const createdAt = new Date(createdAtMs);
  const orphan = await bookOrphan(db, { account, taskId, upstreamModel, durationSeconds, costMicroUsd, createdAt });
  if (orphan) log.warn({ ...orphan }, 'an orphan: a task of the account belongs to no submission');
  return orphan !== null;
}

/** What an orphan cost in the end; null while it may still change. */
async function finalCost(dependencies: SubmissionDependencies, orphan: OrphanRow): Promise<MicroUsd | null> {
  const account = findAccount(dependencies, orphan.account);
  // Nobody can be asked any more.
  if (!account) return orphan.costMicroUsd;
  const { baseUrl, apiKey } = account;
  const provider = dependencies.providers[account.provider];
  const signal = AbortSignal.timeout(dependencies.exchangeTimeoutMs);
  const status = await provider.check(orphan.taskId, { baseUrl, apiKey, signal });
  if (status.kind === 'succeeded') return status.costMicroUsd ?? orphan.costMicroUsd;
  if (status.kind === 'failed') return status.costMicroUsd ?? 0;
  const ageMs = Date.now() - orphan.foundAt.getTime();
  const lastsMs = status.kind === 'missing' ? MISSING_AFTER_MS : provider.facts.resultTtlMs + FORGOTTEN_AFTER_MS;
  return ageMs > lastsMs ? orphan.costMicroUsd : null;
}

/** Looks at the orphans that have not ended, so that what was lost follows the bill. */
async function followOrphans(dependencies: SubmissionDependencies): Promise<void> {
  const { db, log } = dependencies;
  for (const orphan of await listOpenOrphans(db, LOOK_LIMIT)) {
    const { account, taskId } = orphan;
    try {
      const costMicroUsd = await finalCost(dependencies, orphan);
      if (costMicroUsd !== null) await endOrphan(db, orphan, costMicroUsd);
    } catch (error) {
      log.warn({ account, taskId, error: String(error) }, 'an orphan could not be looked at');
    }
  }
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
  await followOrphans(dependencies);
  return found;
}
