/** `data:` URLs as answers: the file is decoded piece by piece, and never in memory a second time. */

import { Base64Decoder, MalformedVideoBody } from '../base64/decoder.ts';
import { type UntrustedAnswer, UnusableUrl } from './fetch.ts';
import type { LentBody, TakeChunk } from './lent-answer.ts';

const PIECE_CHARACTERS = 1024 * 1024;
const MOST_BYTES = 256 * 1024 * 1024;
/** Each part begins at its semicolon, so that a link without a comma is looked through once, however long it is. */
const HEADER = /^\s*data:([^,;]*)(?:;[^,;]*)*;\s*base64\s*,/i;

export function isDataUrl(url: string): boolean {
  return /^\s*data:/i.test(url);
}

/**
 * The file that stands in the URL itself, in base64; reading it throws `MalformedVideoBody` for what is none.
 * @throws UnusableUrl for any other encoding, and for more than 256 MiB.
 */
export function answerFromDataUrl(url: string): UntrustedAnswer {
  const [header, mediaType] = HEADER.exec(url) ?? [];
  if (header === undefined) throw new UnusableUrl('a data: link that is not base64 is not read');
  if ((url.length - header.length) * 0.75 > MOST_BYTES) throw new UnusableUrl('the data: link is larger than 256 MiB');
  const headers = { 'content-type': mediaType || 'text/plain' };
  return { status: 200, headers, body: new DataBody(url, header.length) };
}

class DataBody implements LentBody {
  readonly #url: string;
  readonly #start: number;
  #dropped: Error | null = null;

  constructor(url: string, start: number) {
    this.#url = url;
    this.#start = start;
  }

  async read(take: TakeChunk): Promise<void> {
    const decoder = new Base64Decoder();
    for (let at = this.#start; at < this.#url.length; ) {
      const end = pieceEnd(this.#url, at);
      await this.#hand(decoder.decode(readPiece(this.#url.slice(at, end)), 0).decoded, take);
      if (decoder.ended) throw new MalformedVideoBody('the base64 text holds a quote');
      at = end;
    }
    // The decoder reads the insides of a JSON text, which ends in a quote.
    await this.#hand(decoder.decode(Buffer.from('"'), 0).decoded, take);
  }

  drop(reason = new Error('the data were not wanted')): void {
    this.#dropped ??= reason;
  }

  async #hand(decoded: Uint8Array, take: TakeChunk): Promise<void> {
    if (this.#dropped !== null) throw this.#dropped;
    if (decoded.length > 0) await take(decoded);
  }
}

/** Where a piece that begins at `at` ends: before an escape that it would tear. */
function pieceEnd(url: string, at: number): number {
  const end = at + PIECE_CHARACTERS;
  if (end >= url.length) return url.length;
  const tornAt = url.slice(end - 2, end).indexOf('%');
  return tornAt === -1 ? end : end - 2 + tornAt;
}

/** The piece without its escapes and line breaks. */
function readPiece(piece: string): Buffer {
  const plain = piece.replace(/%([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  return Buffer.from(plain.replace(/\s+/g, ''), 'latin1');
}
