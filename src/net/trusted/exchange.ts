/** The handler of one HTTP exchange: collects a bounded answer, and knows whether a byte of the request can have left. */

import { brotliDecompressSync, gunzipSync, inflateSync, type ZlibOptions } from 'node:zlib';
import type { Dispatcher } from 'undici';
import type { Headers } from '../retry-after.ts';

/** A complete answer. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

type Received = Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2];

type Decode = (bytes: Uint8Array, options: ZlibOptions) => Uint8Array;

/** Some servers encode what was asked for as it is. */
const DECODERS: Readonly<Record<string, Decode>> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
};

/** To be handed to a dispatcher once. */
export class Exchange implements Dispatcher.DispatchHandler {
  /** Rejects with what ended the exchange before its answer was complete. */
  readonly answer: Promise<RawAnswer>;
  /** False as long as certainly nothing was written: undici reports the start right before the first byte. */
  started = false;
  /** As soon as the head of the answer is there. */
  status: number | undefined;
  readonly #maxBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #sizeBytes = 0;
  #headers: Headers = {};
  #controller: Dispatcher.DispatchController | undefined;
  #givenUpFor: Error | undefined;
  #resolve: (answer: RawAnswer) => void = () => {};
  #reject: (reason: Error) => void = () => {};

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Ends the exchange wherever it is; before its start, nothing of it will be sent any more. */
  giveUp(reason: Error): void {
    this.#givenUpFor ??= reason;
    this.#reject(reason);
    this.#controller?.abort(reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#givenUpFor !== undefined) {
      controller.abort(this.#givenUpFor);
      return;
    }
    this.#controller = controller;
    this.started = true;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Received): void {
    // Informational answers precede the real one.
    if (status < 200) return;
    this.status = status;
    this.#headers = flatten(headers);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#sizeBytes += chunk.byteLength;
    if (this.#sizeBytes > this.#maxBytes) {
      this.giveUp(new Error(`the answer is larger than ${this.#maxBytes} bytes`));
    } else {
      this.#chunks.push(chunk);
    }
  }

  onResponseEnd(): void {
    this.#resolve({
      status: this.status ?? 0,
      headers: this.#headers,
      bytes: this.#decoded(Buffer.concat(this.#chunks)),
    });
  }

  /** As they came where they are not what the header says, as behind proxies that leave it in place. */
  #decoded(bytes: Uint8Array): Uint8Array {
    const decode = DECODERS[this.#headers['content-encoding']?.trim().toLowerCase() ?? ''];
    try {
      return decode?.(bytes, { maxOutputLength: this.#maxBytes }) ?? bytes;
    } catch {
      return bytes;
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#reject(error);
  }
}

function flatten(headers: Received): Headers {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}
