/** What each of our own routes is for, takes and answers: the table that the OpenAPI document is made from. */

import { z } from 'zod';
import * as requests from '../own/requests.ts';
import type { Operation } from './operation.ts';

const V1 = '/clipyard/v1';

const action = (name: string, summary: string, more: Partial<Operation> = {}): Operation => ({
  method: 'post',
  path: `${V1}/videos/{id}/${name}`,
  id: `${name}Video`,
  tag: 'videos',
  summary,
  access: 'caller',
  answers: { 200: 'Video' },
  refusals: ['not_found', 'conflict'],
  ...more,
});

const account = (name: string, summary: string): Operation => ({
  method: 'post',
  path: `${V1}/accounts/{id}/${name}`,
  id: `${name}Account`,
  tag: 'accounts',
  summary,
  access: 'root',
  answers: { 200: 'Account' },
  refusals: ['not_found'],
});

const VIDEOS: readonly Operation[] = [
  {
    method: 'get',
    path: `${V1}/videos/{id}`,
    id: 'getVideo',
    tag: 'videos',
    summary: 'The snapshot of a video',
    description: "Another caller's video is answered as one that does not exist; root sees all.",
    access: 'caller',
    query: requests.noQuery,
    answers: { 200: 'Video' },
    refusals: ['invalid_request', 'not_found'],
  },
  {
    method: 'get',
    path: `${V1}/videos`,
    id: 'listVideos',
    tag: 'videos',
    summary: 'Videos, newest first',
    access: 'caller',
    query: requests.listVideosQuery,
    answers: { 200: 'VideoList' },
    refusals: ['invalid_request', 'forbidden'],
  },
  action('cancel', 'Cancels a video', {
    description:
      'Where the upstream cannot cancel a running task the video is `cancelled` at once, its slot stays taken until the ' +
      'task ends, and it is charged if the task completes. A video that has ended stays as it is.',
    refusals: ['not_found'],
  }),
  action('recheck', "Looks at the video's task now", { refusals: ['not_found'] }),
  action('rearchive', "Fetches a lost clip again while the upstream's link lives", {
    refusals: ['not_found', 'conflict', 'unavailable'],
  }),
];

const MONEY: readonly Operation[] = [
  {
    method: 'post',
    path: `${V1}/estimates`,
    id: 'estimate',
    tag: 'money',
    summary: 'What a create would cost, and where it would be made',
    description: 'Nothing is made. What is left out is filled in as a create would.',
    access: 'caller',
    body: requests.estimateBody,
    bodyIsOptional: true,
    example: { model: 'sandbox-mini', durationSeconds: 5 },
    answers: { 200: 'Estimate' },
    refusals: ['invalid_request', 'unknown_model', 'forbidden', 'unavailable'],
  },
  {
    method: 'get',
    path: `${V1}/balance`,
    id: 'getBalance',
    tag: 'money',
    summary: "The caller's balance",
    access: 'caller',
    query: requests.noQuery,
    answers: { 200: 'Balance' },
    refusals: ['invalid_request'],
  },
  {
    method: 'get',
    path: `${V1}/ledger`,
    id: 'listEntries',
    tag: 'money',
    summary: 'Entries of the ledger, newest first',
    description: 'Available is the sum of all entries.',
    access: 'caller',
    query: requests.ledgerQuery,
    answers: { 200: 'Ledger' },
    refusals: ['invalid_request', 'forbidden'],
  },
  {
    method: 'get',
    path: `${V1}/costs`,
    id: 'getCosts',
    tag: 'money',
    summary: 'Costs of ended videos, summed by what is asked for',
    description: 'An item has a member for each word of `groupBy`. For root, tasks that belong to no video are in it.',
    access: 'caller',
    query: requests.costsQuery,
    answers: { 200: 'Costs' },
    refusals: ['invalid_request', 'forbidden'],
  },
  action('refund', 'Gives a settled cost back, once', { tag: 'money', access: 'root' }),
  action('settle', 'Decides a cost that is held for review', {
    tag: 'money',
    access: 'root',
    body: requests.settleBody,
    example: { amountMicroUsd: 2_500_000 },
    refusals: ['invalid_request', 'not_found', 'conflict'],
  }),
];

const CALLERS: readonly Operation[] = [
  {
    method: 'get',
    path: `${V1}/callers`,
    id: 'listCallers',
    tag: 'callers',
    summary: 'All callers, the oldest first',
    access: 'root',
    query: requests.noQuery,
    answers: { 200: 'CallerList' },
    refusals: ['invalid_request'],
  },
  {
    method: 'post',
    path: `${V1}/callers`,
    id: 'createCaller',
    tag: 'callers',
    summary: 'Makes a caller and its key',
    description: 'The key is shown this once; only its hash is kept.',
    access: 'root',
    body: requests.newCallerBody,
    example: { name: 'studio', creditMicroUsd: 50_000_000, maxRunningVideos: 8 },
    answers: { 201: 'NewCaller' },
    refusals: ['invalid_request'],
  },
  {
    method: 'patch',
    path: `${V1}/callers/{id}`,
    id: 'changeCaller',
    tag: 'callers',
    summary: 'Changes what is given of a caller',
    description: 'Null sets a field back to its default.',
    access: 'root',
    body: requests.changeCallerBody,
    example: { maxRunningVideos: 16, retentionSeconds: null },
    answers: { 200: 'Caller' },
    refusals: ['invalid_request', 'not_found', 'conflict'],
  },
  {
    method: 'post',
    path: `${V1}/callers/{id}/credit`,
    id: 'creditCaller',
    tag: 'callers',
    summary: "Adds to a caller's credit",
    access: 'root',
    body: requests.creditBody,
    example: { amountMicroUsd: 10_000_000 },
    answers: { 200: 'Caller' },
    refusals: ['invalid_request', 'not_found', 'conflict'],
  },
];

const ACCOUNTS: readonly Operation[] = [
  {
    method: 'get',
    path: `${V1}/accounts`,
    id: 'listAccounts',
    tag: 'accounts',
    summary: 'All upstream accounts',
    access: 'root',
    query: requests.noQuery,
    answers: { 200: 'AccountList' },
    refusals: ['invalid_request'],
  },
  account('pause', 'Grants no more slots at an account'),
  account('resume', 'Grants slots at an account again'),
];

const EMPTY = { mediaTypes: [] } as const;

/** What a signed link carries. */
const signedLinkQuery = z.object({ expires: z.string(), key: z.string(), signature: z.string() });

/** GET and HEAD of a file behind a signed link. */
function file(operation: Pick<Operation, 'path' | 'id' | 'summary'>, mediaTypes: readonly string[]): Operation[] {
  const whole = { ...operation, tag: 'media', access: 'none', query: signedLinkQuery } as const;
  const refusals = ['forbidden', 'not_found', 'gone', 'precondition_failed'] as const;
  const unchanged = { ...EMPTY, meaning: 'What the client has is current.' };
  return [
    {
      ...whole,
      method: 'get',
      description: 'Takes Range, If-Range, If-Match, If-None-Match and If-Modified-Since.',
      answers: {
        200: { meaning: 'The whole file.', mediaTypes },
        206: { meaning: 'The part that was asked for.', mediaTypes },
        304: unchanged,
        416: { ...EMPTY, meaning: 'The file has no such part.' },
      },
      refusals,
    },
    {
      ...whole,
      method: 'head',
      id: `${operation.id}Head`,
      summary: `${operation.summary}: the headers alone`,
      answers: { 200: { ...EMPTY, meaning: 'The headers of the file.' }, 304: unchanged },
      refusals,
    },
  ];
}

const MEDIA: readonly Operation[] = [
  ...file({ path: '/media/{id}/{file}', id: 'getMedia', summary: '`clip.mp4` or `poster.jpg` of a video' }, [
    'video/mp4',
    'image/jpeg',
  ]),
  ...file({ path: '/input-images/{file}', id: 'getInputImage', summary: 'An uploaded input image' }, [
    'image/png',
    'image/jpeg',
    'image/webp',
    'image/gif',
  ]),
];

const PROCESS: readonly Operation[] = [
  {
    method: 'get',
    path: '/healthz',
    id: 'getLiveness',
    tag: 'process',
    summary: 'The process is alive',
    access: 'none',
    answers: { 200: 'Liveness' },
    refusals: [],
  },
  {
    method: 'get',
    path: '/readyz',
    id: 'getReadiness',
    tag: 'process',
    summary: 'Whether creates can be stored, with the state of each part',
    description: '`degraded` while Temporal or workers are away: what is accepted then waits for them.',
    access: 'none',
    answers: { 200: 'Readiness', 503: 'Readiness' },
    refusals: [],
  },
  {
    method: 'get',
    path: '/openapi.json',
    id: 'getDocument',
    tag: 'process',
    summary: 'This document',
    access: 'none',
    answers: { 200: { meaning: 'OpenAPI 3.1.', mediaTypes: ['application/json'] } },
    refusals: [],
  },
  {
    method: 'get',
    path: '/docs',
    id: 'getDocumentation',
    tag: 'process',
    summary: 'This document as a page',
    access: 'none',
    answers: { 200: { meaning: 'One page that loads nothing else.', mediaTypes: ['text/html'] } },
    refusals: [],
  },
];

/** Every route of our own. */
export const OPERATIONS: readonly Operation[] = [...VIDEOS, ...MONEY, ...CALLERS, ...ACCOUNTS, ...MEDIA, ...PROCESS];
