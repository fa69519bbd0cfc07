/** Deliveries as workflows: from a video's end to its caller's endpoint, over failures and workers that were away. */

import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { type Stack, startStack } from '../stack.ts';

interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let stack: Stack;
let server: Server;
let base: string;
const received: Received[] = [];
/** Statuses of the answers to come, by path; 200 where none is left. */
const statuses: Record<string, number[]> = {};

beforeAll(async () => {
  server = createServer(async (request, reply) => {
    const path = request.url ?? '';
    received.push({ path, headers: request.headers, body: await text(request) });
    reply.writeHead(statuses[path]?.shift() ?? 200).end();
    server.emit('received');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  base = `http://${host}`;
  stack = await startStack({ trustedHosts: [host] });
});
afterAll(async () => {
  await stack?.close();
  server?.close();
});

async function ask(method: 'GET' | 'POST' | 'DELETE', path: string, payload?: object) {
  const url = `/clipyard/v1/${path}`;
  return (await stack.app.inject({ method, url, headers: stack.headers, ...(payload && { payload }) })).json();
}

/** What came at a path, once so much of it has come. */
async function at(path: string, count: number): Promise<readonly Received[]> {
  for (;;) {
    const those = received.filter((each) => each.path === path);
    if (those.length >= count) return those;
    await once(server, 'received', { signal: AbortSignal.timeout(60_000) });
  }
}

/** The endpoint's one delivery, once its success is written down. */
async function delivered(endpoint: string): Promise<string> {
  for (;;) {
    const { items } = await ask('GET', `webhook-endpoints/${endpoint}/deliveries`);
    if (items[0].state === 'delivered') return items[0].id;
    await wait(50);
  }
}

function isSigned({ headers, body }: Received, secret: string): boolean {
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  return headers['webhook-signature'] === `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
}

test('an end is told, and told again with the same id and bytes after a failure; a replay is as well', async () => {
  statuses['/first'] = [500];
  const { id: endpoint, secret } = await ask('POST', 'webhook-endpoints', { url: `${base}/first` });
  const video = await stack.create();
  const [first, second] = await at('/first', 2);
  if (!first || !second) throw new Error('less came than was waited for');
  expect(JSON.parse(first.body)).toMatchObject({ object: 'event', type: 'video.completed', data: { id: video } });
  // What is told can be read.
  expect((await stack.video(video)).state).toBe('completed');
  expect([second.body, second.headers['webhook-id']]).toEqual([first.body, first.headers['webhook-id']]);
  expect([isSigned(first, secret), isSigned(second, secret)]).toEqual([true, true]);
  const delivery = await delivered(endpoint);
  await ask('POST', `deliveries/${delivery}/replay`);
  const [, , third] = await at('/first', 3);
  expect([third?.body, third?.headers['webhook-id']]).toEqual([first.body, first.headers['webhook-id']]);
  await ask('DELETE', `webhook-endpoints/${endpoint}`);
});

test('an end that comes while no worker is there is told when one is', async () => {
  await ask('POST', 'webhook-endpoints', { url: `${base}/later`, events: ['video.cancelled'] });
  await stack.stopWorkers();
  const video = await stack.create();
  await ask('POST', `videos/${video}/cancel`);
  await stack.startWorkers();
  const [told] = await at('/later', 1);
  expect(JSON.parse(told?.body ?? '')).toMatchObject({ type: 'video.cancelled', data: { id: video } });
});
