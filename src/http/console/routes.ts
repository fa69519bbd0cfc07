/** The console at /console/: its page for every path, and the files that the page loads. */

import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { Refusal } from '../../domain/failure.ts';
import { type BundleOptions, type ConsoleBundle, type ConsoleFile, readConsole } from './bundle.ts';

/** A year: the path changes with what is in the file. */
const IMMUTABLE = 'public, max-age=31536000, immutable';

function send(request: FastifyRequest, reply: FastifyReply, file: ConsoleFile): FastifyReply {
  reply.headers({ etag: file.etag, vary: 'accept-encoding', 'x-content-type-options': 'nosniff' });
  if (request.headers['if-none-match'] === file.etag) return reply.code(304).send();
  reply.header('content-type', file.contentType);
  const packs = /\bgzip\b/.test([request.headers['accept-encoding']].flat().join(','));
  return file.gzipped && packs ? reply.header('content-encoding', 'gzip').send(file.gzipped) : reply.send(file.bytes);
}

/** Read when it is first asked for. */
function lazily(options: BundleOptions): () => ConsoleBundle {
  let read: ConsoleBundle | null = null;
  return () => {
    try {
      read ??= readConsole(options);
    } catch (cause) {
      throw new Refusal('not_found', 'the console is not compiled here; `npm run build` does that', { cause });
    }
    return read;
  };
}

/** `GET /console/` and everything below it but the session. */
export function consoleRoutes(options: BundleOptions): FastifyPluginAsync {
  const bundle = lazily(options);
  return async (app) => {
    const page = (request: FastifyRequest, reply: FastifyReply) => {
      const { page: file, policy } = bundle();
      reply.headers({
        'content-security-policy': policy,
        'cache-control': 'no-cache',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
      });
      return send(request, reply, file);
    };
    app.get('/console', page);
    app.get<{ Params: { readonly '*': string } }>('/console/*', (request, reply) => {
      const path = request.params['*'];
      if (!path.startsWith('assets/')) return page(request, reply);
      const file = bundle().files.get(path);
      if (file === undefined) throw new Refusal('not_found', 'the console has no such file');
      return send(request, reply.header('cache-control', IMMUTABLE), file);
    });
  };
}
