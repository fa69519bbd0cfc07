/** How the demo is watched: a live table on a terminal, a line for each change elsewhere, and the table at the end. */

import Table from 'cli-table3';
import colors from 'picocolors';
import type { DemoClip } from './clip.ts';

const BAR_CELLS = 20;
const PROMPT_CELLS = 36;
const REDRAW_MS = 200;

const STATE_COLORS: Readonly<Partial<Record<DemoClip['state'], (text: string) => string>>> = {
  completed: colors.green,
  failed: colors.red,
  cancelled: colors.red,
  expired: colors.red,
  refused: colors.red,
  generating: colors.cyan,
  archiving: colors.magenta,
};

function paint(state: DemoClip['state'], text: string): string {
  return STATE_COLORS[state]?.(text) ?? colors.dim(text);
}

function shorten(text: string, cells: number): string {
  return text.length <= cells ? text.padEnd(cells) : `${text.slice(0, cells - 1)}…`;
}

function row({ prompt, model, state, progress }: DemoClip): string {
  const filled = Math.round((progress / 100) * BAR_CELLS);
  const bar = '█'.repeat(filled) + '░'.repeat(BAR_CELLS - filled);
  return `${shorten(prompt, PROMPT_CELLS)} ${shorten(model, 12)} ${paint(state, shorten(state, 11))} ${bar} ${progress} %`;
}

/** Follows all clips of a demo. */
export interface DemoView {
  update(index: number, clip: DemoClip): void;
  close(): void;
}

/** A terminal is redrawn in place; rows that do not fit it are counted in one line. */
class LiveTable implements DemoView {
  readonly #stream: NodeJS.WriteStream;
  readonly #clips: DemoClip[];
  readonly #timer: NodeJS.Timeout;
  #drawnLines = 0;

  constructor(stream: NodeJS.WriteStream, clips: readonly DemoClip[]) {
    this.#stream = stream;
    this.#clips = [...clips];
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
  }

  update(index: number, clip: DemoClip): void {
    this.#clips[index] = clip;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#draw();
  }

  #draw(): void {
    const room = Math.max(3, (this.#stream.rows ?? 24) - 3);
    const isOpen = ({ endedAtMs, state }: DemoClip) => endedAtMs === null && state !== 'refused';
    // What still moves is worth the room.
    const shown = this.#clips.length <= room ? this.#clips : this.#clips.filter(isOpen).slice(0, room);
    const done = this.#clips.filter((clip) => !isOpen(clip)).length;
    const lines = [...shown.map(row), colors.dim(`${done} of ${this.#clips.length} ended`)];
    const up = this.#drawnLines > 0 ? `\u001B[${this.#drawnLines}A\u001B[0J` : '';
    this.#stream.write(`${up}${lines.join('\n')}\n`);
    this.#drawnLines = lines.length;
  }
}

class ChangeLines implements DemoView {
  readonly #print: (line: string) => void;
  readonly #states: DemoClip['state'][];

  constructor(print: (line: string) => void, clips: readonly DemoClip[]) {
    this.#print = print;
    this.#states = clips.map(({ state }) => state);
  }

  update(index: number, clip: DemoClip): void {
    if (this.#states[index] === clip.state) return;
    this.#states[index] = clip.state;
    this.#print(`clip ${index + 1}/${this.#states.length} ${clip.state}${clip.problem ? `: ${clip.problem}` : ''}`);
  }

  close(): void {}
}

export function openDemoView(stream: NodeJS.WriteStream, clips: readonly DemoClip[]): DemoView {
  return stream.isTTY ? new LiveTable(stream, clips) : new ChangeLines((line) => stream.write(`${line}\n`), clips);
}

function dollars(microUsd: number): string {
  return `$${(microUsd / 1_000_000).toFixed(2)}`;
}

/** The files of the demo, a row each. */
export function renderResults(clips: readonly DemoClip[], isTerminal: boolean): string {
  const table = new Table({
    head: ['clip', 'state', 'seconds', 'KiB', 'cost', 'file'],
    // Colours of its own would end up in files and pipes.
    style: { head: isTerminal ? ['bold'] : [], border: isTerminal ? ['dim'] : [] },
  });
  for (const clip of clips) {
    table.push([
      shorten(clip.prompt, PROMPT_CELLS).trimEnd(),
      clip.isVerified ? `${clip.state}, verified` : clip.state,
      clip.durationMs === null ? '-' : (clip.durationMs / 1000).toFixed(1),
      clip.sizeBytes === null ? '-' : Math.round(clip.sizeBytes / 1024).toString(),
      clip.costMicroUsd === null ? '-' : dollars(clip.costMicroUsd),
      clip.file ?? clip.problem ?? '-',
    ]);
  }
  return table.toString();
}

export function renderTotal(clips: readonly DemoClip[], makespanMs: number): string {
  const verified = clips.filter(({ isVerified }) => isVerified).length;
  const costMicroUsd = clips.reduce((sum, clip) => sum + (clip.costMicroUsd ?? 0), 0);
  const seconds = (makespanMs / 1000).toFixed(1);
  return `${verified} of ${clips.length} clips archived and verified in ${seconds} s, cost ${dollars(costMicroUsd)}`;
}
