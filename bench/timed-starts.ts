/** Creates by HTTP and bare starts of workflows, each timed: what the benchmarks of creates compare. */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Client as TemporalClient } from '@temporalio/client';
import { uuidv7 } from 'uuidv7';
import { z } from 'zod';
import type { VideoRequest } from '../src/domain/video-request.ts';
import type { BenchContext } from './benchmark.ts';
import type { CreateOrder } from './create-process.ts';

export const CREATE_PATH = '/airforce/v1/video/generations';
export const CREATE_BODY = {
  model: 'sandbox-mini',
  prompt: 'A paper boat crosses a puddle at dawn, city lights mirrored in the water',
  duration_seconds: 1,
};

const createdSchema = z.object({ taskId: z.string(), tookMs: z.number(), problem: z.string().nullable() });

/** What was begun, and how long its answer took. */
export interface Timed {
  readonly workflowId: string;
  readonly tookMs: number;
}

/** A create as a client with a kept connection sends it. */
export function httpCreate({ closers }: BenchContext, order: CreateOrder) {
  const child = fork(fileURLToPath(new URL('./create-process.js', import.meta.url)));
  closers.add('client', async () => child.kill());
  return async (): Promise<Timed> => {
    child.send(order);
    const [message] = await once(child, 'message');
    const { taskId, tookMs, problem } = createdSchema.parse(message);
    if (problem !== null) throw new Error(`a create: ${problem}`);
    return { workflowId: taskId, tookMs };
  };
}

/** The same input, and nothing else: no attributes, no memo, no policies. */
export function bareStart(client: TemporalClient, request: VideoRequest) {
  return async (): Promise<Timed> => {
    const workflowId = `bare_${uuidv7()}`;
    const args = [{ request, callerId: 'root' }];
    const startedMs = performance.now();
    await client.workflow.start('bareWorkflow', { workflowId, taskQueue: 'never-polled', args });
    return { workflowId, tookMs: performance.now() - startedMs };
  };
}
