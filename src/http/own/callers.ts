/** Our own routes for callers; root's alone. */

import type { FastifyInstance } from 'fastify';
import {
  CALLER_PATHS,
  callerAnswer,
  callerListAnswer,
  changeCallerBody,
  creditBody,
  newCallerAnswer,
  newCallerBody,
} from '../../wire/clipyard/callers.ts';
import { noQuery } from '../../wire/clipyard/fields.ts';
import type { Tag } from './operation.ts';
import type { OwnRoutesOptions } from './options.ts';
import { own } from './own.ts';

const CALLERS: Tag = { name: 'callers', description: 'Who holds an API key. For root alone.' };

/** Mounts the routes. */
export function callerRoutes(app: FastifyInstance, { administration }: OwnRoutesOptions): void {
  own(app, CALLERS, {
    method: 'GET',
    path: CALLER_PATHS.callers,
    id: 'listCallers',
    summary: 'All callers, the oldest first',
    access: 'root',
    query: noQuery,
    answers: { 200: callerListAnswer },
    handle: async () => ({ items: await administration.listCallers() }),
  });

  own(app, CALLERS, {
    method: 'POST',
    path: CALLER_PATHS.callers,
    id: 'createCaller',
    summary: 'Makes a caller, its key and the secret that signs its callbacks',
    description: 'Both are shown this once; of the key only its hash is kept.',
    access: 'root',
    body: newCallerBody,
    example: { name: 'studio', creditMicroUsd: 50_000_000, maxRunningVideos: 8 },
    answers: { 201: newCallerAnswer },
    handle: async ({ body }) => {
      const { caller, ...shownOnce } = await administration.createCaller(body);
      const { id, ...rest } = caller;
      return { id, ...shownOnce, ...rest };
    },
  });

  own(app, CALLERS, {
    method: 'PATCH',
    path: CALLER_PATHS.caller,
    id: 'changeCaller',
    summary: 'Changes what is given of a caller',
    description: 'Null sets a field back to its default.',
    access: 'root',
    body: changeCallerBody,
    example: { maxRunningVideos: 16, retentionSeconds: null },
    answers: { 200: callerAnswer },
    refusals: ['conflict'],
    handle: ({ params, body: { disabled, ...chosen } }) => administration.updateCaller(params.id, chosen, disabled),
  });

  own(app, CALLERS, {
    method: 'POST',
    path: CALLER_PATHS.credit,
    id: 'creditCaller',
    summary: "Adds to a caller's credit",
    access: 'root',
    body: creditBody,
    example: { amountMicroUsd: 10_000_000 },
    answers: { 200: callerAnswer },
    refusals: ['conflict'],
    handle: ({ params, body }) => administration.creditCaller(params.id, body.amountMicroUsd),
  });
}
