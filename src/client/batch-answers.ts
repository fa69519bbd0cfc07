/** A batch as people see it; what is not shown of it is printed as JSON only. */

import type { z } from 'zod';
import { LINE_STATES } from '../domain/batch.ts';
import {
  BATCH_PATHS,
  batchAnswer,
  type batchItem,
  batchItemsAnswer,
  batchListAnswer,
  type invalidLine,
} from '../wire/clipyard/batches.ts';
import { PAGE_LIMIT } from '../wire/clipyard/fields.ts';
import { pathOf } from '../wire/path.ts';
import { patiently } from './follow.ts';
import { CommandFailure, type GatewayClient, readAnswer } from './gateway-client.ts';
import { dollars, duration, instant, oneLine, renderFacts, renderTable } from './output.ts';
import { queryOf } from './query.ts';

export type Batch = z.infer<typeof batchAnswer>;

/** A batch with the words it came in. */
export interface BatchAnswer {
  readonly answer: unknown;
  readonly batch: Batch;
}

export function readBatch(answer: unknown): BatchAnswer {
  return { answer, batch: readAnswer(batchAnswer, answer) };
}

/** @throws GatewayFailure for an id that is not the caller's. */
export async function lookAtBatch(gateway: GatewayClient, id: string): Promise<BatchAnswer> {
  return readBatch(await gateway.ask({ method: 'GET', path: pathOf(BATCH_PATHS.batch, id) }));
}

export type BatchLine = z.infer<typeof batchItem>;

/** All lines in their order, page by page. */
export async function* linePages(gateway: GatewayClient, id: string): AsyncGenerator<readonly BatchLine[]> {
  let cursor: string | undefined;
  do {
    const path = pathOf(BATCH_PATHS.batchItems, id) + queryOf({ limit: PAGE_LIMIT.max, cursor });
    const page = readAnswer(batchItemsAnswer, await patiently(gateway, () => gateway.ask({ method: 'GET', path })));
    yield page.items;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}

/** Its lines, those that were skipped among them, and how many have ended. */
export function countLines({ counts }: Pick<Batch, 'counts'>): { readonly all: number; readonly ended: number } {
  const all = LINE_STATES.reduce((sum, state) => sum + counts[state], 0);
  return { all, ended: all - counts.queued - counts.running };
}

/** @throws CommandFailure unless all lines of an ended batch completed. */
export function requireAllCompleted({ id, counts, state, total, invalid }: Batch): void {
  const { all } = countLines({ counts });
  if (state === 'completed' && counts.completed === all) return;
  if (state === 'failed') throw new CommandFailure(`${id} failed: ${invalid[0]?.message ?? 'no reason'}`);
  // Those that were never clips cannot be made again.
  const hint = counts.completed < total ? `; to make them again: clipyard batch retry ${id}` : '';
  throw new CommandFailure(`${all - counts.completed} of ${all} lines of ${id} did not complete${hint}`);
}

/** `8 running, 118 completed`: the states that lines are in. */
export function describeCounts({ counts }: Pick<Batch, 'counts'>): string {
  const some = LINE_STATES.filter((state) => counts[state] > 0);
  return some.map((state) => `${counts[state]} ${state}`).join(', ') || 'no lines';
}

/** `2026-03-01 12:00:00Z, in 12 min`. */
export function describeExpectedEnd(expectedEndAt: string | null): string | null {
  if (expectedEndAt === null) return null;
  return `${instant(expectedEndAt)}, in ${duration(Date.parse(expectedEndAt) - Date.now())}`;
}

/** A batch, a line for each fact. */
export function renderBatch(batch: Batch): string {
  const { id, name, state, retryOf, createdAt, endedAt, expiresAt, window, estimateMicroUsd, costMicroUsd } = batch;
  return renderFacts({
    id,
    name,
    state,
    lines: describeCounts(batch),
    skipped: batch.invalid.length === 0 ? null : batch.invalid.length,
    'retry of': retryOf,
    created: instant(createdAt),
    ended: instant(endedAt),
    'expected end': describeExpectedEnd(batch.expectedEndAt),
    window: endedAt === null ? `${window}, until ${instant(expiresAt)}` : window,
    estimate: dollars(estimateMicroUsd),
    cost: dollars(costMicroUsd),
    'output file': batch.outputFileId,
    'error file': batch.errorFileId,
    workflow: batch.workflowUrl,
  });
}

/** A page of batches, a row for each, and how to see the next one. */
export function renderBatches(answer: unknown): string {
  const { items, nextCursor } = readAnswer(batchListAnswer, answer);
  const rows = items.map((batch) => {
    const { all } = countLines(batch);
    const { id, name, state, counts, costMicroUsd, createdAt } = batch;
    return [id, name, state, `${counts.completed} of ${all}`, counts.failed, dollars(costMicroUsd), instant(createdAt)];
  });
  const table = renderTable(['id', 'name', 'state', 'completed', 'failed', 'cost', 'created'], rows, 'no batches');
  return nextCursor ? `${table}\nmore: --cursor ${nextCursor}` : table;
}

/** Lines that cannot become clips, one below the other. */
export function renderInvalid(invalid: readonly z.infer<typeof invalidLine>[]): string {
  return invalid.map(({ line, code, message }) => oneLine(`line ${line}: ${message} (${code})`)).join('\n');
}
