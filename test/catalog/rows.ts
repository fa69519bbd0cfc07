/** Rows of the catalog with plain defaults, inserted as they stand. */

import { eq, sql } from 'drizzle-orm';
import type { ConfiguredAccount } from '../../src/catalog/accounts.ts';
import type { Db } from '../../src/catalog/driver/database.ts';
import { queuePositions } from '../../src/catalog/queue-order.ts';
import { callers } from '../../src/catalog/tables/callers.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import { videos } from '../../src/catalog/tables/videos.ts';
import { makeRequest } from '../builders.ts';

type VideoRow = typeof videos.$inferInsert;
type SubmissionRow = typeof submissions.$inferInsert;

/** An account of airforce with four slots. */
export function makeAccount(overrides: Partial<ConfiguredAccount> = {}): ConfiguredAccount {
  return {
    id: 'airforce-1',
    provider: 'airforce',
    pool: 'main',
    baseUrl: 'https://api.example',
    maxConcurrentTasks: 4,
    credential: overrides.id ?? 'airforce-1',
    readsList: true,
    singleLane: true,
    ...overrides,
  };
}

/** A queued video of `caller_1`, made long ago and kept until tomorrow. */
export async function insertVideo(db: Db, overrides: Partial<VideoRow> & { readonly id: string }): Promise<void> {
  const createdAt = overrides.createdAt ?? new Date('2026-03-01T12:00:00.000Z');
  const expiresAt = overrides.expiresAt ?? new Date(Date.now() + 86_400_000);
  await db.insert(videos).values({
    callerId: 'caller_1',
    dialect: 'airforce',
    state: 'queued',
    request: makeRequest(),
    model: 'wan-2.6',
    estimateMicroUsd: 3_200_000,
    createdAt,
    expiresAt,
    queueDeadlineAt: expiresAt,
    ...overrides,
  });
  if (overrides.endedAt) return;
  // As its acceptance would have.
  const unendedVideos = sql`${callers.unendedVideos} + 1`;
  await db
    .update(callers)
    .set({ unendedVideos })
    .where(eq(callers.id, overrides.callerId ?? 'caller_1'));
}

/** A running submission at airforce-1. */
export async function insertSubmission(
  db: Db,
  overrides: Partial<SubmissionRow> & { readonly id: string; readonly videoId: string },
): Promise<void> {
  await db.insert(submissions).values({
    n: 1,
    account: 'airforce-1',
    credential: overrides.account ?? 'airforce-1',
    provider: 'airforce',
    baseUrl: 'https://api.example',
    upstreamModel: 'wan-2.6',
    singleLane: true,
    state: 'running',
    grantedAt: new Date('2026-03-01T12:00:00.000Z'),
    ...overrides,
  });
}

/** A video's place in its queue, 1 first; null when it does not wait. */
export async function queuePosition(db: Db, videoId: string): Promise<number | null> {
  return (await queuePositions(db, [videoId])).get(videoId) ?? null;
}
