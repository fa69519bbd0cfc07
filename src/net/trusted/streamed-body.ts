/** A request body that is too large to be held: opened when it is sent, and again when it is sent again. */

import type { Readable } from 'node:stream';

/** Bytes to send as they come. */
export class StreamedBody {
  readonly contentType: string;
  /** As many as there are, or about as many. */
  readonly sizeBytes: number;
  readonly #open: () => Readable;

  constructor(contentType: string, sizeBytes: number, open: () => Readable) {
    this.contentType = contentType;
    this.sizeBytes = sizeBytes;
    this.#open = open;
  }

  open(): Readable {
    return this.#open();
  }
}
