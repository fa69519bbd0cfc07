/** The validation of a batch: its lines read once, each that fits priced and entered, the others named. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { enterLines, type Validated } from '../catalog/batches.ts';
import type { Db } from '../catalog/driver/database.ts';
import { findVideo } from '../catalog/videos.ts';
import {
  type BatchLineDraft,
  type InvalidLine,
  MANIFEST_BOUNDS,
  MOST_NAMED_LINES,
  type ReadLine,
  videoIdOfLine,
} from '../domain/batch.ts';
import { type Caller, sees } from '../domain/caller.ts';
import { Refusal } from '../domain/failure.ts';
import type { MediaStore } from '../media/media-store.ts';
import { offersFor, requestOf } from './orders.ts';

interface ValidationDependencies {
  readonly db: Db;
  readonly store: MediaStore;
}

/** What is validated, and for whom. */
export interface ValidationOrder {
  readonly caller: Caller;
  /** Validates and prices alone. */
  readonly isDryRun?: boolean;
  readonly lines: () => AsyncIterable<ReadLine>;
}

/** Entered in one statement. */
const CHUNK = 500;
/** Read before others have their turn: lines that are in memory, and bad ones above all, wait for nothing by themselves. */
const LINES_A_TURN = 50;

/** Why a validation does not go on that was taken for lost. */
export function givenUp(batchId: string): Refusal {
  return new Refusal('unavailable', `batch ${batchId} was given up meanwhile; submit it again`);
}

/** Validates the lines of a batch that is entered. @throws Refusal for what is at fault beside its lines. */
export async function validateLines(
  dependencies: ValidationDependencies,
  order: ValidationOrder,
  batchId: string,
): Promise<Validated> {
  return await new Validation(dependencies, order, batchId).run();
}

class Validation {
  readonly #dependencies: ValidationDependencies;
  readonly #order: ValidationOrder;
  readonly #batchId: string;
  readonly #good = new Set<number>();
  readonly #invalid: InvalidLine[] = [];
  #lines: Parameters<typeof enterLines>[2][number][] = [];
  #read = 0;
  readonly #models = new Map<string, number>();
  #estimateMicroUsd = 0;

  constructor(dependencies: ValidationDependencies, order: ValidationOrder, batchId: string) {
    this.#dependencies = dependencies;
    this.#order = order;
    this.#batchId = batchId;
  }

  async run(): Promise<Validated> {
    for await (const read of this.#order.lines()) {
      this.#read += 1;
      if (this.#read > MANIFEST_BOUNDS.lines)
        throw new Refusal('too_large', `a batch may have ${MANIFEST_BOUNDS.lines} lines`);
      if (read.kind === 'create') await this.#take(read.create);
      else if (read.kind === 'invalid') this.#refuse(read.invalid, read.customId);
      else this.#refuseAll(read.invalid);
      if (this.#lines.length >= CHUNK) await this.#flush();
      if (this.#read % LINES_A_TURN === 0) await nextTurn();
    }
    await this.#flush();
    return {
      total: this.#good.size,
      estimateMicroUsd: this.#estimateMicroUsd,
      models: Object.fromEntries(this.#models),
      failed: this.#read - this.#good.size,
      invalid: this.#invalid,
    };
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
      this.#models.set(request.model, (this.#models.get(request.model) ?? 0) + 1);
      this.#estimateMicroUsd += estimateMicroUsd;
      const clipId = videoIdOfLine(this.#batchId, line);
      this.#lines.push({
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
      throw new Refusal('invalid_request', `there is no good line ${startFrom.line} before this one to start from`, {
        code: 'invalid_line',
      });
    }
    const { caller } = this.#order;
    const video = await findVideo(this.#dependencies.db, startFrom.video);
    if (video && sees(caller, video)) return { startFromVideo: video.id };
    throw new Refusal('invalid_request', `there is no video ${startFrom.video} to start from`, {
      code: 'invalid_line',
    });
  }

  #refuse(invalid: InvalidLine, customId: string | null): void {
    if (this.#invalid.length < MOST_NAMED_LINES) this.#invalid.push(invalid);
    const message = `${invalid.code}: ${invalid.message}`;
    const { line } = invalid;
    const clipId = videoIdOfLine(this.#batchId, line);
    this.#lines.push({
      line,
      customId,
      clipId,
      state: 'failed',
      code: 'invalid_line',
      message,
    });
  }

  /** What else the manifest asks for cannot be known, so none of it is made. */
  #refuseAll(invalid: InvalidLine): void {
    this.#good.clear();
    this.#models.clear();
    this.#estimateMicroUsd = 0;
    this.#refuse(invalid, null);
  }

  async #flush(): Promise<void> {
    const lines = this.#lines;
    this.#lines = [];
    if (this.#order.isDryRun) return;
    if (!(await enterLines(this.#dependencies.db, this.#batchId, lines))) throw givenUp(this.#batchId);
  }
}
