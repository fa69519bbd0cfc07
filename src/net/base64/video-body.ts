/** Reads a JSON body of any size that carries a clip as base64: the clip as a stream, the few words around it at the end. */

import { Base64Decoder, MalformedVideoBody } from './decoder.ts';

/** What came beside the clip. */
export interface VideoBodyRest {
  /** The whole body, with null in the place of the clip. */
  readonly body: unknown;
  /** Of the decoded clip; null where the body carries none. */
  readonly sizeBytes: number | null;
}

/** One other text, as it is encoded; an echoed prompt fits. */
const MAX_TEXT_BYTES = 64 * 1024;
/** Everything but the clip. */
const MAX_REST_BYTES = 256 * 1024;
/** Decoded pieces are about three quarters of this, however large the pieces of the body are. */
const SLICE_BYTES = 64 * 1024;

/**
 * Yields the bytes of the first text at `data[n].b64_json`, and returns what is around it. Holds no more than a slice
 * of the clip, so the reader that writes the pieces somewhere decides the speed.
 * @throws MalformedVideoBody when the body is no JSON, breaks off, or is too large beside the clip: what was yielded
 *   before is then no clip. Errors of the body's own stream pass through.
 */
export async function* readVideoBody(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, VideoBodyRest, void> {
  const scanner = new VideoBodyScanner();
  for await (const chunk of body) {
    for (let start = 0; start < chunk.length; start += SLICE_BYTES) {
      const decoded = scanner.push(chunk.subarray(start, start + SLICE_BYTES));
      if (decoded !== undefined && decoded.length > 0) yield decoded;
    }
  }
  return scanner.finish();
}

/** An open object or array; `key` is the one whose value is being read. */
interface Container {
  readonly isObject: boolean;
  key: unknown;
  awaitsKey: boolean;
}

const code = (character: string) => character.charCodeAt(0);
const QUOTE = code('"');
const BACKSLASH = code('\\');
const WHITESPACE = new Set([...' \t\n\r'].map(code));
const NULL = new TextEncoder().encode('null');

/**
 * Finds where the clip begins and keeps everything else. It only follows strings and nesting: whether the rest is JSON
 * at all is left to `JSON.parse`, which reads it at the end with null in the clip's place.
 */
class VideoBodyScanner {
  readonly #rest = new Uint8Array(MAX_REST_BYTES);
  #restSize = 0;
  readonly #open: Container[] = [];
  /** Where the string that is being read begins in the rest; undefined outside of strings. */
  #textStart: number | undefined;
  #afterBackslash = false;
  #clip: Base64Decoder | undefined;

  /** The decoded bytes in a piece of the body; undefined where it has none. */
  push(bytes: Uint8Array): Uint8Array | undefined {
    let decoded: Uint8Array | undefined;
    for (let at = 0; at < bytes.length; ) {
      if (this.#clip !== undefined && !this.#clip.ended) {
        // There is one clip at most, so nothing that was decoded before is replaced here.
        const read = this.#clip.decode(bytes, at);
        decoded = read.decoded;
        at = read.next;
      } else {
        this.#take(bytes[at] ?? 0);
        at += 1;
      }
    }
    return decoded;
  }

  finish(): VideoBodyRest {
    const bytes = this.#rest.subarray(0, this.#restSize);
    return { body: parse(bytes), sizeBytes: this.#clip?.sizeBytes ?? null };
  }

  #take(byte: number): void {
    if (this.#textStart !== undefined) this.#takeInText(byte, this.#textStart);
    else if (WHITESPACE.has(byte)) this.#takeWhitespace();
    else if (byte === QUOTE) this.#beginText();
    else this.#takeMark(byte);
  }

  #takeInText(byte: number, textStart: number): void {
    this.#keep(byte);
    if (this.#restSize - textStart > MAX_TEXT_BYTES) {
      throw new MalformedVideoBody(`a text beside the clip is longer than ${MAX_TEXT_BYTES} bytes`);
    }
    if (this.#afterBackslash) this.#afterBackslash = false;
    else if (byte === BACKSLASH) this.#afterBackslash = true;
    else if (byte === QUOTE) this.#endText(textStart);
  }

  #beginText(): void {
    if (this.#clip === undefined && this.#isAtClip()) {
      this.#clip = new Base64Decoder();
      for (const byte of NULL) this.#keep(byte);
    } else {
      this.#textStart = this.#restSize;
      this.#keep(QUOTE);
    }
  }

  #endText(textStart: number): void {
    this.#textStart = undefined;
    const container = this.#open.at(-1);
    if (container?.awaitsKey) container.key = parse(this.#rest.subarray(textStart, this.#restSize));
  }

  /** A server that is at work may send blanks to keep the connection: any number of them is kept as one. */
  #takeWhitespace(): void {
    const last = this.#rest[this.#restSize - 1];
    if (this.#restSize > 0 && last !== code(' ')) this.#keep(code(' '));
  }

  #takeMark(byte: number): void {
    this.#keep(byte);
    const container = this.#open.at(-1);
    switch (String.fromCharCode(byte)) {
      case '{':
        this.#open.push({ isObject: true, key: undefined, awaitsKey: true });
        break;
      case '[':
        this.#open.push({ isObject: false, key: undefined, awaitsKey: false });
        break;
      case '}':
      case ']':
        this.#open.pop();
        break;
      case ':':
        if (container) container.awaitsKey = false;
        break;
      case ',':
        if (container) container.awaitsKey = container.isObject;
        break;
    }
  }

  /** A4-09, A4-10: the value of `b64_json` in an entry of the root's `data`. */
  #isAtClip(): boolean {
    const [root, data, entry, ...deeper] = this.#open;
    const isValue = entry?.isObject === true && !entry.awaitsKey && entry.key === 'b64_json';
    return isValue && deeper.length === 0 && data?.isObject === false && root?.key === 'data';
  }

  #keep(byte: number): void {
    if (this.#restSize === MAX_REST_BYTES) {
      throw new MalformedVideoBody(`there are more than ${MAX_REST_BYTES} bytes beside the clip`);
    }
    this.#rest[this.#restSize] = byte;
    this.#restSize += 1;
  }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new MalformedVideoBody('the body is not JSON, or breaks off');
  }
}
