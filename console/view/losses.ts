/** What upstreams billed and no caller paid: for which reason, of which video or task. */

import type { Account, Video } from '../answers.ts';
import { failureWords } from './words.ts';

export interface Loss {
  /** Of the video; null for a task that belongs to none. */
  readonly videoId: string | null;
  readonly what: string;
  readonly why: string;
  readonly microUsd: number;
  readonly at: string;
}

const ENDS: Readonly<Record<string, string>> = {
  cancelled: 'It was cancelled, and its task was billed all the same.',
  expired: 'It ended after its time, and its task was billed all the same.',
};
const ORPHAN = 'A task that belongs to no video.';

/** The newest first. */
export function lossesOf(videos: readonly Video[], accounts: readonly Account[]): readonly Loss[] {
  const ofVideos = videos.flatMap(({ id, state, request, failure, cost, endedAt, createdAt }): Loss[] => {
    const microUsd = (cost.upstreamMicroUsd ?? 0) - (cost.settledMicroUsd ?? 0);
    if (microUsd <= 0) return [];
    const why = failure === null ? (ENDS[state] ?? state) : failureWords(failure.kind);
    return [{ videoId: id, what: request.prompt, why, microUsd, at: endedAt ?? createdAt }];
  });
  const ofOrphans = accounts.flatMap(({ id, orphans }) =>
    orphans.flatMap(({ taskId, costMicroUsd, createdAt }): Loss[] =>
      costMicroUsd <= 0
        ? []
        : [{ videoId: null, what: `${taskId} at ${id}`, why: ORPHAN, microUsd: costMicroUsd, at: createdAt }],
    ),
  );
  return [...ofVideos, ...ofOrphans].toSorted((a, b) => b.at.localeCompare(a.at));
}

/** How much for each reason, the most first. */
export function byReason(losses: readonly Loss[]) {
  const sums = new Map<string, number>();
  for (const { why, microUsd } of losses) sums.set(why, (sums.get(why) ?? 0) + microUsd);
  return [...sums].map(([label, value]) => ({ label, value })).toSorted((a, b) => b.value - a.value);
}
