/** What is told of ends by processes of their own on PostgreSQL: the end can be read everywhere, and no kill loses it. */

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
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
  untilVideos,
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
let settings: Readonly<Record<string, string>>;
/** Of two gateways: one that tests kill, and another. */
let ports: readonly number[];
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
  settings = {
    ...(await writeUpstreams(dataDir, { accounts: [account] })),
    CLIPYARD_DATA_DIR: dataDir,
    DATABASE_URL: postgres.url,
    TEMPORAL_ADDRESS: await untilPrinted(temporal, /^temporal +(\S+)$/m),
    CLIPYARD_TRUSTED_HOSTS: receiver,
  };
  ports = await Promise.all([freePort(0), freePort(0)]);
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

const askOf = (port: number) => askAs(ROOT_KEY, `http://127.0.0.1:${port}`);

async function serve(port: number): Promise<ClipyardProcess> {
  const gateway = start(['serve'], { ...settings, CLIPYARD_PORT: String(port) });
  await untilReady(`http://127.0.0.1:${port}/readyz`);
  return gateway;
}

/** The ids of new videos with callbacks, made at a gateway that has an endpoint. */
async function makeVideos(port: number): Promise<readonly string[]> {
  const body = { model: 'sandbox-mini', prompt: 'a fox', duration_seconds: 2 };
  const callback = { callback_url: `http://${receiver}/callback` };
  const orders = Array.from({ length: VIDEOS }, () =>
    askOf(port)('/airforce/v1/video/generations', { ...body, ...callback }),
  );
  return (await Promise.all(orders)).map(({ task_id }) => String(task_id));
}

/** Resolves when each was told to the endpoint and to its callback; each event's id with the bytes that came under it. */
async function untilTold(ids: readonly string[]): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const heard = (path: string) => new Set(received.flatMap((told) => (told.path === path ? [told.video] : [])));
  const isTold = (path: string) => ids.every((id) => heard(path).has(id));
  while (!isTold('/endpoint') || !isTold('/callback')) await sleep(100);
  const bodies = new Map<string, Set<string>>();
  for (const { id, body, video } of received) {
    if (ids.includes(video)) bodies.set(id, (bodies.get(id) ?? new Set()).add(body));
  }
  return bodies;
}

test('an end is told when another gateway shows it, and again with the same bytes after gateway and worker were killed', async () => {
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
  const ids = await makeVideos(one);
  while (kill === null) await sleep(50);
  await kill;
  await serve(one);
  start(['work'], settings);
  const told = await untilTold(ids);
  expect(new Set(states)).toEqual(new Set(['completed']));
  expect([...told.values()].map(({ size }) => size)).toEqual(ids.map(() => 1));
}, 600_000);

test('ends that were committed when everything died before a delivery could be started are told', async () => {
  onReceived = async () => undefined;
  const [one = 0, other = 0] = ports;
  const catalog = new pg.Client(settings['DATABASE_URL'] ?? '');
  await catalog.connect();
  // Between an end's commit and the start of its deliveries: no process can take them over.
  await catalog.query(`
    create function hold() returns trigger language plpgsql as
      $$ begin perform pg_advisory_xact_lock_shared(1); return new; end $$;
    create trigger hold before update on deliveries for each row execute function hold();
    select pg_advisory_lock(1)`);
  const ids = await makeVideos(one);
  await untilVideos(askOf(other), ids, (all) => all.every(({ state }) => state === 'completed'));
  const { rows } = await catalog.query(
    `select count(*)::int as n from deliveries d join events e on e.id = d.event_id
      where d.started_at is null and e.video_id = any($1)`,
    [ids],
  );
  expect(rows).toEqual([{ n: 2 * VIDEOS }]);
  // All but the sandbox and Temporal.
  for (const each of processes.slice(2)) await each.killTree();
  // For who is dead the server waits on.
  await catalog.query("select pg_terminate_backend(pid, 10000) from pg_stat_activity where wait_event = 'advisory'");
  await catalog.query('drop trigger hold on deliveries');
  await catalog.end();
  start(['work'], settings);
  await serve(one);
  const told = await untilTold(ids);
  expect([...told.values()].map(({ size }) => size)).toEqual(ids.map(() => 1));
}, 600_000);
