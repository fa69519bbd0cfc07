/** Benchmark `status`: GET of a video against bare Fastify routes: one selects the same row, one answers a constant. */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { fastify } from 'fastify';
import { uuidv7 } from 'uuidv7';
import { z } from 'zod';
import { acceptVideo, queueDeadline } from '../src/catalog/acceptance.ts';
import { ROOT_CALLER_ID } from '../src/catalog/callers.ts';
import type { Db } from '../src/catalog/driver/database.ts';
import { endVideo } from '../src/catalog/ends.ts';
import { clipKeyOf, posterKeyOf } from '../src/media/media-key.ts';
import type { Parts } from '../src/process/parts.ts';
import type { BenchContext, Outcome } from './benchmark.ts';
import type { LoadOrder } from './load-process.ts';
import { mean, median } from './statistics.ts';
import { startSubjectGateway } from './subject.ts';

const CONNECTIONS = 16;
/** What a second of memory saves, beside a route that asks the catalog each time. */
const LEAST_TIMES_SELECT = 2;
const LEAST_OF_CONSTANT = 0.25;
/** Each side's five seconds come in short slices taken in turns, so that a busy machine is busy for both. */
const SLICES = 20;
const SLICE_MS = 250;
const WARM_UP_MS = 2_000;
const DAY_MS = 86_400_000;

/** Enters a video, and its end where it has one, as a run would have left them; its id. */
async function enterVideo(db: Db, { hasEnded }: { readonly hasEnded: boolean }): Promise<string> {
  const id = `video_${uuidv7()}`;
  const createdAt = new Date();
  const expiresAt = new Date(createdAt.getTime() + DAY_MS);
  await acceptVideo(db, {
    id,
    callerId: ROOT_CALLER_ID,
    dialect: 'airforce',
    request: {
      model: 'sandbox-mini',
      mode: 'text',
      prompt: 'A paper boat crosses a puddle at dawn, city lights mirrored in the water',
      durationSeconds: 5,
      aspectRatio: '16:9',
      quality: '720p',
      images: [],
      extra: {},
    },
    estimateMicroUsd: 50_000,
    createdAt,
    expiresAt,
    queueDeadlineAt: queueDeadline(createdAt, expiresAt),
    batchId: null,
    limits: null,
    idempotency: null,
  });
  const archive = {
    sha256: 'a'.repeat(64),
    sizeBytes: 1_048_576,
    durationMs: 5_000,
    width: 1280,
    height: 720,
    codec: 'avc1.64001f',
    clipKey: clipKeyOf(id),
    posterKey: posterKeyOf(id),
  };
  if (hasEnded) await endVideo(db, id, { state: 'completed', failure: null, archive });
  return id;
}

/** The least that answers with the row: one route, one statement, its row as JSON; and the least that answers with as much. */
async function startBareServer(
  { db }: Parts['database'],
  { closers }: BenchContext,
  constant: string,
): Promise<string> {
  const app = fastify();
  app.get('/constant', async (_request, reply) => reply.type('application/json').send(constant));
  app.get<{ Params: { id: string } }>('/videos/:id', async ({ params }) => {
    const { rows } = z
      .object({ rows: z.array(z.unknown()) })
      .parse(await db.execute(sql`select * from videos where id = ${params.id}`));
    return rows[0];
  });
  closers.add('bare server', () => app.close());
  return await app.listen({ host: '127.0.0.1', port: 0 });
}

const loadAnswer = z.object({ requestsPerSecond: z.number(), problem: z.string().nullable() });

/** Starts the process that asks; it is given one order after the other. */
function startLoad({ closers }: BenchContext) {
  const child = fork(fileURLToPath(new URL('./load-process.js', import.meta.url)));
  closers.add('load', async () => child.kill());
  return async (order: LoadOrder): Promise<number> => {
    child.send(order);
    const [message] = await once(child, 'message');
    const { requestsPerSecond, problem } = loadAnswer.parse(message);
    if (problem !== null) throw new Error(`${order.url}: ${problem}`);
    return requestsPerSecond;
  };
}

export async function status(context: BenchContext): Promise<Outcome> {
  // Reading a video asks Temporal nothing, so there is none.
  const { parts } = await startSubjectGateway(context, {});
  const { db } = parts.database;
  const headers = { authorization: `Bearer ${parts.rootKey.key}` };
  const urlOf = (id: string) => `${parts.config.publicUrl}/airforce/v1/video/tasks/${id}`;
  const [ended, running] = [await enterVideo(db, { hasEnded: true }), await enterVideo(db, { hasEnded: false })];
  const constant = await (await fetch(urlOf(ended), { headers })).text();
  const bareUrl = await startBareServer(parts.database, context, constant);
  const load = startLoad(context);
  const asked = {
    ended: { url: urlOf(ended), headers },
    running: { url: urlOf(running), headers },
    select: { url: `${bareUrl}/videos/${ended}`, headers: {} },
    constant: { url: `${bareUrl}/constant`, headers: {} },
  };
  type Asked = keyof typeof asked;
  const names = Object.keys(asked) as Asked[];
  const ask = (name: Asked, forMs: number) => load({ ...asked[name], connections: CONNECTIONS, forMs });
  for (const name of names) await ask(name, WARM_UP_MS);
  const rates: Record<Asked, number[]> = { ended: [], running: [], select: [], constant: [] };
  for (let slice = 0; slice < SLICES; slice += 1) for (const name of names) rates[name].push(await ask(name, SLICE_MS));
  const compare = (what: string, [ours, baseline]: readonly [Asked, Asked], atLeast: number) => ({
    what: `GET of ${what}, ${CONNECTIONS} connections`,
    unit: 'requests/s',
    ours: mean(rates[ours]),
    baseline: mean(rates[baseline]),
    bar: { atLeast },
  });
  return {
    comparisons: [
      compare('an ended video and a bare SELECT route', ['ended', 'select'], LEAST_TIMES_SELECT),
      compare('a running video and a bare SELECT route', ['running', 'select'], LEAST_TIMES_SELECT),
      compare('an ended video and a bare route that answers a constant', ['ended', 'constant'], LEAST_OF_CONSTANT),
    ],
    figures: { medianOfSlices: Object.fromEntries(names.map((name) => [name, median(rates[name])])), slices: rates },
  };
}
