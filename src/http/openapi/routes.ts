/** The description of our own routes: for programs at /openapi.json, for people at /docs. */

import type { FastifyPluginCallback } from 'fastify';
import { buildOpenApi } from './document.ts';
import { PAGE_POLICY, renderPage } from './page.ts';

export interface OpenApiOptions {
  /** Where the gateway is reached. */
  readonly publicUrl: string;
  readonly version: string;
}

const CACHE_SECONDS = 300;

/** `GET /openapi.json` and `GET /docs`, without a key; both are made once, when they are first asked for. */
export function openApiRoutes({ publicUrl: url, version }: OpenApiOptions): FastifyPluginCallback {
  return (app, _, done) => {
    let made: { readonly json: string; readonly page: string } | null = null;
    const make = () => {
      const document = buildOpenApi({ url, version });
      made ??= { json: JSON.stringify(document), page: renderPage(document) };
      return made;
    };
    const headers = { 'cache-control': `public, max-age=${CACHE_SECONDS}`, 'x-content-type-options': 'nosniff' };

    app.get('/openapi.json', (_request, reply) =>
      reply.headers({ ...headers, 'content-type': 'application/json; charset=utf-8' }).send((made ?? make()).json),
    );
    app.get('/docs', (_request, reply) =>
      reply
        .headers({
          ...headers,
          'content-type': 'text/html; charset=utf-8',
          'content-security-policy': PAGE_POLICY,
          'referrer-policy': 'no-referrer',
        })
        .send((made ?? make()).page),
    );
    done();
  };
}
