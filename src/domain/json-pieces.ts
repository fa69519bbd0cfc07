/** JSON written in pieces: a value with images in it takes tens of milliseconds as one text. */

/** Characters; a text of more is written in parts of so many. */
const PIECE_LENGTH = 512 * 1024;
/** With its number it stands for a text that is written later: one that is long, or holds it. */
const MARK = '\0';
/** Where one stands; what is followed by a colon is a key. */
const MARKED = /"\\u0000(\d+)"(?!:)/;

const isHighSurrogate = (text: string, at: number) => (text.charCodeAt(at) & 0xfc00) === 0xd800;

/** What stands between the quotes of a text. */
function* written(text: string): Generator<string> {
  for (let from = 0, to = 0; from < text.length; from = to) {
    to = from + PIECE_LENGTH;
    if (isHighSurrogate(text, to - 1)) to += 1;
    yield JSON.stringify(text.slice(from, to)).slice(1, -1);
  }
}

/** `JSON.stringify(value)`, with `prepare` called for each value in it, as pieces that make one text; nothing for undefined. */
export function* jsonPieces(value: unknown, prepare = (part: unknown) => part): Generator<string> {
  const later: string[] = [];
  const short = JSON.stringify(value, (_key, part: unknown) => {
    const prepared = prepare(part);
    const isLater = typeof prepared === 'string' && (prepared.length > PIECE_LENGTH || prepared.includes(MARK));
    return isLater ? `${MARK}${later.push(prepared) - 1}` : prepared;
  });
  for (const [index, piece] of (short ?? '').split(MARKED).entries()) {
    // What the pattern holds stands at each second place.
    if (index % 2 === 0) {
      yield piece;
      continue;
    }
    yield '"';
    yield* written(later[Number(piece)] ?? '');
    yield '"';
  }
}
