/** The description of our own routes: for programs at /openapi.json, for people at /docs. */

import type { FastifyPluginAsync } from 'fastify';
import { PROCESS } from '../health.ts';
import { own } from '../own/own.ts';
import { buildOpenApi } from './document.ts';
import { PAGE_POLICY, renderPage } from './page.ts';

export interface OpenApiOptions {
  /** Where the gateway is reached. */
  readonly publicUrl: string;
  readonly version: string;
}

const CACHE_SECONDS = 300;
const HEADERS = { 'cache-control': `public, max-age=${CACHE_SECONDS}`, 'x-content-type-options': 'nosniff' };

/** `GET /openapi.json` and `GET /docs`, without a key; both are made once, when they are first asked for. */
export function openApiRoutes({ publicUrl: url, version }: OpenApiOptions): FastifyPluginAsync {
  return async (app) => {
    let made: { readonly json: string; readonly page: string } | null = null;
    const make = () => {
      const document = buildOpenApi(app.operations, { url, version });
      made ??= { json: JSON.stringify(document), page: renderPage(document) };
      return made;
    };

    own(app, PROCESS, {
      method: 'GET',
      path: '/openapi.json',
      id: 'getDocument',
      summary: 'This document',
      access: 'none',
      answers: { 200: { meaning: 'OpenAPI 3.1.', mediaTypes: ['application/json'] } },
      handle: ({ reply }) =>
        reply.headers({ ...HEADERS, 'content-type': 'application/json; charset=utf-8' }).send((made ?? make()).json),
    });
    own(app, PROCESS, {
      method: 'GET',
      path: '/docs',
      id: 'getDocumentation',
      summary: 'This document as a page',
      access: 'none',
      answers: { 200: { meaning: 'One page that loads nothing else.', mediaTypes: ['text/html'] } },
      handle: ({ reply }) =>
        reply
          .headers({
            ...HEADERS,
            'content-type': 'text/html; charset=utf-8',
            'content-security-policy': PAGE_POLICY,
            'referrer-policy': 'no-referrer',
          })
          .send((made ?? make()).page),
    });
  };
}
