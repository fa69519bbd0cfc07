/** Our own routes for upstream accounts; root's alone. */

import type { FastifyInstance } from 'fastify';
import { ACCOUNT_PATHS, accountAnswer, accountListAnswer } from '../../wire/clipyard/accounts.ts';
import { noQuery } from '../../wire/clipyard/fields.ts';
import type { Tag } from './operation.ts';
import type { OwnRoutesOptions } from './options.ts';
import { own } from './own.ts';

const ACCOUNTS: Tag = { name: 'accounts', description: 'Upstream accounts. For root alone.' };

/** Mounts the routes. */
export function accountRoutes(app: FastifyInstance, { administration }: OwnRoutesOptions): void {
  own(app, ACCOUNTS, {
    method: 'GET',
    path: ACCOUNT_PATHS.accounts,
    id: 'listAccounts',
    isHeavy: true,
    summary: 'All upstream accounts',
    access: 'root',
    query: noQuery,
    answers: { 200: accountListAnswer },
    handle: async () => ({ items: await administration.listAccounts() }),
  });

  own(app, ACCOUNTS, {
    method: 'POST',
    path: ACCOUNT_PATHS.pause,
    id: 'pauseAccount',
    summary: 'Grants no more slots at an account',
    access: 'root',
    answers: { 200: accountAnswer },
    handle: ({ params }) => administration.pauseAccount(params.id),
  });

  own(app, ACCOUNTS, {
    method: 'POST',
    path: ACCOUNT_PATHS.resume,
    id: 'resumeAccount',
    summary: 'Grants slots at an account again',
    access: 'root',
    answers: { 200: accountAnswer },
    handle: ({ params }) => administration.resumeAccount(params.id),
  });
}
