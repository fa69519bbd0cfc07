/** A file that came with a form: dialects meet it where other bodies have a value. */

/** A class of its own, so that no JSON body can look like one. */
export class UploadedFile {
  readonly bytes: Uint8Array;
  readonly #sha256: string;

  /** `sha256` (hex) is that of the bytes. */
  constructor(bytes: Uint8Array, sha256: string) {
    this.bytes = bytes;
    this.#sha256 = sha256;
  }

  /** What stands for it where a body is printed or compared. */
  toJSON(): { readonly sha256: string } {
    return { sha256: this.#sha256 };
  }
}
