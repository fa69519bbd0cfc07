/** Our own routes for batches: a manifest becomes one, and what became of each of its lines is told. */

import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { countBadLines, MANIFEST_BOUNDS } from '../../domain/batch.ts';
import type { Caller } from '../../domain/caller.ts';
import { Refusal } from '../../domain/failure.ts';
import { checkReceiverUrl } from '../../domain/receiver-url.ts';
import type { BatchRow, CreatedBatch, LineWithVideo } from '../../gateway/batches.ts';
import {
  BATCH_PATHS,
  type batchAnswer,
  batchItemsAnswer,
  batchItemsQuery,
  batchListAnswer,
  batchAnswer as batchShape,
  dryRunAnswer,
  type invalidBatchAnswer,
  listBatchesQuery,
  MANIFEST_TYPES,
  manifestQuery,
  NEW_BATCH_BODIES,
  newBatchAnswer,
  newBatchBody,
  newBatchQuery,
} from '../../wire/clipyard/batches.ts';
import { noQuery } from '../../wire/clipyard/fields.ts';
import { keyedHeaders } from '../../wire/clipyard/headers.ts';
import { openManifest } from '../batches/open-manifest.ts';
import { fingerprint, idempotencyKeyOf } from '../dialects/idempotency.ts';
import { scopeOf } from './access.ts';
import { failureOf, printManifest } from './batch-manifest.ts';
import type { Tag } from './operation.ts';
import type { OwnRoutesOptions } from './options.ts';
import { own, type Printable } from './own.ts';

const BATCHES: Tag = {
  name: 'batches',
  description: 'Many clips from one manifest: JSON lines or CSV, validated and priced before anything is made.',
};

/** An input file is kept as long as OpenAI keeps one. */
const KEPT_SECONDS = 30 * 86_400;
const ALL_TYPES = [...MANIFEST_TYPES.jsonl, ...MANIFEST_TYPES.csv];

/** Problem details that name the lines. */
const INVALID = {
  meaning: 'Lines of the manifest cannot become clips; `invalid` names each.',
  mediaTypes: ['application/problem+json'],
};

type Batch = Printable<z.input<typeof batchAnswer>>;

function formatOf(name: string): 'jsonl' | 'csv' {
  return name.toLowerCase().endsWith('.csv') || MANIFEST_TYPES.csv.some((type) => name.startsWith(type))
    ? 'csv'
    : 'jsonl';
}

/** What a body names its manifest by: where it is the manifest, by the bytes, which are stored. */
async function nameManifest({ files }: OwnRoutesOptions, caller: Caller, { body, headers }: FastifyRequest) {
  if (body instanceof Readable) {
    const format = formatOf(headers['content-type'] ?? '');
    const stored = await files.store(caller, body, MANIFEST_BOUNDS.bytes);
    return { stored, format, named: { format, sha256: stored.sha256 } };
  }
  const read = newBatchBody.safeParse(body);
  if (!read.success) throw new Refusal('invalid_request', 'the body must be a manifest (JSONL or CSV), or {"fileId"}');
  return { named: read.data };
}

type NamedManifest = Awaited<ReturnType<typeof nameManifest>>;

/** The file that it is in. */
async function fileOf({ files }: OwnRoutesOptions, caller: Caller, manifest: NamedManifest) {
  if (manifest.stored) {
    const { stored, format } = manifest;
    const facts = { filename: `manifest.${format}`, purpose: 'batch', keptSeconds: KEPT_SECONDS };
    return { file: await files.enter(caller, stored, facts), format, isNew: true };
  }
  const file = await files.read(caller, manifest.named.fileId);
  return { file, format: formatOf(file.filename), isNew: false };
}

/** What tells a create that is sent again: its key, else the file that it names and all that it asks for. */
function repeatKeyOf(key: string | null, { stored }: NamedManifest, bodyHash: string): string | null {
  if (key !== null) return `key ${key}`;
  return stored ? null : `file ${bodyHash}`;
}

function refuseInvalid(reply: FastifyReply, requestId: string, { invalid, total }: CreatedBatch): FastifyReply {
  const body: z.input<typeof invalidBatchAnswer> = {
    type: 'about:blank',
    title: 'Lines of the manifest cannot become clips.',
    status: 422,
    detail: invalid.length === 0 && total === 0 ? 'the manifest has no line' : countBadLines(invalid.length),
    code: 'invalid_lines',
    requestId,
    invalid: [...invalid],
  };
  return reply.code(422).type('application/problem+json').send(JSON.stringify(body));
}

/** Mounts the routes. */
export function batchRoutes(parent: FastifyInstance, options: OwnRoutesOptions): void {
  parent.register(async (app) => {
    app.addContentTypeParser(ALL_TYPES, (_request, payload, done) => done(null, payload));
    createRoute(app, options);
    readRoutes(app, options);
    changeRoutes(app, options);
  });
}

function createRoute(app: FastifyInstance, options: OwnRoutesOptions): void {
  const { batches, files, workflowUrl } = options;
  const accepted = async (
    reply: FastifyReply,
    { id }: BatchRow,
    { total, estimateMicroUsd, invalid }: Pick<CreatedBatch, 'total' | 'estimateMicroUsd' | 'invalid'>,
  ) => {
    reply.code(202);
    const expectedEndAt = await batches.expectedEndAt(id);
    return { id, total, estimateMicroUsd, invalid, expectedEndAt, workflowUrl: workflowUrl(id) };
  };
  own(app, BATCHES, {
    method: 'POST',
    path: BATCH_PATHS.batches,
    id: 'createBatch',
    summary: 'Makes a batch of a manifest',
    description:
      'The body is the manifest (`application/jsonl` or `text/csv`), or `{"fileId"}` as JSON. Without `onInvalidLine=skip` a ' +
      'bad line refuses the whole (422), and nothing is kept. The same `Idempotency-Key` is the same batch, and ' +
      'refused with another manifest. Without a key, the same `fileId` with the same parameters is the same batch for ten ' +
      'minutes, until that has ended.',
    access: 'caller',
    isUpload: true,
    query: newBatchQuery,
    headers: keyedHeaders,
    bodies: NEW_BATCH_BODIES,
    answers: { 200: dryRunAnswer, 202: newBatchAnswer, 422: INVALID },
    refusals: ['insufficient_credit', 'not_found', 'idempotency_mismatch'],
    handle: async ({ caller, query, request, reply }) => {
      if (query.callbackUrl) checkReceiverUrl('callbackUrl', query.callbackUrl, options);
      const key = idempotencyKeyOf(request.headers['idempotency-key'], undefined);
      const manifest = await nameManifest(options, caller, request);
      const bodyHash = await fingerprint({ query, named: manifest.named });
      const asked = { caller, repeatKey: repeatKeyOf(key, manifest, bodyHash), hasKey: key !== null, bodyHash };
      // The file may be gone by the time that its batch is asked for once more.
      const earlier = query.dryRun || manifest.stored ? null : await batches.findEarlier(asked);
      if (earlier) return await accepted(reply, earlier, earlier);
      const { file, format, isNew } = await fileOf(options, caller, manifest);
      try {
        const created = await batches.create({
          ...asked,
          window: query.window,
          name: query.name ?? null,
          callbackUrl: query.callbackUrl ?? null,
          inputFileId: file.id,
          onInvalidLine: query.onInvalidLine,
          isDryRun: query.dryRun,
          lines: () => openManifest(options, caller, { file, format, isOpenai: false }),
        });
        const { batch, total, estimateMicroUsd, invalid } = created;
        // What is kept as a batch keeps its file.
        if (isNew && batch?.inputFileId !== file.id) await files.remove(caller, file.id);
        if (query.dryRun) {
          return { id: null, total, estimateMicroUsd, invalid, expectedEndAt: null, workflowUrl: null };
        }
        return batch ? await accepted(reply, batch, created) : refuseInvalid(reply, request.id, created);
      } catch (error) {
        if (isNew) await files.remove(caller, file.id).catch(() => undefined);
        throw error;
      }
    },
  });
}

/** Batches as they are shown. */
async function show(
  { batches, workflowUrl }: OwnRoutesOptions,
  rows: readonly BatchRow[],
  isAlone: boolean,
): Promise<Batch[]> {
  const progressOf = await batches.progress(rows.map(({ id }) => id));
  return await Promise.all(
    rows.map(async (row) => {
      const { id, name, state, total, estimateMicroUsd, invalid, window, callbackUrl, retryOf } = row;
      const { inputFileId, outputFileId, errorFileId, createdAt, expiresAt, endedAt } = row;
      const expectedEndAt = isAlone && endedAt === null ? await batches.expectedEndAt(id) : null;
      return {
        ...{ id, name, state, total, estimateMicroUsd, invalid, window, callbackUrl, retryOf },
        ...{ inputFileId, outputFileId, errorFileId, createdAt, expiresAt, endedAt },
        ...progressOf(id),
        expectedEndAt,
        workflowUrl: workflowUrl(id),
      };
    }),
  );
}

async function showOne(options: OwnRoutesOptions, row: BatchRow): Promise<Batch> {
  const [shown] = await show(options, [row], true);
  if (!shown) throw new Error('a batch is shown as one');
  return shown;
}

function showItem({ links }: OwnRoutesOptions, item: LineWithVideo) {
  const { line, video } = item;
  const { archive } = video ?? {};
  return {
    line: line.line,
    customId: line.customId ?? String(line.line),
    state: line.state,
    videoId: line.videoId,
    model: line.request?.model ?? null,
    prompt: line.request?.prompt ?? null,
    costMicroUsd: video?.settledMicroUsd ?? null,
    archive:
      video && archive
        ? {
            sha256: archive.sha256,
            sizeBytes: archive.sizeBytes,
            durationMs: archive.durationMs,
            url: links(video).clipUrl,
          }
        : null,
    failure: failureOf(item),
  };
}

function readRoutes(app: FastifyInstance, options: OwnRoutesOptions): void {
  const { batches } = options;

  own(app, BATCHES, {
    method: 'GET',
    path: BATCH_PATHS.batches,
    id: 'listBatches',
    summary: 'Batches, newest first',
    access: 'caller',
    query: listBatchesQuery,
    answers: { 200: batchListAnswer },
    refusals: ['forbidden'],
    handle: async ({ caller, query: { caller: named, limit, cursor } }) => {
      const { items, nextCursor } = await batches.list({ callerId: scopeOf(caller, named), limit, cursor });
      return { items: await show(options, items, false), nextCursor };
    },
  });

  own(app, BATCHES, {
    method: 'GET',
    path: BATCH_PATHS.batch,
    id: 'getBatch',
    summary: 'A batch and how far it is',
    access: 'caller',
    query: noQuery,
    answers: { 200: batchShape },
    handle: async ({ caller, params }) => showOne(options, await batches.read(caller, params.id)),
  });

  own(app, BATCHES, {
    method: 'GET',
    path: BATCH_PATHS.batchItems,
    id: 'listBatchItems',
    summary: 'Lines of a batch in their order, each with its clip',
    access: 'caller',
    query: batchItemsQuery,
    answers: { 200: batchItemsAnswer },
    handle: async ({ caller, params, query: { state, limit, cursor } }) => {
      const { id } = await batches.read(caller, params.id);
      const rows = await batches.lines(id, { state, after: readCursor(cursor), limit: limit + 1 });
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return {
        items: page.map((item) => showItem(options, item)),
        nextCursor: rows.length > limit && last ? String(last.line.line) : null,
      };
    },
  });

  own(app, BATCHES, {
    method: 'GET',
    path: BATCH_PATHS.batchManifest,
    id: 'getBatchManifest',
    summary: 'What became of each line, as JSON lines or CSV',
    access: 'caller',
    query: manifestQuery,
    answers: { 200: { meaning: 'The manifest.', mediaTypes: ['application/jsonl', 'text/csv'] } },
    handle: async ({ caller, params, query: { format }, reply }) => {
      const { id } = await batches.read(caller, params.id);
      reply.type(format === 'csv' ? 'text/csv; charset=utf-8' : 'application/jsonl; charset=utf-8');
      return reply.send(Readable.from(printManifest(options, id, format)));
    },
  });
}

/** The last line of the page before. */
function readCursor(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  if (!/^\d{1,9}$/.test(cursor)) {
    throw new Refusal('invalid_request', 'the cursor is not one that was given out', { param: 'cursor' });
  }
  return Number(cursor);
}

function changeRoutes(app: FastifyInstance, options: OwnRoutesOptions): void {
  const { batches } = options;
  const change = { method: 'POST', access: 'caller', query: noQuery } as const;

  own(app, BATCHES, {
    ...change,
    path: BATCH_PATHS.cancelBatch,
    id: 'cancelBatch',
    summary: 'Cancels a batch',
    description: 'What was submitted is finished and paid; nothing else begins. A batch that has ended stays as it is.',
    answers: { 200: batchShape },
    handle: async ({ caller, params }) => showOne(options, await batches.cancel(caller, params.id)),
  });

  own(app, BATCHES, {
    ...change,
    path: BATCH_PATHS.retryBatch,
    id: 'retryBatch',
    summary: 'Makes a new batch of the lines that did not complete',
    description: 'Once: asked for again, it is the same new batch, which can be made again in turn.',
    answers: { 202: batchShape },
    refusals: ['conflict', 'insufficient_credit'],
    handle: async ({ caller, params }) => showOne(options, await batches.retry(caller, params.id)),
  });
}
