/** What kind of image bytes are, told from their first bytes: what a caller says of them is not believed. */

const SIGNATURES: readonly { readonly mediaType: string; readonly at: number; readonly bytes: string }[] = [
  { mediaType: 'image/png', at: 0, bytes: '\x89PNG\r\n\x1a\n' },
  { mediaType: 'image/jpeg', at: 0, bytes: '\xff\xd8\xff' },
  { mediaType: 'image/gif', at: 0, bytes: 'GIF87a' },
  { mediaType: 'image/gif', at: 0, bytes: 'GIF89a' },
  // The four bytes before are RIFF's length; `RIFF` alone could be audio.
  { mediaType: 'image/webp', at: 8, bytes: 'WEBP' },
];

/** The media type of PNG, JPEG, GIF or WebP bytes; null for anything else. */
export function imageTypeOf(bytes: Uint8Array): string | null {
  const head = String.fromCharCode(...bytes.subarray(0, 16));
  const found = SIGNATURES.find((signature) => head.startsWith(signature.bytes, signature.at));
  if (found?.mediaType === 'image/webp' && !head.startsWith('RIFF')) return null;
  return found?.mediaType ?? null;
}
