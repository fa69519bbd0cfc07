/** Our own routes for money: estimates, balance, ledger, costs, and root's decisions about a video's cost. */

import type { FastifyInstance } from 'fastify';
import { noQuery } from '../../wire/clipyard/fields.ts';
import {
  balanceAnswer,
  costsAnswer,
  costsQuery,
  estimateAnswer,
  estimateBody,
  ledgerAnswer,
  ledgerQuery,
  MONEY_PATHS,
  settleBody,
} from '../../wire/clipyard/money.ts';
import { videoAnswer } from '../../wire/clipyard/videos.ts';
import { scopeOf } from './access.ts';
import type { Tag } from './operation.ts';
import type { OwnRoutesOptions } from './options.ts';
import { own } from './own.ts';
import { takeSnapshot } from './snapshot.ts';

const MONEY: Tag = {
  name: 'money',
  description: 'What clips cost and cost so far. Amounts are whole micro-dollars.',
};
/** What root decides about the cost of a video, which is shown as it is then. */
const DECISION = { method: 'POST', access: 'root', answers: { 200: videoAnswer }, refusals: ['conflict'] } as const;

/** Mounts the routes. */
export function moneyRoutes(app: FastifyInstance, options: OwnRoutesOptions): void {
  const { gateway, administration } = options;

  own(app, MONEY, {
    method: 'POST',
    path: MONEY_PATHS.estimates,
    id: 'estimate',
    summary: 'What a create would cost, and where it would be made',
    description: 'Nothing is made. What is left out is filled in as a create would.',
    access: 'caller',
    body: estimateBody,
    example: { model: 'sandbox-mini', durationSeconds: 5 },
    answers: { 200: estimateAnswer },
    refusals: ['unknown_model', 'forbidden'],
    handle: ({ caller, body }) => gateway.estimate(caller, body),
  });

  own(app, MONEY, {
    method: 'GET',
    path: MONEY_PATHS.balance,
    id: 'getBalance',
    summary: "The caller's balance",
    access: 'caller',
    query: noQuery,
    answers: { 200: balanceAnswer },
    handle: ({ caller }) => administration.balance(caller.id),
  });

  own(app, MONEY, {
    method: 'GET',
    path: MONEY_PATHS.ledger,
    id: 'listEntries',
    isHeavy: true,
    summary: 'Entries of the ledger, newest first',
    description: 'Available is the sum of all entries.',
    access: 'caller',
    query: ledgerQuery,
    answers: { 200: ledgerAnswer },
    refusals: ['forbidden'],
    handle: ({ caller, query: { caller: named, ...filter } }) =>
      administration.listEntries({ ...filter, callerId: scopeOf(caller, named) }),
  });

  own(app, MONEY, {
    method: 'GET',
    path: MONEY_PATHS.costs,
    id: 'getCosts',
    isHeavy: true,
    summary: 'Costs of ended videos, summed by what is asked for',
    description: 'An item has a member for each word of `groupBy`. For root, tasks that belong to no video are in it.',
    access: 'caller',
    query: costsQuery,
    answers: { 200: costsAnswer },
    refusals: ['forbidden'],
    handle: async ({ caller, query: { caller: named, ...filter } }) => ({
      items: await administration.costs({ ...filter, callerId: scopeOf(caller, named) }),
    }),
  });

  own(app, MONEY, {
    ...DECISION,
    path: MONEY_PATHS.refund,
    id: 'refundVideo',
    summary: 'Gives a settled cost back, once',
    handle: async ({ caller, params: { id } }) => {
      await administration.refundVideo(id);
      return await takeSnapshot(options, await gateway.read(caller, id, { includeHidden: true }));
    },
  });

  own(app, MONEY, {
    ...DECISION,
    path: MONEY_PATHS.settle,
    id: 'settleVideo',
    summary: 'Decides a cost that is held for review',
    body: settleBody,
    example: { amountMicroUsd: 2_500_000 },
    handle: async ({ caller, params: { id }, body }) => {
      await administration.settleVideo(id, body.amountMicroUsd);
      return await takeSnapshot(options, await gateway.read(caller, id, { includeHidden: true }));
    },
  });
}
