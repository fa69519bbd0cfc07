/** Batches as the front door takes them: every line validated and priced before anything is held, paid or made. */

import { setTimeout as sleep } from 'node:timers/promises';
import { uuidv7 } from 'uuidv7';
import { balance } from '../catalog/balance.ts';
import { forgetBatch, refuseBatch } from '../catalog/batch-ends.ts';
import {
  type BatchFilter,
  type BatchRow,
  beginBatch,
  copyUnfinished,
  enterBatchOnce,
  expectedMsLeft,
  findBatch,
  findRepeatedBatch,
  type LineWithVideo,
  listBatches,
  listLines,
  type NewBatch,
  readProgress,
  type Validated,
} from '../catalog/batches.ts';
import { readClock } from '../catalog/clock.ts';
import { type Db, inTransaction } from '../catalog/driver/database.ts';
import { type InvalidLine, windowMs } from '../domain/batch.ts';
import { type Caller, requireSeen } from '../domain/caller.ts';
import { Refusal } from '../domain/failure.ts';
import type { Log } from '../domain/log.ts';
import { dollarsOf } from '../domain/money.ts';
import type { VideoWorkflows } from '../domain/video-workflows.ts';
import type { MediaStore } from '../media/media-store.ts';
import { cancelBatch, endLostValidations, startBatch } from '../recovery/batches.ts';
import { givenUp, type ValidationOrder, validateLines } from './batch-validation.ts';

export type { BatchRow, LineWithVideo };

/** What tells a repeat of a batch's create from another one. */
export interface KeyedBatch {
  readonly caller: Caller;
  /** Names the create; the same one again is the same batch. Null where nothing does. */
  readonly repeatKey: string | null;
  /** The key is the caller's own, and holds for ever. */
  readonly hasKey: boolean;
  /** Of what was sent with the key: with another one it is another create, and refused. */
  readonly bodyHash: string;
}

/** What is told of a batch as it was asked for. */
type BatchFacts = Pick<NewBatch, 'name' | 'endpoint' | 'inputFileId' | 'metadata' | 'callbackUrl' | 'outputSeconds'>;

export interface BatchOrder extends ValidationOrder, KeyedBatch, BatchFacts {
  /** `1h` to `7d`. */
  readonly window: string;
  readonly onInvalidLine: 'fail' | 'skip';
  /** A batch that is refused is kept as one that failed; else nothing is. */
  readonly keepsRefused?: boolean;
}

/** What a manifest came to. */
export interface ValidatedBatch {
  readonly total: number;
  readonly estimateMicroUsd: number;
  readonly invalid: readonly InvalidLine[];
}

/** `batch` is null for a dry run, and where bad lines refused it. */
export interface CreatedBatch extends ValidatedBatch {
  readonly batch: BatchRow | null;
  readonly isRefused: boolean;
}

export type Batches = ReturnType<typeof createBatches>;

/** How often a create that came again looks whether the first one is over. */
const LOOK_MS = 500;

export interface BatchesDependencies {
  readonly db: Db;
  readonly store: MediaStore;
  readonly workflows: Pick<VideoWorkflows, 'startBatch' | 'signalBatch'>;
  readonly log: Pick<Log, 'warn'>;
}

/** Every method throws `Refusal` for what cannot be, `not_found` for another caller's batch. */
export function createBatches(dependencies: BatchesDependencies) {
  const { db } = dependencies;

  async function read(caller: Caller, id: string): Promise<BatchRow> {
    return requireSeen(caller, await findBatch(db, id), `batch ${id.slice(0, 100)}`);
  }

  async function begin(tx: Db, { id, window }: NewBatch, validated: Validated): Promise<BatchRow> {
    const startedAt = await readClock(tx);
    const expiresAt = new Date(startedAt.getTime() + readWindow(window));
    const batch = await beginBatch(tx, id, { ...validated, startedAt, expiresAt });
    if (!batch) throw givenUp(id);
    return batch;
  }

  /** Begins it, or says why it does not, and keeps it then as one that failed where the order wants that. */
  async function judge(order: BatchOrder, batch: NewBatch, validated: Validated): Promise<CreatedBatch> {
    const { caller, onInvalidLine, keepsRefused = false, isDryRun = false } = order;
    const { total, estimateMicroUsd, invalid } = validated;
    const answer = { total, estimateMicroUsd, invalid };
    const isBad = total === 0 || (validated.failed > 0 && onInvalidLine === 'fail');
    if (isDryRun) return { ...answer, batch: null, isRefused: isBad };
    const credit = isBad ? null : await shortOf(db, caller, validated);
    if (!isBad && !credit) return { ...answer, batch: await begin(db, batch, validated), isRefused: false };
    if (!keepsRefused) {
      await forgetBatch(db, batch.id);
      if (credit) throw credit;
      return { ...answer, batch: null, isRefused: true };
    }
    const named = credit ? [{ line: 0, code: 'insufficient_credit', message: credit.message }] : invalid;
    const refused = await refuseBatch(db, batch.id, { total, estimateMicroUsd, invalid: named });
    return { ...answer, invalid: named, batch: refused ?? (await findBatch(db, batch.id)), isRefused: true };
  }

  /**
   * Enters it, unless its create came before. One that is still validated is waited for, since it may yet be refused;
   * where its process did not live to see the end, this create stands in for it.
   */
  async function enterOnce(batch: NewBatch, hasKey: boolean): Promise<BatchRow | null> {
    for (;;) {
      const earlier = await inTransaction(db, (tx) => enterBatchOnce(tx, batch, hasKey));
      if (earlier?.state !== 'validating') return earlier;
      await sleep(LOOK_MS);
      await endLostValidations(dependencies);
    }
  }

  async function create(order: BatchOrder): Promise<CreatedBatch> {
    const { isDryRun = false, hasKey } = order;
    const batch = rowOf(order, await readClock(db));
    const earlier = isDryRun ? null : await enterOnce(batch, hasKey);
    if (earlier) {
      const { total, estimateMicroUsd, invalid } = earlier;
      return { total, estimateMicroUsd, invalid, batch: earlier, isRefused: false };
    }
    try {
      const created = await judge(order, batch, await validateLines(dependencies, order, batch.id));
      if (created.batch && !created.isRefused) await startBatch(dependencies, created.batch);
      return created;
    } catch (error) {
      if (!isDryRun) await forgetBatch(db, batch.id).catch(() => undefined);
      throw error;
    }
  }

  return {
    /** The batch that a create made before; null for a new one. For creates whose manifest may be gone by now. */
    async findEarlier({ caller, repeatKey, bodyHash, hasKey }: KeyedBatch): Promise<BatchRow | null> {
      if (repeatKey === null) return null;
      const earlier = await findRepeatedBatch(db, { callerId: caller.id, repeatKey, bodyHash }, hasKey);
      return earlier?.state === 'validating' ? null : earlier;
    },
    create,
    read,
    list: (filter: BatchFilter) => listBatches(db, filter),
    progress: (ids: readonly string[]) => readProgress(db, ids),
    lines: (id: string, filter: Parameters<typeof listLines>[2]) => listLines(db, id, filter),

    async cancel(caller: Caller, id: string): Promise<BatchRow> {
      await read(caller, id);
      await cancelBatch(dependencies, id);
      return await read(caller, id);
    },

    async retry(caller: Caller, id: string): Promise<BatchRow> {
      const before = await read(caller, id);
      if (before.endedAt === null) throw new Refusal('conflict', `batch ${id} has not ended`);
      // A batch has one other that makes its lines again, however often that is asked for; that one has one in turn.
      const order = { ...before, caller: { id: before.callerId }, repeatKey: `retry ${id}`, bodyHash: null };
      const batch = { ...rowOf(order, await readClock(db)), retryOf: id };
      const { begun, isRepeated } = await inTransaction(db, async (tx) => {
        const earlier = await enterBatchOnce(tx, batch, true);
        if (earlier) return { begun: earlier, isRepeated: true };
        const copied = await copyUnfinished(tx, { from: id, to: batch.id });
        if (copied.total === 0) throw new Refusal('conflict', `batch ${id} has no line that could be made again`);
        const credit = await shortOf(tx, order.caller, copied);
        if (credit) throw credit;
        return { begun: await begin(tx, batch, copied), isRepeated: false };
      });
      if (!isRepeated) await startBatch(dependencies, begun);
      return begun;
    },

    /** When it is expected to have ended, by how long clips took lately; null where that is not known. */
    async expectedEndAt(id: string): Promise<Date | null> {
      const leftMs = await expectedMsLeft(db, id);
      return leftMs === null ? null : new Date(Date.now() + leftMs);
    },
  };
}

function readWindow(window: string): number {
  const ms = windowMs(window);
  if (ms === null)
    throw new Refusal('invalid_request', 'the window must be from 1h to 7d', { param: 'completion_window' });
  return ms;
}

interface RowOrder extends BatchFacts, Pick<BatchOrder, 'window' | 'repeatKey'> {
  readonly caller: Pick<Caller, 'id'>;
  readonly bodyHash: string | null;
}

/** A new batch as it is entered, to be validated. */
function rowOf({ caller, window, repeatKey, ...order }: RowOrder, createdAt: Date): NewBatch {
  const { name, endpoint, inputFileId, metadata, callbackUrl, outputSeconds, bodyHash } = order;
  const id = `batch_${uuidv7()}`;
  return {
    id,
    callerId: caller.id,
    state: 'validating',
    name,
    endpoint,
    inputFileId,
    metadata,
    callbackUrl,
    outputSeconds,
    window,
    repeatKey: repeatKey ?? id,
    bodyHash,
    createdAt,
    expiresAt: new Date(createdAt.getTime() + readWindow(window)),
  };
}

/** Why a whole estimate cannot be paid; null where it can. */
async function shortOf(
  db: Db,
  { id }: Pick<Caller, 'id'>,
  { estimateMicroUsd }: Pick<ValidatedBatch, 'estimateMicroUsd'>,
) {
  const { creditMicroUsd, availableMicroUsd } = await balance(db, id);
  if (creditMicroUsd === null || availableMicroUsd >= estimateMicroUsd) return null;
  return new Refusal(
    'insufficient_credit',
    `the batch is estimated at ${dollarsOf(estimateMicroUsd)}; ${dollarsOf(availableMicroUsd)} is available`,
  );
}
