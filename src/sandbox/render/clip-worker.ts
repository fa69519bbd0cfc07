/** The rendering thread: takes orders for clips one after the other. */

import { parentPort } from 'node:worker_threads';
import { renderClip } from './clip.ts';
import type { ClipDelivery, ClipOrder } from './clip-thread.ts';

async function deliver({ number, spec }: ClipOrder): Promise<ClipDelivery> {
  try {
    return { number, clip: await renderClip(spec) };
  } catch (error) {
    return { number, problem: error instanceof Error ? error.message : String(error) };
  }
}

let last: Promise<unknown> = Promise.resolve();
parentPort?.on('message', (order: ClipOrder) => {
  last = last.then(() => deliver(order)).then((delivery) => parentPort?.postMessage(delivery));
});
