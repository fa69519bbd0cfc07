/** The process that creates clips: a client as it is, outside of the gateway that goes on to start what it has accepted. */

import { Client } from 'undici';
import { z } from 'zod';

const orderSchema = z.object({ url: z.string(), apiKey: z.string(), body: z.string() });
/** What to post, and where. */
export type CreateOrder = z.infer<typeof orderSchema>;

let client: Client | null = null;

/** One create over the kept connection, and how long its answer took. */
async function create({ url, apiKey, body }: CreateOrder): Promise<{ taskId: string; tookMs: number }> {
  const { origin, pathname } = new URL(url);
  client ??= new Client(origin);
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const startedMs = performance.now();
  const answer = await client.request({ method: 'POST', path: pathname, headers, body });
  const text = await answer.body.text();
  const tookMs = performance.now() - startedMs;
  if (answer.statusCode !== 200) throw new Error(`answered ${answer.statusCode}: ${text}`);
  const { task_id: taskId } = z.object({ task_id: z.string() }).parse(JSON.parse(text));
  return { taskId, tookMs };
}

process.on('message', (message) => {
  create(orderSchema.parse(message)).then(
    (created) => process.send?.({ ...created, problem: null }),
    (error: unknown) => process.send?.({ taskId: '', tookMs: 0, problem: String(error) }),
  );
});
// No parent is left to answer.
process.on('disconnect', () => process.exit());
