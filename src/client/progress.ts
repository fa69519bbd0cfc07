/** How what is watched is shown: drawn in place on a terminal, elsewhere a line for each change. */

import { colorsOf, type Stream } from './output.ts';

/** Follows one thing. */
export interface ProgressView<Seen> {
  update(seen: Seen): void;
  /** Leaves the last state on lines of its own. */
  close(): void;
}

/** How a thing looks. */
export interface Picture<Seen> {
  /** Its lines on a terminal; they are cut where they are longer than its rows. */
  draw(seen: Seen, colors: ReturnType<typeof colorsOf>): readonly string[];
  /** Its lines where there is none; those that were said the last time are not said again. */
  say(seen: Seen): readonly string[];
}

const BAR_CELLS = 24;

/** A bar of which this percentage is filled. */
export function drawBar(percent: number, color: (text: string) => string): string {
  const filled = Math.round((Math.min(Math.max(percent, 0), 100) / 100) * BAR_CELLS);
  return color('█'.repeat(filled)) + '░'.repeat(BAR_CELLS - filled);
}

const ERASE_BELOW = '\u001B[0J';
/** A line that wraps would be two, and the next drawing would begin too low. */
const NO_WRAP = '\u001B[?7l';
const WRAP = '\u001B[?7h';

class Drawing<Seen> implements ProgressView<Seen> {
  readonly #stream: Stream;
  readonly #picture: Picture<Seen>;
  #lines = 0;

  constructor(stream: Stream, picture: Picture<Seen>) {
    this.#stream = stream;
    this.#picture = picture;
  }

  update(seen: Seen): void {
    const lines = this.#picture.draw(seen, colorsOf(this.#stream));
    const up = this.#lines > 1 ? `\u001B[${this.#lines - 1}A` : '';
    this.#stream.write(`${up}\r${ERASE_BELOW}${NO_WRAP}${lines.join('\n')}${WRAP}`);
    this.#lines = lines.length;
  }

  close(): void {
    if (this.#lines > 0) this.#stream.write('\n');
  }
}

class ChangeLines<Seen> implements ProgressView<Seen> {
  readonly #stream: Stream;
  readonly #picture: Picture<Seen>;
  #last: readonly string[] = [];

  constructor(stream: Stream, picture: Picture<Seen>) {
    this.#stream = stream;
    this.#picture = picture;
  }

  update(seen: Seen): void {
    const lines = this.#picture.say(seen);
    for (const line of lines) if (!this.#last.includes(line)) this.#stream.write(`${line}\n`);
    this.#last = lines;
  }

  close(): void {}
}

export function openProgressView<Seen>(stream: Stream, picture: Picture<Seen>): ProgressView<Seen> {
  return stream.isTTY === true ? new Drawing(stream, picture) : new ChangeLines(stream, picture);
}
