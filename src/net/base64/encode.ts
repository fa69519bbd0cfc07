/** Bytes as base64. */

/** Without a copy of the bytes: images have millions of them. */
export function base64Of({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}
