/** How long a request's body may take to arrive: ordinary ones in all, uploads as long as bytes keep coming. */

import { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { hasBody } from './body.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Its body is a file: hundreds of megabytes over a slow line take as long as they do. */
    isUpload?: boolean;
  }
}

export interface BodyTimes {
  /** From its headers on; 16 MiB over a slow line fit. */
  readonly totalMs: number;
  /** Without a byte, where it is an upload. */
  readonly idleMs: number;
}

const BODY_TIMES: BodyTimes = { totalMs: 120_000, idleMs: 60_000 };

/** As Node says it of a whole request, whose own limit knows no routes. */
const TOO_SLOW = Object.assign(new Error('the body did not arrive in time'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });

/** Answers 408 to a body that is not there in time, and closes its connection; also to the rest of one that nothing reads. */
export function limitBodyTime(app: FastifyInstance, times: Partial<BodyTimes> = {}): void {
  const { totalMs, idleMs } = { ...BODY_TIMES, ...times };
  app.addHook('onRequest', async (request) => {
    const { raw, routeOptions } = request;
    const { socket } = raw;
    // A request that came over no connection is there as a whole.
    if (!hasBody(request) || !(socket instanceof Socket)) return;
    const isUpload = routeOptions.config.isUpload === true;
    let bytesRead = socket.bytesRead;
    const timer = setInterval(
      () => {
        if (raw.complete) return clearInterval(timer);
        if (isUpload && socket.bytesRead > bytesRead) {
          bytesRead = socket.bytesRead;
          return;
        }
        clearInterval(timer);
        app.server.emit('clientError', TOO_SLOW, socket);
      },
      isUpload ? idleMs : totalMs,
    ).unref();
    raw.once('close', () => clearInterval(timer));
  });
}
