/** `writeBatchFiles`: the output and error files of a batch, written from its rows; each line stands in one of them. */

import { endBatch } from '../src/catalog/batch-ends.ts';
import { type BatchRow, findBatch, type LineWithVideo, listLines } from '../src/catalog/batches.ts';
import { enterFile } from '../src/catalog/files.ts';
import type { BatchState } from '../src/domain/batch.ts';
import { failureKindOf } from '../src/domain/video.ts';
import { fileKeyOf } from '../src/media/media-key.ts';
import type { StagedObject } from '../src/media/media-store.ts';
import { activityFailure } from './activity-failure.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withHeartbeats } from './heartbeat.ts';

/** Lines that are read at once. */
const PAGE = 200;
/** How long they are kept where their batch does not say. */
const KEPT_MS = 30 * 24 * 60 * 60_000;
/** A file's id: the same one however often its batch is written. */
const idOf = (batchId: string, what: string) => `file-${what}-${batchId.slice(batchId.indexOf('_') + 1)}`;

export function createBatchFileActivities(dependencies: ActivityDependencies) {
  const { db, store, renderEnded } = dependencies;

  function print({ line, video }: LineWithVideo): object {
    const hasRun = video !== null && line.code === null;
    const failure = video?.failure;
    const code = line.code ?? (video && failureKindOf(video)) ?? null;
    const message = line.message ?? failure?.message ?? '';
    return {
      id: `batch_req_${line.batchId.slice(line.batchId.indexOf('_') + 1)}-${line.line}`,
      custom_id: line.customId,
      response: hasRun ? { status_code: 200, request_id: video.id, body: renderEnded(video) } : null,
      error: code === null ? null : { code, message },
    };
  }

  /** Null for a file that would be empty. */
  async function write(batch: BatchRow, what: 'output' | 'error'): Promise<string | null> {
    const id = idOf(batch.id, what);
    let staged: StagedObject | null = null;
    try {
      for (let after = 0; ; ) {
        const page = await listLines(db, batch.id, { after, limit: PAGE });
        const own = page.filter(({ line }) => (line.state === 'completed') === (what === 'output'));
        const printed = own.map((each) => `${JSON.stringify(print(each))}\n`).join('');
        if (printed !== '') {
          staged ??= await store.stage(fileKeyOf(id));
          await staged.write(Buffer.from(printed));
        }
        const last = page.at(-1);
        if (!last) break;
        after = last.line.line;
      }
      if (!staged) return null;
      const { sizeBytes } = staged;
      await staged.commit();
      const createdAt = new Date();
      const keptMs = batch.outputSeconds === null ? KEPT_MS : batch.outputSeconds * 1000;
      const filename = `${batch.id}_${what}.jsonl`;
      const expiresAt = new Date(createdAt.getTime() + keptMs);
      await enterFile(db, {
        id,
        callerId: batch.callerId,
        filename,
        purpose: 'batch_output',
        sizeBytes,
        createdAt,
        expiresAt,
      });
      return id;
    } catch (error) {
      await staged?.discard();
      throw error;
    }
  }

  async function writeAll(batchId: string): Promise<BatchState> {
    const batch = await findBatch(db, batchId);
    if (!batch) throw activityFailure('not_found', `batch ${batchId} is not in the catalog`);
    if (batch.endedAt !== null) return batch.state;
    const outputFileId = await write(batch, 'output');
    return await endBatch(db, batchId, { outputFileId, errorFileId: await write(batch, 'error') });
  }

  return {
    writeBatchFiles: ({ batchId }: { readonly batchId: string }) => withHeartbeats(() => writeAll(batchId)),
  };
}
