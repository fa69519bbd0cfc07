/** Decodes one base64 text inside a JSON string, byte by byte, in any pieces. */

/** A body that is not what was announced; where it fails, all that was decoded before is void. */
export class MalformedVideoBody extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = 'MalformedVideoBody';
  }
}

// Classes of bytes: below 64 a sextet, above it what else may stand in the string.
const SKIP = 64;
const PAD = 65;
const QUOTE = 66;
const BACKSLASH = 67;
const INVALID = 68;

const CLASSES = new Uint8Array(256).fill(INVALID);
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
for (const [sextet, character] of [...ALPHABET].entries()) CLASSES[character.charCodeAt(0)] = sextet;
// Some encoders write the alphabet of URLs.
CLASSES['-'.charCodeAt(0)] = 62;
CLASSES['_'.charCodeAt(0)] = 63;
CLASSES[' '.charCodeAt(0)] = SKIP;
CLASSES['='.charCodeAt(0)] = PAD;
CLASSES['"'.charCodeAt(0)] = QUOTE;
CLASSES['\\'.charCodeAt(0)] = BACKSLASH;

/** What may follow a backslash here: `\/`, and line breaks, which many encoders put in. */
const ESCAPES: ReadonlyMap<string, number> = new Map([
  ['/', 63],
  ['n', SKIP],
  ['r', SKIP],
  ['t', SKIP],
]);
const LINE_BREAKS = '\t\n\r';
const HEX_DIGIT = /^[0-9a-fA-F]$/;
const UNICODE_DIGITS = 4;

/** To be fed from the byte after the opening quote on, until it has ended. */
export class Base64Decoder {
  /** True once the closing quote has been read. */
  ended = false;
  /** Bytes decoded so far. */
  sizeBytes = 0;
  /** The sextets of the group that is being read, and how many they are. */
  #bits = 0;
  #sextets = 0;
  #pads = 0;
  /** What has been read of an escape sequence, without its backslash; undefined outside of one. */
  #escape: string | undefined;

  /**
   * Decodes `bytes` from `start` on, up to their end or the closing quote, and says where it stopped.
   * @throws MalformedVideoBody for what is no base64.
   */
  decode(bytes: Uint8Array, start: number): { readonly decoded: Uint8Array; readonly next: number } {
    // A group that was begun before can end here, so there may be up to two bytes more.
    const decoded = new Uint8Array(Math.ceil(((bytes.length - start) * 3) / 4) + 3);
    let size = 0;
    let at = start;
    while (at < bytes.length && !this.ended) {
      const byte = bytes[at] ?? 0;
      at += 1;
      const kind = this.#escape === undefined ? (CLASSES[byte] ?? INVALID) : this.#unescape(byte);
      if (kind >= SKIP) {
        size = this.#takeOther(kind, decoded, size);
      } else if (this.#takeSextet(kind)) {
        decoded[size] = this.#bits >> 16;
        decoded[size + 1] = this.#bits >> 8;
        decoded[size + 2] = this.#bits;
        size += 3;
      }
    }
    this.sizeBytes += size;
    return { decoded: decoded.subarray(0, size), next: at };
  }

  /** True when the sextet completes a group of four. */
  #takeSextet(sextet: number): boolean {
    if (this.#pads > 0) throw new MalformedVideoBody('the base64 text goes on after its padding');
    // The group that was complete needs no clearing: only the lowest 24 bits are ever read.
    this.#bits = (this.#bits << 6) | sextet;
    this.#sextets = (this.#sextets + 1) & 3;
    return this.#sextets === 0;
  }

  #takeOther(kind: number, decoded: Uint8Array, size: number): number {
    switch (kind) {
      case SKIP:
        return size;
      case PAD:
        this.#pads += 1;
        return size;
      case BACKSLASH:
        this.#escape = '';
        return size;
      case QUOTE:
        this.ended = true;
        return this.#finish(decoded, size);
      default:
        throw new MalformedVideoBody('the base64 text holds a character that is none of base64');
    }
  }

  /** The last group: its bytes, if it has fewer than four sextets; padding may be missing, but not be wrong. */
  #finish(decoded: Uint8Array, size: number): number {
    const missing = (4 - this.#sextets) & 3;
    if (missing === 3 || (this.#pads > 0 && this.#pads !== missing)) {
      throw new MalformedVideoBody('the base64 text ends in the middle of a byte');
    }
    if (missing === 0) return size;
    const bits = this.#bits << (missing * 6);
    decoded[size] = bits >> 16;
    if (missing === 1) decoded[size + 1] = bits >> 8;
    return size + (missing === 1 ? 2 : 1);
  }

  /** The class that an escape sequence stands for, `SKIP` while it is not complete. */
  #unescape(byte: number): number {
    const character = String.fromCharCode(byte);
    const sequence = (this.#escape ?? '') + character;
    const isUnicode = sequence.startsWith('u') && (sequence === 'u' || HEX_DIGIT.test(character));
    if (isUnicode && sequence.length <= UNICODE_DIGITS) {
      this.#escape = sequence;
      return SKIP;
    }
    this.#escape = undefined;
    return isUnicode ? classOf(Number.parseInt(sequence.slice(1), 16)) : (ESCAPES.get(sequence) ?? INVALID);
  }
}

/** Of a character that was written as `\uXXXX`; an escaped quote ends nothing. */
function classOf(code: number): number {
  if (LINE_BREAKS.includes(String.fromCharCode(code))) return SKIP;
  const kind = CLASSES[code] ?? INVALID;
  return kind === QUOTE || kind === BACKSLASH ? INVALID : kind;
}
