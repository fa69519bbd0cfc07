/** An account's list of tasks, read once: what it shows of a create, and what it says of itself. */

import { noteAccountError, noteList, noteNoList } from '../catalog/account-health.ts';
import { findLastTask } from '../catalog/account-tasks.ts';
import type { AccountRow } from '../catalog/accounts.ts';
import { listListedClaims, listRivals } from '../catalog/claims.ts';
import { readClock } from '../catalog/clock.ts';
import type { SubmissionRow } from '../catalog/submissions.ts';
import { type ListedTask, type Sighting, sight } from '../domain/adoption.ts';
import type { AdoptionWindow } from '../domain/doubt.ts';
import { providerOf, type TaskList } from '../domain/provider.ts';
import { UpstreamError } from '../domain/upstream-error.ts';
import { callOf, findAccount, type SubmissionDependencies } from './dependencies.ts';

/** Statuses with which an upstream says that there is no such route. */
const NO_SUCH_ROUTE: readonly number[] = [404, 405, 501];

/** Whether a status says that there is no such route. */
export function isNoRoute(status: number | undefined): boolean {
  return NO_SUCH_ROUTE.includes(status ?? 0);
}

/** A list as it was read; `nowMs` is the catalog's clock when it was. */
export interface ReadList extends Pick<TaskList, 'tasks'> {
  readonly nowMs: number;
  /** What the upstream's clock is ahead of the catalog's; one that does not tell its own is taken for right. */
  readonly toUpstreamMs: number;
}

export type ListReading = { readonly list: ReadList } | { readonly list: null; readonly isMissing: boolean };

/** Where the list of an account tells of lost creates, and how long it takes to; null where it does not. */
export function listWindowOf(
  { providers }: SubmissionDependencies,
  row: Pick<AccountRow, 'id' | 'provider' | 'readsList' | 'listMissingAt'> | null,
): AdoptionWindow | null {
  if (!row?.readsList || row.listMissingAt !== null) return null;
  return providerOf(providers, { account: row.id, provider: row.provider }).facts.listWindow;
}

/**
 * Reads the list of an account at a base URL of it. What cannot be read is noted at the account, whose operators alone
 * see what was answered: a list shows the tasks of all callers.
 */
export async function readList(
  dependencies: SubmissionDependencies,
  { account: id, baseUrl }: Pick<SubmissionRow, 'account' | 'baseUrl'>,
): Promise<ListReading> {
  const { db, providers, exchangeTimeoutMs } = dependencies;
  const account = findAccount(dependencies, id);
  const list = account?.list && providerOf(providers, { account: id, provider: account.provider }).list;
  // A key is shown to the host that it is for, and to no other that the account had before.
  if (!account || !list || account.baseUrl !== baseUrl) return { list: null, isMissing: false };
  // Before the list is asked for: what it shows is at least as old as this.
  const now = await readClock(db);
  const askedMs = Date.now();
  try {
    const signal = AbortSignal.timeout(exchangeTimeoutMs);
    const { tasks, upstreamNowMs } = await list(callOf(account, signal));
    // The worker's own clock may be wrong: it measures spans alone.
    const nowMs = now.getTime() + (Date.now() - askedMs);
    return { list: { tasks, nowMs, toUpstreamMs: upstreamNowMs === undefined ? 0 : upstreamNowMs - nowMs } };
  } catch (error) {
    const isNone = error instanceof UpstreamError && isNoRoute(error.status);
    const reason = error instanceof Error ? error.message : String(error);
    await noteAccountError(db, id, `the list cannot be read: ${reason}`);
    return { list: null, isMissing: isNone && (await noteNoList(db, id)) };
  }
}

/** Which date a task may have, counted from its create: seconds are whole, and entering it may take its time. */
const DATED = { earliestMs: -5_000, latestMs: 15 * 60_000 } as const;
/** What entering a task takes at most where the clock is told by one. */
const MOST_LAG_MS = 2 * 60_000;

/**
 * How far the clock that a list dates tasks by is ahead of the catalog's. Our own tasks in it tell where it is another one
 * than that of the upstream's answers: times without a zone that are not UTC's, ends of lives of another length.
 */
export function clockOf(
  { tasks, toUpstreamMs }: ReadList,
  claimed: Awaited<ReturnType<typeof listListedClaims>>,
): number {
  const dated = tasks.flatMap(({ taskId, createdAtMs }) => {
    const sentMs = claimed.get(taskId)?.getTime();
    return sentMs === undefined || createdAtMs === undefined ? [] : [{ sentMs, aheadMs: createdAtMs - sentMs }];
  });
  const [newest] = dated.sort((a, b) => b.sentMs - a.sentMs);
  if (newest === undefined) return toUpstreamMs;
  const afterMs = newest.aheadMs - toUpstreamMs;
  const isOther = afterMs < DATED.earliestMs || afterMs > DATED.latestMs;
  return isOther ? newest.aheadMs - MOST_LAG_MS : toUpstreamMs;
}

/** What a list shows of a create; one that is behind tells nothing by what it lacks. */
export interface Reading extends Sighting {
  readonly isBehind: boolean;
}

/** Noted at an account whose list is behind. */
const BEHIND = 'the list shows older tasks of ours without the newest, so it does not tell of lost creates';

/**
 * Whether a list lacks a task of ours that came before the create while it shows older ones: it may be cut at its newer end,
 * kept by a cache, or show tasks of some states alone.
 */
export async function isBehind(
  { db }: Pick<SubmissionDependencies, 'db'>,
  submission: SubmissionRow,
  { tasks, showsOurs }: Pick<ReadList, 'tasks'> & { readonly showsOurs: boolean },
): Promise<boolean> {
  const last = showsOurs ? await findLastTask(db, submission) : null;
  return last !== null && !tasks.some(({ taskId }) => taskId === last);
}

/** What the list shows of a create that was sent at this time of the catalog's clock. */
export async function sightIn(
  { db }: SubmissionDependencies,
  submission: SubmissionRow,
  { list, prompt, sentAt }: { readonly list: ReadList; readonly prompt: string; readonly sentAt: Date },
): Promise<Reading> {
  const { tasks } = list;
  const claimed = await listListedClaims(db, submission, tasks);
  const showsOurs = claimed.size > 0;
  await noteList(db, submission.account, { showsOurs });
  const behind = await isBehind({ db }, submission, { tasks, showsOurs });
  if (behind) await noteAccountError(db, submission.account, BEHIND);
  const unclaimed: readonly ListedTask[] = tasks.filter(({ taskId }) => !claimed.has(taskId));
  const sentAtMs = sentAt.getTime() + clockOf(list, claimed);
  const rivals = await listRivals(db, submission, { prompt, sentAt });
  return { ...sight(unclaimed, { prompt, sentAtMs, rivals }), isBehind: behind };
}
