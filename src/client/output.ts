/** What commands print: one JSON value, or tables and lines for people. */

import Table from 'cli-table3';
import picocolors from 'picocolors';
import { dollarsOf } from '../domain/money.ts';

/** A stream, as far as it is written to here. */
export type Stream = Pick<NodeJS.WriteStream, 'write'> & { readonly isTTY?: boolean };

/** Where a command prints to. */
export interface Output {
  readonly isJson: boolean;
  /** Where progress and all else that is no answer goes, so that JSON has standard output for itself. */
  readonly notes: Stream;
  /** Prints an answer: as the gateway wrote it, or as text that is made only when it is wanted. */
  show(answer: unknown, asText: () => string): void;
}

export function openOutput(isJson: boolean): Output {
  return {
    isJson,
    notes: isJson ? process.stderr : process.stdout,
    show(answer, asText) {
      process.stdout.write(`${isJson ? JSON.stringify(answer, null, 2) : asText()}\n`);
    },
  };
}

/** Colours for a stream that shows them. */
export function colorsOf(stream: Pick<Stream, 'isTTY'>) {
  return picocolors.createColors(picocolors.isColorSupported && stream.isTTY === true);
}

const UNPRINTABLE = /[\p{Cc}\p{Cf}\u2028\u2029]+/gu;

/** Text of others on one line: what it holds must not move a terminal's cursor or change its colours. */
export function oneLine(text: string): string {
  return text.replace(UNPRINTABLE, ' ');
}

/** The beginning of a text, in as many characters. */
export function shorten(text: string, length: number): string {
  const characters = [...oneLine(text)];
  return characters.length <= length ? characters.join('') : `${characters.slice(0, length - 1).join('')}…`;
}

export type Cell = string | number | null | undefined;

function cellText(cell: Cell): string {
  return cell === null || cell === undefined || cell === '' ? '-' : oneLine(String(cell));
}

const BARE = {
  chars: {
    top: '',
    'top-mid': '',
    'top-left': '',
    'top-right': '',
    bottom: '',
    'bottom-mid': '',
    'bottom-left': '',
    'bottom-right': '',
    left: '',
    'left-mid': '',
    mid: '',
    'mid-mid': '',
    right: '',
    'right-mid': '',
    middle: '  ',
  },
  style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
};

function aligned(rows: readonly (readonly string[])[]): string {
  const table = new Table(BARE);
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Columns under their heads; without rows, words that say so. */
export function renderTable(head: readonly string[], rows: readonly (readonly Cell[])[], none: string): string {
  if (rows.length === 0) return none;
  const [first = '', ...others] = aligned([head, ...rows.map((row) => row.map(cellText))]).split('\n');
  return [colorsOf(process.stdout).bold(first), ...others].join('\n');
}

/** One thing, a line for each of its facts; absent ones are left out. */
export function renderFacts(facts: Readonly<Record<string, Cell>>): string {
  const known = Object.entries(facts).filter(([, cell]) => cell !== null && cell !== undefined && cell !== '');
  return aligned(known.map(([name, cell]) => [name, cellText(cell)]));
}

/** Micro-dollars as dollars; null where there is no amount. */
export function dollars(amountMicroUsd: number | null | undefined): string | null {
  return amountMicroUsd === null || amountMicroUsd === undefined ? null : dollarsOf(amountMicroUsd);
}

/** An ISO time to the second. */
export function instant(iso: string | null | undefined): string | null {
  return iso ? iso.replace('T', ' ').replace(/\.\d+Z$/, 'Z') : null;
}

/** `3 h 5 min`, `12 min`, `40 s`: a time to come, as exact as it is worth; one that has passed is `0 s`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
