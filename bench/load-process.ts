/** The process that asks for a URL over and over, so that asking takes nothing from who answers. */

import { Pool } from 'undici';
import { z } from 'zod';

const orderSchema = z.object({
  url: z.string(),
  headers: z.record(z.string(), z.string()),
  connections: z.int(),
  forMs: z.number(),
});
/** What to ask for, and how long. */
export type LoadOrder = z.infer<typeof orderSchema>;

/** Asks until the time is over; how many answers came. */
async function askUntil(pool: Pool, path: string, order: LoadOrder & { readonly untilMs: number }): Promise<number> {
  let answers = 0;
  while (performance.now() < order.untilMs) {
    const { statusCode, body } = await pool.request({ method: 'GET', path, headers: order.headers });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`answered ${statusCode}: ${text}`);
    answers += 1;
  }
  return answers;
}

async function load(order: LoadOrder): Promise<number> {
  const { origin, pathname } = new URL(order.url);
  const pool = new Pool(origin, { connections: order.connections, pipelining: 1 });
  try {
    const startedMs = performance.now();
    const untilMs = startedMs + order.forMs;
    const askers = Array.from({ length: order.connections }, () => askUntil(pool, pathname, { ...order, untilMs }));
    const answers = (await Promise.all(askers)).reduce((total, each) => total + each, 0);
    return answers / ((performance.now() - startedMs) / 1000);
  } finally {
    await pool.close();
  }
}

process.on('message', (message) => {
  load(orderSchema.parse(message)).then(
    (requestsPerSecond) => process.send?.({ requestsPerSecond, problem: null }),
    (error: unknown) => process.send?.({ requestsPerSecond: 0, problem: String(error) }),
  );
});
// No parent is left to answer.
process.on('disconnect', () => process.exit());
