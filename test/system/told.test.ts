/** What is told of ends by processes of their own on PostgreSQL: the end can be read everywhere, and no kill loses it. */

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { findPostgresBinaries, type PostgresServer, startPostgres } from '../../bench/postgres-server.ts';
import { freePort } from '../../src/temporal/dev-server/process.ts';
import {
  askAs,
  type ClipyardProcess,
  compile,
  ROOT_KEY,
  startClipyard,
  untilModels,
  untilPrinted,
  untilReady,
} from './clipyard-process.ts';
import { writeUpstreams } from './upstreams.ts';

interface Received {
  readonly path: string;
  readonly id: string;
  readonly body: string;
  readonly video: string;
}

const VIDEOS = 6;

let dataDir: string;
let postgres: PostgresServer | null = null;
let server: Server;
let receiver: string;
const processes: ClipyardProcess[] = [];
const received: Received[] = [];
/** Called with each before it is answered. */
let onReceived: (told: Received) => Promise<unknown> = async () => undefined;

beforeAll(async () => {
  compile();
  dataDir = await mkdtemp(join(tmpdir(), 'clipyard-told-'));
  server = createServer(async (request, reply) => {
    const body = await text(request);
    const id = String(request.headers['webhook-id']);
    const told = { path: request.url ?? '', id, body, video: JSON.parse(body).data.id };
    await onReceived(told);
    received.push(told);
    reply.writeHead(204).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  receiver = `127.0.0.1:${(server.address() as AddressInfo).port}`;
}, 300_000);

afterAll(async () => {
  for (const one of processes) await one.killTree();
  server.close();
  await postgres?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

function start(args: readonly string[], settings: Readonly<Record<string, string>>): ClipyardProcess {
  const one = startClipyard(args, settings);
  processes.push(one);
  return one;
}

test('an end is told when another gateway shows it, and again with the same bytes after gateway and worker were killed', async () => {
  const binaries = findPostgresBinaries();
  if (binaries === null) throw new Error('PostgreSQL is not installed on this machine');
  postgres = await startPostgres(binaries);
  const sandbox = start(['sandbox', '--port', '0'], {});
  const sandboxUrl = await untilPrinted(sandbox, /^sandbox +(\S+)$/m);
  const temporal = start(['temporal'], { CLIPYARD_DATA_DIR: join(dataDir, 'temporal') });
  const account = {
    ...{ id: 'one', provider: 'airforce', baseUrl: sandboxUrl, maxConcurrentTasks: VIDEOS },
    timing: { firstPollMs: 500, minPollMs: 500 },
  };
  const settings = {
    ...(await writeUpstreams(dataDir, { accounts: [account] })),
    CLIPYARD_DATA_DIR: dataDir,
    DATABASE_URL: postgres.url,
    TEMPORAL_ADDRESS: await untilPrinted(temporal, /^temporal +(\S+)$/m),
    CLIPYARD_TRUSTED_HOSTS: receiver,
  };
  const ports = await Promise.all([freePort(0), freePort(0)]);
  const serve = async (port: number) => {
    const gateway = start(['serve'], { ...settings, CLIPYARD_PORT: String(port) });
    await untilReady(`http://127.0.0.1:${port}/readyz`, gateway);
    return gateway;
  };
  const askOf = (port: number) => askAs(ROOT_KEY, `http://127.0.0.1:${port}`);
  const [one = 0, other = 0] = ports;
  const worker = start(['work'], settings);
  const gateway = await serve(one);
  await serve(other);
  await untilModels(askOf(one));
  await askOf(one)('/clipyard/v1/webhook-endpoints', { url: `http://${receiver}/endpoint` });
  const states: unknown[] = [];
  let kill: Promise<unknown> | null = null;
  onReceived = async ({ video }) => {
    states.push((await askOf(other)(`/clipyard/v1/videos/${video}`))['state']);
    // Before this one is answered, and while others have ended and wait for their turn.
    kill ??= Promise.all([worker.killTree(), gateway.killTree()]);
    await kill;
  };
  const body = {
    model: 'sandbox-mini',
    prompt: 'a fox',
    duration_seconds: 2,
    callback_url: `http://${receiver}/callback`,
  };
  const made = await Promise.all(
    Array.from({ length: VIDEOS }, () => askOf(one)('/airforce/v1/video/generations', body)),
  );
  const ids = made.map(({ task_id }) => String(task_id));
  while (kill === null) await sleep(50);
  await kill;
  start(['work'], settings);
  await serve(one);
  const heard = (path: string) => new Set(received.flatMap((told) => (told.path === path ? [told.video] : [])));
  while (heard('/endpoint').size < VIDEOS || heard('/callback').size < VIDEOS) await sleep(100);
  expect([heard('/endpoint'), heard('/callback')]).toEqual([new Set(ids), new Set(ids)]);
  expect(new Set(states)).toEqual(new Set(['completed']));
  expect(new Set(received.map(({ id }) => id)).size).toBe(VIDEOS);
  expect(new Set(received.map(({ id, body: told }) => `${id} ${told}`)).size).toBe(VIDEOS);
}, 600_000);
