/** The result links: clips with Range and If-Range, and all that can be wrong with a download. */

import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type ByteRange, readRange } from './byte-range.ts';
import type { SandboxContext } from './context.ts';
import { raiseHttpError } from './creation.ts';
import { RESULT_PATH } from './links.ts';
import { SandboxRefusal } from './refusal.ts';
import { type ResultBody, resultBody } from './result-body.ts';
import { streamDownload } from './result-stream.ts';
import { faultOf, lookAt, type SandboxTask } from './task.ts';

interface ResultRoute {
  Params: { taskId: string };
  Querystring: { expires?: string; signature?: string };
}

const HTML_PAGE = '<!doctype html><html><title>Please wait</title><body>Your video is on its way.</body></html>\n';

function findCompleted(request: FastifyRequest<ResultRoute>, { links, store }: SandboxContext): SandboxTask {
  const { taskId } = request.params;
  const { expires, signature } = request.query;
  const nowMs = Date.now();
  if (!links.allows({ taskId, expires: Number(expires), signature: signature ?? '' }, nowMs)) {
    throw new SandboxRefusal(403, 'link_expired', 'the link has expired or was not signed here');
  }
  const task = store.get(taskId, nowMs);
  if (!task || lookAt(task, nowMs).state !== 'completed') {
    throw new SandboxRefusal(404, 'not_found', 'there is no such result');
  }
  const dead = faultOf(task, 'expired_result');
  if (dead) throw new SandboxRefusal(dead.status, 'link_expired', 'the result is gone');
  return task;
}

function setHeaders(reply: FastifyReply, body: ResultBody, range: ByteRange): void {
  void reply.headers({ 'accept-ranges': 'bytes', etag: body.etag, 'content-type': 'video/mp4' });
  if (range.kind === 'part') {
    void reply.code(206).headers({
      'content-range': `bytes ${range.first}-${range.last}/${body.sizeBytes}`,
      'content-length': range.last - range.first + 1,
    });
  } else {
    void reply.header('content-length', body.sizeBytes);
  }
}

function startDownload(
  reply: FastifyReply,
  body: ResultBody,
  how: { range: ByteRange; task: SandboxTask },
  context: SandboxContext,
) {
  const first = how.range.kind === 'part' ? how.range.first : 0;
  const last = how.range.kind === 'part' ? how.range.last : body.sizeBytes - 1;
  const { conditions } = context;
  const slow = conditions.draw('slow_result', how.task);
  const cut = conditions.draw('cut_result', how.task);
  const download = {
    body,
    first,
    last,
    bytesPerSecond: slow?.bytesPerSecond ?? null,
    cutAfterBytes: cut ? Math.floor((last - first + 1) * cut.atFraction) : null,
  };
  return reply.send(Readable.from(streamDownload(download, reply.raw), { highWaterMark: 1 }));
}

async function sendResult(request: FastifyRequest<ResultRoute>, reply: FastifyReply, context: SandboxContext) {
  const task = findCompleted(request, context);
  // A HEAD only looks, so it uses up no fault of a download.
  const isHead = request.method === 'HEAD';
  if (!isHead) raiseHttpError(context, { on: 'result', key: task.key, model: task.model });
  if (faultOf(task, 'html_result')) return reply.type('text/html; charset=utf-8').send(HTML_PAGE);
  const body = resultBody(task, await context.renderer.render(task));
  const range = readRange({ range: request.headers.range, ifRange: request.headers['if-range']?.toString() }, body);
  if (range.kind === 'unsatisfiable') {
    void reply.header('content-range', `bytes */${body.sizeBytes}`);
    throw new SandboxRefusal(416, 'range_not_satisfiable', `the result has ${body.sizeBytes} bytes`);
  }
  setHeaders(reply, body, range);
  return isHead ? reply.send() : startDownload(reply, body, { range, task }, context);
}

export function registerResultRoutes(app: FastifyInstance, context: SandboxContext): void {
  app.route<ResultRoute>({
    method: ['GET', 'HEAD'],
    url: `${RESULT_PATH}/:taskId`,
    handler: (request, reply) => sendResult(request, reply, context),
  });
}
