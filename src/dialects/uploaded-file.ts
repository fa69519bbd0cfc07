/** A file that came with a form: dialects meet it where other bodies have a value. */

import { createHash } from 'node:crypto';

/** A class of its own, so that no JSON body can look like one. */
export class UploadedFile {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** What stands for it in a body's fingerprint. */
  toJSON(): { readonly sha256: string } {
    return { sha256: createHash('sha256').update(this.bytes).digest('hex') };
  }
}
