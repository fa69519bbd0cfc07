/** The thread that renders clips, seen from outside: started at the first clip, again after a crash. */

import { Worker } from 'node:worker_threads';
import type { ClipSpec } from './picture.ts';

export interface ClipOrder {
  readonly number: number;
  readonly spec: ClipSpec;
}
export type ClipDelivery = { readonly number: number } & ({ readonly clip: Uint8Array } | { readonly problem: string });

interface Waiting {
  resolve(clip: Uint8Array): void;
  reject(error: Error): void;
}

export class ClipThread {
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | null = null;
  #orders = 0;

  render(spec: ClipSpec): Promise<Uint8Array> {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    this.#orders += 1;
    const order: ClipOrder = { number: this.#orders, spec };
    return new Promise((resolve, reject) => {
      this.#waiting.set(order.number, { resolve, reject });
      worker.postMessage(order);
    });
  }

  #start(): Worker {
    const worker = new Worker(new URL('./clip-worker.js', import.meta.url));
    // A sandbox that is otherwise done need not wait for its renderer.
    worker.unref();
    worker.on('message', (delivery: ClipDelivery) => this.#deliver(delivery));
    worker.on('error', (error) => this.#lose(worker, error instanceof Error ? error : new Error(String(error))));
    worker.on('exit', () => this.#lose(worker, new Error('the rendering thread ended')));
    return worker;
  }

  #deliver(delivery: ClipDelivery): void {
    const waiting = this.#waiting.get(delivery.number);
    this.#waiting.delete(delivery.number);
    if ('clip' in delivery) waiting?.resolve(delivery.clip);
    else waiting?.reject(new Error(`the clip could not be rendered: ${delivery.problem}`));
  }

  #lose(worker: Worker, error: Error): void {
    // A crash tells itself twice, and by the second time another thread may be at work.
    if (this.#worker !== worker) return;
    this.#worker = null;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }
}
