/** How a watched video is shown: a bar that moves on a terminal, elsewhere a line for each change. */

import { isEnded } from '../domain/video.ts';
import { colorsOf, type Stream } from './output.ts';
import { describeState, type Snapshot } from './video-answers.ts';

/** Follows one video. */
export interface ProgressView {
  update(snapshot: Snapshot): void;
  /** Leaves the last state on a line of its own. */
  close(): void;
}

const BAR_CELLS = 24;
const START_OF_LINE = '\r\u001B[2K';

class ProgressBar implements ProgressView {
  readonly #stream: Stream;
  #isDrawn = false;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  update(snapshot: Snapshot): void {
    const { state, progress } = snapshot;
    const percent = state === 'completed' ? 100 : progress;
    const filled = Math.round((Math.min(Math.max(percent, 0), 100) / 100) * BAR_CELLS);
    const { cyan, green, red } = colorsOf(this.#stream);
    const endColor = state === 'completed' ? green : red;
    const color = isEnded(state) ? endColor : cyan;
    const bar = color('█'.repeat(filled)) + '░'.repeat(BAR_CELLS - filled);
    this.#stream.write(`${START_OF_LINE}${bar} ${describeState(snapshot)}`);
    this.#isDrawn = true;
  }

  close(): void {
    if (this.#isDrawn) this.#stream.write('\n');
  }
}

class ChangeLines implements ProgressView {
  readonly #stream: Stream;
  #last = '';

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  update(snapshot: Snapshot): void {
    const line = describeState(snapshot);
    if (line === this.#last) return;
    this.#last = line;
    this.#stream.write(`${line}\n`);
  }

  close(): void {}
}

export function openProgressView(stream: Stream): ProgressView {
  return stream.isTTY === true ? new ProgressBar(stream) : new ChangeLines(stream);
}
