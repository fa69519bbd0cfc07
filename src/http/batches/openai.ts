/** OpenAI's Files and Batches, for clips: as its SDKs call them, at their paths and under the prefix. */

import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { readBody, refuse } from '../../dialects/read-body.ts';
import { readChoice, readLimit } from '../../dialects/read-query.ts';
import type { BatchProgress } from '../../domain/batch.ts';
import { windowMs } from '../../domain/batch.ts';
import { Refusal } from '../../domain/failure.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { Batches, BatchRow } from '../../gateway/batches.ts';
import type { FileRow, StoredBytes } from '../../gateway/files.ts';
import { keyedHeaders } from '../../wire/clipyard/headers.ts';
import {
  BATCH_LIST_LIMIT,
  BATCH_PATHS,
  batchBody,
  batchListQuery,
  deletedFileAnswer,
  FILE_BOUNDS,
  FILE_LIST_LIMIT,
  FILE_PATHS,
  FILE_PURPOSES,
  fileAnswer,
  fileListAnswer,
  fileListQuery,
  openaiBatchAnswer,
  openaiBatchListAnswer,
  uploadForm,
} from '../../wire/openai/batches.ts';
import { wrongType } from '../body.ts';
import { formRefusal } from '../dialects/form.ts';
import { fingerprint, idempotencyKeyOf } from '../dialects/idempotency.ts';
import { isError } from '../errors.ts';
import { callerOf, mount, openaiFace, page, seconds } from '../openai/face.ts';
import { type ManifestSource, openManifest } from './open-manifest.ts';

export interface OpenaiBatchOptions extends ManifestSource {
  readonly batches: Batches;
}

/** Entries of a list of files in one answer, however many are asked for. */
const MOST_FILES = 1000;

function printFile({ id, sizeBytes, createdAt, expiresAt, filename, purpose }: FileRow): JsonObject {
  return {
    ...{ id, object: 'file', bytes: sizeBytes, created_at: seconds(createdAt), filename, purpose },
    ...{ status: 'processed', expires_at: seconds(expiresAt) },
  };
}

/** What a parameter names; where there is none, the parameter is at fault. */
async function ownOf<Row>(param: string, what: string, reading: Promise<Row>): Promise<Row> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Refusal && error.kind === 'not_found') refuse(param, `is no ${what} of yours`);
    throw error;
  }
}

/** As the parser says it where a form ends in its file. */
const ENDS_IN_FILE = /^(?:Part terminated early|Unexpected end of multipart data)/;
const endsInFile = (error: unknown) => isError(error) && ENDS_IN_FILE.test(error.message);

/** Their fields in a form, whichever of them comes first. */
async function readUpload(request: FastifyRequest, { files }: OpenaiBatchOptions) {
  if (!request.isMultipart()) throw wrongType(request);
  const fields: Record<string, string> = {};
  let stored: StoredBytes | null = null;
  let filename = '';
  let isStoring = false;
  try {
    const limits = { files: 1, fields: 10, fieldSize: 1024, fileSize: FILE_BOUNDS.bytes + 1 };
    for await (const part of request.parts({ limits })) {
      if (part.type === 'file') {
        filename = part.filename?.slice(0, FILE_BOUNDS.name) ?? '';
        isStoring = true;
        stored = await files.store(callerOf(request), part.file, FILE_BOUNDS.bytes);
        isStoring = false;
      } else fields[part.fieldname] = String(part.value);
    }
    if (!stored) return refuse('file', 'is missing');
    return { stored, filename: filename || 'file', ...readFields(fields) };
  } catch (error) {
    if (stored) await files.discard(stored);
    // What fails while bytes are stored need not be the form's doing.
    throw isStoring && !endsInFile(error) ? error : formRefusal(error);
  }
}

function readFields(fields: Readonly<Record<string, string>>) {
  const purpose = readChoice('purpose', fields['purpose'], FILE_PURPOSES) ?? refuse('purpose', 'is missing');
  const { keptSeconds } = FILE_BOUNDS;
  const anchor = readChoice('expires_after[anchor]', fields['expires_after[anchor]'], ['created_at']);
  const given = fields['expires_after[seconds]'];
  if (anchor === undefined && given === undefined) return { purpose, keptSeconds: keptSeconds.byDefault };
  // Half of it would keep the file for another time than was meant.
  if (anchor === undefined) refuse('expires_after[anchor]', 'is missing');
  if (given === undefined) return refuse('expires_after[seconds]', 'is missing');
  const kept = /^\d{1,9}$/.test(given) ? Number(given) : 0;
  if (kept < keptSeconds.min || kept > keptSeconds.max) {
    refuse('expires_after[seconds]', `must be ${keptSeconds.min} to ${keptSeconds.max} seconds`);
  }
  return { purpose, keptSeconds: kept };
}

function mountFiles(app: FastifyInstance, options: OpenaiBatchOptions): void {
  const { files } = options;

  const uploading = {
    id: 'openaiUploadFile',
    summary: 'Stores a file',
    isUpload: true,
    bodies: { 'multipart/form-data': { schema: uploadForm, example: { purpose: 'batch', file: '@manifest.jsonl' } } },
    answers: { 200: fileAnswer },
  };
  mount(app, { method: 'POST', path: FILE_PATHS.files, ...uploading }, async (request, reply) => {
    const { stored, ...facts } = await readUpload(request, options);
    return reply.send(printFile(await files.enter(callerOf(request), stored, facts)));
  });

  const listing = {
    id: 'openaiListFiles',
    summary: "The caller's files",
    query: fileListQuery,
    answers: { 200: fileListAnswer },
  } as const;
  mount(app, { method: 'GET', path: FILE_PATHS.files, ...listing }, async (request, reply) => {
    const { after, purpose, order, limit } = request.query;
    const caller = callerOf(request);
    const most = Math.min(readLimit(limit, FILE_LIST_LIMIT), MOST_FILES);
    const last = after ? await ownOf('after', 'file', files.read(caller, after)) : null;
    const rows = await files.list({
      ...{ callerId: caller.id, purpose: purpose || undefined, limit: most, after: last },
      order: readChoice('order', order, ['asc', 'desc']) ?? 'desc',
    });
    return reply.send(page(rows.slice(0, most).map(printFile), rows.length > most));
  });
}

function mountFile(app: FastifyInstance, { files }: OpenaiBatchOptions): void {
  const reading = { id: 'openaiReadFile', summary: 'A file', answers: { 200: fileAnswer } };
  mount(app, { method: 'GET', path: FILE_PATHS.file, ...reading }, async (request, reply) => {
    return reply.send(printFile(await files.read(callerOf(request), request.params.id)));
  });

  const fetching = {
    id: 'openaiReadFileContent',
    summary: 'The bytes of a file',
    answers: { 200: { meaning: 'The bytes.', mediaTypes: ['application/octet-stream'] } },
    refusals: ['gone'],
  } as const;
  mount(app, { method: 'GET', path: FILE_PATHS.content, ...fetching }, async (request, reply) => {
    const file = await files.read(callerOf(request), request.params.id);
    const bytes = await files.open(file);
    return reply.type('application/octet-stream').header('content-length', file.sizeBytes).send(bytes);
  });

  const removing = { id: 'openaiDeleteFile', summary: 'Removes a file', answers: { 200: deletedFileAnswer } };
  mount(app, { method: 'DELETE', path: FILE_PATHS.file, ...removing }, async (request, reply) => {
    const { id } = request.params;
    await files.remove(callerOf(request), id);
    return reply.send({ id, object: 'file', deleted: true });
  });
}

function printBatch(row: BatchRow, { counts }: BatchProgress): JsonObject {
  const { id, state, endpoint, invalid, inputFileId, window, outputFileId, errorFileId, endedAt, metadata } = row;
  const endedIn = (wanted: BatchRow['state']) => (state === wanted ? seconds(endedAt) : null);
  const isFailed = state === 'failed';
  // Lines that were skipped are told as errors as well; they stand in the error file.
  const errors = invalid.map(({ line, code, message }) => ({ code, line: line || null, message, param: null }));
  const ended = counts.failed + counts.cancelled + counts.expired;
  const lines = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return {
    ...{
      id,
      object: 'batch',
      endpoint: endpoint ?? '/v1/videos',
      input_file_id: inputFileId,
      completion_window: window,
    },
    errors: errors.length === 0 ? null : { object: 'list', data: errors },
    ...{ status: state, output_file_id: outputFileId, error_file_id: errorFileId },
    ...{
      created_at: seconds(row.createdAt),
      in_progress_at: seconds(row.startedAt),
      expires_at: seconds(row.expiresAt),
    },
    ...{ finalizing_at: seconds(row.finalizingAt), cancelling_at: seconds(row.cancelRequestedAt) },
    ...{ completed_at: endedIn('completed'), failed_at: endedIn('failed'), expired_at: endedIn('expired') },
    cancelled_at: endedIn('cancelled'),
    request_counts: isFailed
      ? { total: row.total, completed: 0, failed: 0 }
      : { total: lines, completed: counts.completed, failed: ended },
    metadata: metadata ?? null,
  };
}

function mountBatches(app: FastifyInstance, options: OpenaiBatchOptions): void {
  const { batches, files } = options;
  const answer = async (reply: FastifyReply, row: BatchRow) => {
    return reply.send(printBatch(row, (await batches.progress([row.id]))(row.id)));
  };

  const creating = {
    id: 'openaiCreateBatch',
    summary: 'Makes a batch of a file, one clip a line',
    headers: keyedHeaders,
    body: batchBody,
    example: { input_file_id: 'file-1', endpoint: '/v1/videos', completion_window: '24h' },
    answers: { 200: openaiBatchAnswer },
    refusals: ['conflict', 'gone', 'idempotency_mismatch'],
  } as const;
  mount(app, { method: 'POST', path: BATCH_PATHS.batches, ...creating }, async (request, reply) => {
    const caller = callerOf(request);
    const body: z.output<typeof batchBody> = readBody(batchBody, request.body);
    if (windowMs(body.completion_window) === null) refuse('completion_window', 'must be from 1h to 7d');
    const key = idempotencyKeyOf(request.headers['idempotency-key'], undefined);
    const asked = {
      caller,
      repeatKey: key === null ? `file ${body.input_file_id} ${body.endpoint}` : `key ${key}`,
      hasKey: key !== null,
      bodyHash: await fingerprint(body),
    };
    const earlier = await batches.findEarlier(asked);
    if (earlier) return await answer(reply, earlier);
    const file = await ownOf('input_file_id', 'file', files.read(caller, body.input_file_id));
    if (file.purpose !== 'batch') refuse('input_file_id', 'is not of the purpose batch');
    const { batch } = await batches.create({
      ...asked,
      ...{ window: body.completion_window, inputFileId: file.id, endpoint: body.endpoint },
      metadata: body.metadata ?? null,
      outputSeconds: body.output_expires_after?.seconds ?? null,
      onInvalidLine: body.metadata?.['on_invalid_line'] === 'skip' ? 'skip' : 'fail',
      keepsRefused: true,
      lines: () => openManifest(options, caller, { file, format: 'jsonl', isOpenai: true }),
    });
    if (!batch) throw new Error('a batch that is refused is kept');
    return await answer(reply, batch);
  });

  const listing = {
    id: 'openaiListBatches',
    summary: 'Batches, newest first',
    query: batchListQuery,
    answers: { 200: openaiBatchListAnswer },
  } as const;
  mount(app, { method: 'GET', path: BATCH_PATHS.batches, ...listing }, async (request, reply) => {
    const caller = callerOf(request);
    const { after, limit } = request.query;
    const most = readLimit(limit, BATCH_LIST_LIMIT);
    const last = after ? await ownOf('after', 'batch', batches.read(caller, after)) : null;
    const { items, nextCursor } = await batches.list({ callerId: caller.id, limit: most, after: last });
    const progressOf = await batches.progress(items.map(({ id }) => id));
    return reply.send(
      page(
        items.map((row) => printBatch(row, progressOf(row.id))),
        nextCursor !== null,
      ),
    );
  });

  const answers = { 200: openaiBatchAnswer };
  const reading = { id: 'openaiReadBatch', summary: 'A batch', answers };
  mount(app, { method: 'GET', path: BATCH_PATHS.batch, ...reading }, async (request, reply) => {
    return await answer(reply, await batches.read(callerOf(request), request.params.id));
  });

  const cancelling = { id: 'openaiCancelBatch', summary: 'Cancels a batch', answers };
  mount(app, { method: 'POST', path: BATCH_PATHS.cancel, ...cancelling }, async (request, reply) => {
    return await answer(reply, await batches.cancel(callerOf(request), request.params.id));
  });
}

/** A plugin with all of them. */
export function openaiBatchRoutes(options: OpenaiBatchOptions): FastifyPluginAsync {
  return openaiFace((scope) => {
    mountFiles(scope, options);
    mountFile(scope, options);
    mountBatches(scope, options);
  });
}
