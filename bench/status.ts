/** Benchmark `status`: GET of an ended video against a bare Fastify route that selects the same row. */

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
import { median, sum } from './statistics.ts';
import { startSubjectGateway } from './subject.ts';

const CONNECTIONS = 20;
const LEAST_SHARE = 0.7;
/** Each side's five seconds come in short slices taken in turns, so that a busy machine is busy for both. */
const SLICES = 20;
const SLICE_MS = 250;
const WARM_UP_MS = 2_000;
const DAY_MS = 86_400_000;

/** Enters a video and its end as a run would have left them; its id. */
async function enterEndedVideo(db: Db): Promise<string> {
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
  await endVideo(db, id, { state: 'completed', failure: null, archive });
  return id;
}

/** The least that answers with the row: one route, one statement, its row as JSON. */
async function startBareServer({ db }: Parts['database'], { closers }: BenchContext): Promise<string> {
  const app = fastify();
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
  // Reading an ended video asks Temporal nothing, so there is none.
  const { parts } = await startSubjectGateway(context, {});
  const id = await enterEndedVideo(parts.database.db);
  const bareUrl = await startBareServer(parts.database, context);
  const load = startLoad(context);
  const ours = {
    url: `${parts.config.publicUrl}/airforce/v1/video/tasks/${id}`,
    headers: { authorization: `Bearer ${parts.rootKey.key}` },
    connections: CONNECTIONS,
  };
  const bare = { url: `${bareUrl}/videos/${id}`, headers: {}, connections: CONNECTIONS };
  for (const each of [ours, bare]) await load({ ...each, forMs: WARM_UP_MS });
  const rates = { ours: [] as number[], bare: [] as number[] };
  for (let slice = 0; slice < SLICES; slice += 1) {
    rates.ours.push(await load({ ...ours, forMs: SLICE_MS }));
    rates.bare.push(await load({ ...bare, forMs: SLICE_MS }));
  }
  return {
    comparisons: [
      {
        what: `GET of an ended video and a bare SELECT route, ${CONNECTIONS} connections`,
        unit: 'requests/s',
        ours: sum(rates.ours) / SLICES,
        baseline: sum(rates.bare) / SLICES,
        bar: { atLeast: LEAST_SHARE },
      },
    ],
    figures: { medianOfSlices: { ours: median(rates.ours), bare: median(rates.bare) }, slices: rates },
  };
}
