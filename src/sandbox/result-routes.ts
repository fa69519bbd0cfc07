/** The result links: signed, without a key, until they expire. */

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { SandboxContext } from './context.ts';
import { RESULT_PATH } from './links.ts';
import { SandboxRefusal } from './refusal.ts';
import { requireResult, sendResult } from './send-result.ts';
import type { SandboxTask } from './task.ts';

interface ResultRoute {
  Params: { taskId: string };
  Querystring: { expires?: string; signature?: string };
}

function findLinked(request: FastifyRequest<ResultRoute>, { links, store }: SandboxContext): SandboxTask {
  const { taskId } = request.params;
  const { expires, signature } = request.query;
  const nowMs = Date.now();
  if (!links.allows({ taskId, expires: Number(expires), signature: signature ?? '' }, nowMs)) {
    throw new SandboxRefusal(403, 'link_expired', 'the link has expired or was not signed here');
  }
  return requireResult(store.get(taskId, nowMs), nowMs);
}

export function registerResultRoutes(app: FastifyInstance, context: SandboxContext): void {
  app.route<ResultRoute>({
    method: ['GET', 'HEAD'],
    url: `${RESULT_PATH}/:taskId`,
    handler: (request, reply) => sendResult({ request, reply, task: findLinked(request, context) }, context),
  });
}
