/** Request bodies that are not JSON: encoded beforehand, so that their length is known and nothing streams. */

/** Bytes to send as they are. */
export class EncodedBody {
  readonly contentType: string;
  readonly bytes: Uint8Array;

  constructor(contentType: string, bytes: Uint8Array) {
    this.contentType = contentType;
    this.bytes = bytes;
  }
}

export interface FilePart {
  readonly field: string;
  readonly filename: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** A `multipart/form-data` body of texts and perhaps one file, the file last. */
export async function encodeMultipart(
  texts: readonly (readonly [name: string, value: string])[],
  file?: FilePart,
): Promise<EncodedBody> {
  const form = new FormData();
  for (const [name, value] of texts) form.append(name, value);
  if (file) form.append(file.field, new Blob([Buffer.from(file.bytes)], { type: file.mediaType }), file.filename);
  const encoded = new Response(form);
  // The content type carries the boundary, which is made while encoding.
  return new EncodedBody(encoded.headers.get('content-type') ?? '', new Uint8Array(await encoded.arrayBuffer()));
}
