/** The keys under which what Temporal keeps is encrypted. */

/** A key of 32 bytes; its id stands beside what it encrypts. */
export interface EncryptionKey {
  readonly id: string;
  readonly key: Buffer;
}
