/** A face: one documented API, or one revision of it, over the sandbox's tasks. */

import type { FastifyInstance } from 'fastify';
import type { FaceContext } from './context.ts';
import { type SandboxRefusal, toRefusal } from './refusal.ts';

export interface Face {
  /** What its tasks' `provider` says, and the prefix of its routes. */
  readonly name: string;
  /** Registers the documented routes at the root of `app`. */
  register(app: FastifyInstance, context: FaceContext): void;
  /** The body of an error in the API's own shape. */
  renderRefusal(refusal: SandboxRefusal): unknown;
}

/** Makes every error within `app` come out in the face's shape. */
export function answerErrors(app: FastifyInstance, { renderRefusal }: Face): void {
  app.setErrorHandler((error, _request, reply) => {
    const refusal = toRefusal(error);
    const { status, retryAfterSeconds } = refusal;
    if (retryAfterSeconds !== undefined) void reply.header('retry-after', retryAfterSeconds);
    return reply.code(status).send(renderRefusal(refusal));
  });
}
