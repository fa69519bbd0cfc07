/** Sends a task's result with Range and If-Range, and all that can be wrong with a download. */

import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ByteRange, readRange } from './byte-range.ts';
import type { SandboxContext } from './context.ts';
import { raiseHttpError } from './creation.ts';
import { SandboxRefusal } from './refusal.ts';
import { openResult, type ResultBody } from './result-body.ts';
import { streamDownload } from './result-stream.ts';
import { faultOf, lookAt, type SandboxTask } from './task.ts';

interface ResultRequest {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly task: SandboxTask;
}

/** The task, if it has a result that can be downloaded. */
export function requireResult(task: SandboxTask | null, nowMs: number): SandboxTask {
  if (!task || task.isPurged || lookAt(task, nowMs).state !== 'completed') {
    throw new SandboxRefusal(404, 'not_found', 'there is no such result');
  }
  const dead = faultOf(task, 'expired_result');
  if (dead) throw new SandboxRefusal(dead.status, 'link_expired', 'the result is gone');
  return task;
}

function setHeaders(reply: FastifyReply, body: ResultBody, range: ByteRange): void {
  void reply.headers({ 'accept-ranges': 'bytes', etag: body.etag, 'content-type': body.contentType });
  if (range.kind === 'part') {
    void reply.code(206).headers({
      'content-range': `bytes ${range.first}-${range.last}/${body.sizeBytes}`,
      'content-length': range.last - range.first + 1,
    });
  } else {
    void reply.header('content-length', body.sizeBytes);
  }
}

/** A body, or the part of it that was asked for. */
interface Part {
  readonly body: ResultBody;
  readonly range: ByteRange;
}

/** Streams the bytes, under the headers that were set, as slowly or as incompletely as the faults of downloads ask. */
export function startDownload(
  { reply, task }: Pick<ResultRequest, 'reply' | 'task'>,
  { body, range }: Part,
  { conditions }: SandboxContext,
): FastifyReply {
  const first = range.kind === 'part' ? range.first : 0;
  const last = range.kind === 'part' ? range.last : body.sizeBytes - 1;
  const slow = conditions.draw('slow_result', task);
  const cut = conditions.draw('cut_result', task);
  const download = {
    body,
    first,
    last,
    bytesPerSecond: slow?.bytesPerSecond ?? null,
    cutAfterBytes: cut ? Math.floor((last - first + 1) * cut.atFraction) : null,
  };
  return reply.send(Readable.from(streamDownload(download, reply.raw), { highWaterMark: 1 }));
}

/** Answers a GET or HEAD of a task's result. */
export async function sendResult({ request, reply, task }: ResultRequest, context: SandboxContext) {
  // A HEAD only looks, so it uses up no fault of a download.
  const isHead = request.method === 'HEAD';
  if (!isHead) raiseHttpError(context, { on: 'result', key: task.key, model: task.model });
  const body = await openResult(task, context.renderer);
  const range = readRange({ range: request.headers.range, ifRange: request.headers['if-range']?.toString() }, body);
  if (range.kind === 'unsatisfiable') {
    void reply.header('content-range', `bytes */${body.sizeBytes}`);
    throw new SandboxRefusal(416, 'range_not_satisfiable', `the result has ${body.sizeBytes} bytes`);
  }
  setHeaders(reply, body, range);
  return isHead ? reply.send() : startDownload({ reply, task }, { body, range }, context);
}
