/** Batches and single creates as a client of a running gateway makes them, for the benchmarks. */

import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import type { z } from 'zod';
import { batchAnswer, newBatchAnswer } from '../src/wire/clipyard/batches.ts';

const LOOK_MS = 250;
/** Creates that are sent side by side. */
const CREATES_AT_ONCE = 4;

export interface BatchClient {
  readonly url: string;
  readonly key: string;
  readonly stop: AbortSignal;
}

export type ShownBatch = z.output<typeof batchAnswer>;

/** Of a clip of one second at the sandbox. */
export function bodyOf(n: number) {
  return { model: 'sandbox-mini', prompt: `Clip ${n} of many`, duration_seconds: 1 };
}

/** Asks a route of ours and reads its answer. */
export async function ask<Schema extends z.ZodType>(
  { url, key, stop }: BatchClient,
  schema: Schema,
  path: string,
  posted?: { readonly body?: string; readonly type: string },
): Promise<z.output<Schema>> {
  const answer = await fetch(url + path, {
    headers: { authorization: `Bearer ${key}`, ...(posted?.body && { 'content-type': posted.type }) },
    ...(posted && { method: 'POST' }),
    ...(posted?.body && { body: posted.body }),
    signal: stop,
  });
  if (!answer.ok) throw new Error(`${path} was answered ${answer.status}: ${await answer.text()}`);
  return schema.parse(await answer.json());
}

/** Sends one create after the other, some side by side. */
export async function createSingles({ url, key }: BatchClient, count: number): Promise<void> {
  const dispatcher = new Agent({ connections: CREATES_AT_ONCE });
  const createOne = async (n: number) => {
    const answer = await request(`${url}/airforce/v1/video/generations`, {
      method: 'POST',
      dispatcher,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(bodyOf(n)),
    });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(`a create was answered ${answer.statusCode}: ${text}`);
  };
  await Promise.all(Array.from({ length: count }, (_, n) => createOne(n)));
  await dispatcher.close();
}

/** Submits so many lines as one batch; its id once it is accepted. */
export async function submitBatch(client: BatchClient, lines: number): Promise<string> {
  const body = Array.from({ length: lines }, (_, n) => JSON.stringify(bodyOf(n))).join('\n');
  const posted = { body, type: 'application/jsonl' };
  return (await ask(client, newBatchAnswer, '/clipyard/v1/batches', posted)).id;
}

/** Resolves when the batch has come so far. */
export async function untilBatch(
  client: BatchClient,
  id: string,
  reached: (batch: ShownBatch) => boolean,
): Promise<ShownBatch> {
  for (;;) {
    const batch = await ask(client, batchAnswer, `/clipyard/v1/batches/${id}`);
    if (reached(batch)) return batch;
    await sleep(LOOK_MS, undefined, { signal: client.stop });
  }
}

export const hasEnded = ({ endedAt }: ShownBatch) => endedAt !== null;
