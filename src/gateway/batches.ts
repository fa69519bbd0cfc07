/** Batches as the front door takes them: every line validated and priced before anything is held, paid or made. */

import { sql } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import { balance } from '../catalog/balance.ts';
import {
  type BatchFilter,
  type BatchRow,
  changeBatch,
  copyUnfinished,
  enterBatch,
  enterLines,
  expectedMsLeft,
  findBatch,
  findRepeatedBatch,
  forgetBatch,
  type LineWithVideo,
  listBatches,
  listLines,
  type NewBatch,
  readProgress,
  wishBatchCancelled,
} from '../catalog/batches.ts';
import { type Db, inTransaction } from '../catalog/driver/database.ts';
import { findVideo } from '../catalog/videos.ts';
import {
  type BatchLineDraft,
  type BatchProgress,
  type InvalidLine,
  type LineState,
  MANIFEST_BOUNDS,
  MOST_NAMED_LINES,
  type ReadLine,
  videoIdOfLine,
  windowMs,
} from '../domain/batch.ts';
import type { Caller } from '../domain/caller.ts';
import { Refusal } from '../domain/failure.ts';
import type { VideoWorkflows } from '../domain/video-workflows.ts';
import type { MediaStore } from '../media/media-store.ts';
import { startBatch, tellBatch } from '../recovery/batches.ts';
import { offersFor, requestOf } from './orders.ts';

export type { BatchRow, LineWithVideo };

export interface BatchOrder
  extends Pick<NewBatch, 'name' | 'endpoint' | 'inputFileId' | 'metadata' | 'callbackUrl' | 'outputSeconds'> {
  readonly caller: Caller;
  /** `1h` to `7d`. */
  readonly window: string;
  /** Names the create; the same one again is the same batch. Null where nothing does. */
  readonly repeatKey: string | null;
  /** The key is the caller's own, and holds for ever. */
  readonly hasKey: boolean;
  readonly onInvalidLine: 'fail' | 'skip';
  /** Validates and prices alone. */
  readonly isDryRun?: boolean;
  /** A batch that is refused is kept as one that failed; else nothing is. */
  readonly keepsRefused?: boolean;
  readonly lines: () => AsyncIterable<ReadLine>;
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

export interface Batches {
  create(order: BatchOrder): Promise<CreatedBatch>;
  /** A caller's own batch. @throws Refusal `not_found`. */
  read(caller: Caller, id: string): Promise<BatchRow>;
  list(filter: BatchFilter): Promise<{ readonly items: readonly BatchRow[]; readonly nextCursor: string | null }>;
  progress(ids: readonly string[]): Promise<(id: string) => BatchProgress>;
  lines(
    id: string,
    filter: { readonly state?: LineState | undefined; readonly after: number; readonly limit: number },
  ): Promise<readonly LineWithVideo[]>;
  cancel(caller: Caller, id: string): Promise<BatchRow>;
  retry(caller: Caller, id: string): Promise<BatchRow>;
  /** When it is expected to have ended, by how long clips took lately; null where that is not known. */
  expectedEndAt(id: string): Promise<Date | null>;
}

export interface BatchesDependencies {
  readonly db: Db;
  readonly store: MediaStore;
  readonly workflows: Pick<VideoWorkflows, 'startBatch' | 'signalBatch'>;
  readonly log: { warn(fields: object, message: string): void };
}

/** Entered in one statement. */
const CHUNK = 500;

export function createBatches(dependencies: BatchesDependencies): Batches {
  const { db } = dependencies;

  async function read(caller: Caller, id: string): Promise<BatchRow> {
    const batch = await findBatch(db, id);
    if (!batch || !(caller.isRoot || batch.callerId === caller.id)) {
      throw new Refusal('not_found', `there is no batch ${id.slice(0, 100)}`);
    }
    return batch;
  }

  async function begin(batchId: string, window: string): Promise<BatchRow> {
    const startedAt = new Date();
    const change = {
      state: 'in_progress' as const,
      startedAt,
      expiresAt: new Date(startedAt.getTime() + readWindow(window)),
    };
    await changeBatch(db, batchId, change);
    const batch = await findBatch(db, batchId);
    if (!batch) throw new Error(`batch ${batchId} was entered and is not there`);
    await startBatch(dependencies, batch);
    return batch;
  }

  /** The create that came first, or null once the new batch is entered. */
  async function enterOnce(batch: NewBatch, { hasKey }: BatchOrder): Promise<BatchRow | null> {
    return await inTransaction(db, async (tx) => {
      await tx.execute(
        sql`select pg_advisory_xact_lock(hashtextextended(${`${batch.callerId} ${batch.repeatKey}`}, 0))`,
      );
      const earlier = await findRepeatedBatch(tx, { callerId: batch.callerId, repeatKey: batch.repeatKey, hasKey });
      if (!earlier) await enterBatch(tx, batch);
      return earlier;
    });
  }

  async function create(order: BatchOrder): Promise<CreatedBatch> {
    const { caller, window, isDryRun = false, keepsRefused = false } = order;
    const id = `batch_${uuidv7()}`;
    const batch = rowOf(id, order);
    const earlier = isDryRun ? null : await enterOnce(batch, order);
    if (earlier) return { ...earlier, batch: earlier, isRefused: false };
    try {
      const validated = await new Validation(dependencies, order, id).run();
      const credit = await shortOf(db, caller, validated);
      const isBad = validated.total === 0 || (validated.invalid.length > 0 && order.onInvalidLine === 'fail');
      if (isDryRun) return { ...validated, batch: null, isRefused: isBad };
      if (!isBad && credit === null) {
        await changeBatch(db, id, validated);
        return { ...validated, batch: await begin(id, window), isRefused: false };
      }
      if (!keepsRefused) {
        await forgetBatch(db, id);
        if (!isBad && credit) throw credit;
        return { ...validated, batch: null, isRefused: true };
      }
      const invalid = isBad
        ? validated.invalid
        : [{ line: 0, code: 'insufficient_credit', message: credit?.message ?? '' }];
      await forgetBatch(db, id);
      await enterBatch(db, { ...batch, ...validated, invalid, state: 'failed', endedAt: new Date() });
      return { ...validated, invalid, batch: await findBatch(db, id), isRefused: true };
    } catch (error) {
      if (!isDryRun) await forgetBatch(db, id).catch(() => undefined);
      throw error;
    }
  }

  return {
    create,
    read,
    list: (filter) => listBatches(db, filter),
    progress: (ids) => readProgress(db, ids),
    lines: (id, filter) => listLines(db, id, filter),

    async cancel(caller, id) {
      await read(caller, id);
      await wishBatchCancelled(db, id);
      await tellBatch(dependencies, id);
      return await read(caller, id);
    },

    async retry(caller, id) {
      const before = await read(caller, id);
      if (before.endedAt === null) throw new Refusal('conflict', `batch ${id} has not ended`);
      const newId = `batch_${uuidv7()}`;
      const { name, inputFileId, metadata, callbackUrl, outputSeconds, window, callerId, endpoint } = before;
      const order = { name, inputFileId, metadata, callbackUrl, outputSeconds, endpoint, window, repeatKey: null };
      await enterBatch(db, { ...rowOf(newId, { ...order, caller: { id: callerId } }), retryOf: id });
      const copied = await copyUnfinished(db, { from: id, to: newId });
      const credit = await shortOf(db, { id: callerId }, copied);
      if (copied.total === 0 || credit) {
        await forgetBatch(db, newId);
        throw credit ?? new Refusal('conflict', `batch ${id} has no line that could be made again`);
      }
      await changeBatch(db, newId, copied);
      return await begin(newId, window);
    },

    async expectedEndAt(id) {
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

type RowOrder = Pick<
  BatchOrder,
  'name' | 'endpoint' | 'inputFileId' | 'metadata' | 'callbackUrl' | 'outputSeconds' | 'window' | 'repeatKey'
> & {
  readonly caller: Pick<Caller, 'id'>;
};

function rowOf(id: string, { caller, window, repeatKey, ...order }: RowOrder): NewBatch {
  const { name, endpoint, inputFileId, metadata, callbackUrl, outputSeconds } = order;
  const createdAt = new Date();
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
    `the batch is estimated at ${estimateMicroUsd} micro-dollars; ${availableMicroUsd} are available`,
  );
}

/** Reads all lines once: those that fit are entered, the others are named. */
class Validation {
  readonly #dependencies: Pick<BatchesDependencies, 'db' | 'store'>;
  readonly #order: BatchOrder;
  readonly #batchId: string;
  readonly #good = new Set<number>();
  readonly #invalid: InvalidLine[] = [];
  #lines: Parameters<typeof enterLines>[1][number][] = [];
  #read = 0;
  #estimateMicroUsd = 0;

  constructor(dependencies: Pick<BatchesDependencies, 'db' | 'store'>, order: BatchOrder, batchId: string) {
    this.#dependencies = dependencies;
    this.#order = order;
    this.#batchId = batchId;
  }

  async run(): Promise<ValidatedBatch> {
    for await (const read of this.#order.lines()) {
      this.#read += 1;
      if (this.#read > MANIFEST_BOUNDS.lines)
        throw new Refusal('too_large', `a batch may have ${MANIFEST_BOUNDS.lines} lines`);
      if (read.kind === 'invalid') this.#refuse(read.invalid, read.customId);
      else await this.#take(read.create);
      if (this.#lines.length >= CHUNK) await this.#flush();
    }
    await this.#flush();
    return { total: this.#good.size, estimateMicroUsd: this.#estimateMicroUsd, invalid: this.#invalid };
  }

  async #take(create: BatchLineDraft): Promise<void> {
    const { line, customId, dialect, draft } = create;
    try {
      const { caller, isDryRun = false } = this.#order;
      const source = await this.#sourceOf(create);
      const offers = await offersFor(this.#dependencies.db, caller, draft.model ?? undefined);
      const { request, estimateMicroUsd } = await requestOf(this.#dependencies, draft, {
        offers,
        keepsImages: !isDryRun,
      });
      this.#good.add(line);
      this.#estimateMicroUsd += estimateMicroUsd;
      const clipId = videoIdOfLine(this.#batchId, line);
      this.#lines.push({
        batchId: this.#batchId,
        line,
        customId,
        dialect,
        request,
        estimateMicroUsd,
        clipId,
        state: 'queued',
        ...source,
      });
    } catch (error) {
      if (!(error instanceof Refusal) || error.kind === 'unavailable') throw error;
      this.#refuse({ line, code: error.code ?? error.kind, message: error.message }, customId);
    }
  }

  /** A clip can start from one that stands before it, so none waits for itself. */
  async #sourceOf({ line, startFrom }: BatchLineDraft) {
    if (startFrom === null) return {};
    if ('line' in startFrom) {
      if (startFrom.line < line && this.#good.has(startFrom.line)) {
        return { startFromLine: startFrom.line, startFromVideo: videoIdOfLine(this.#batchId, startFrom.line) };
      }
      throw new Refusal('invalid_request', `startFrom: there is no good line ${startFrom.line} before this one`, {
        code: 'invalid_line',
      });
    }
    const { caller } = this.#order;
    const video = await findVideo(this.#dependencies.db, startFrom.video);
    if (video && (caller.isRoot || video.callerId === caller.id)) return { startFromVideo: video.id };
    throw new Refusal('invalid_request', `startFrom: there is no video ${startFrom.video}`, { code: 'invalid_line' });
  }

  #refuse(invalid: InvalidLine, customId: string | null): void {
    if (this.#invalid.length < MOST_NAMED_LINES) this.#invalid.push(invalid);
    const message = `${invalid.code}: ${invalid.message}`;
    const { line } = invalid;
    const clipId = videoIdOfLine(this.#batchId, line);
    this.#lines.push({
      batchId: this.#batchId,
      line,
      customId,
      clipId,
      state: 'failed',
      code: 'invalid_line',
      message,
    });
  }

  async #flush(): Promise<void> {
    const lines = this.#lines;
    this.#lines = [];
    if (!this.#order.isDryRun) await enterLines(this.#dependencies.db, lines);
  }
}
