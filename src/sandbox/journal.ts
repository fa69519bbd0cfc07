/** The journal: every accepted task as a line of JSON, written before its answer, so that a kill loses none. */

import { appendFileSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, truncateSync } from 'node:fs';
import { dirname } from 'node:path';
import { isJsonObject } from '../domain/json.ts';
import type { SandboxTask } from './task.ts';

/** A task's later line replaces its earlier one. `hide` removes a task from its key's history; the bill keeps it. */
export type JournalEntry =
  | { readonly type: 'task'; readonly task: SandboxTask }
  | { readonly type: 'hide'; readonly id: string };

export interface Journal {
  /** What was there when it was opened. */
  readonly entries: readonly JournalEntry[];
  /** On return the line is in the system's hands and outlives this process. */
  append(entry: JournalEntry): void;
  close(): void;
}

function isEntry(value: unknown): value is JournalEntry {
  if (!isJsonObject(value)) return false;
  const { type, task, id } = value;
  return type === 'hide'
    ? typeof id === 'string'
    : type === 'task' && isJsonObject(task) && typeof task['id'] === 'string';
}

function readEntry(line: string, number: number): JournalEntry {
  try {
    const value: unknown = JSON.parse(line);
    if (isEntry(value)) return value;
  } catch (cause) {
    throw new Error(`the sandbox journal is not JSON in line ${number}`, { cause });
  }
  throw new Error(`the sandbox journal has something else than a task in line ${number}`);
}

/** A line without its end was being written when the process died: its answer never left, so it is cut off. */
function readWholeLines(file: string): string[] {
  if (!existsSync(file)) return [];
  const bytes = readFileSync(file);
  const wholeBytes = bytes.lastIndexOf('\n') + 1;
  if (wholeBytes < bytes.length) truncateSync(file, wholeBytes);
  return bytes.toString('utf8', 0, wholeBytes).split('\n').slice(0, -1);
}

/** Opens or makes the journal at `file`. One process at a time. */
export function openJournal(file: string): Journal {
  mkdirSync(dirname(file), { recursive: true });
  const entries = readWholeLines(file).map((line, index) => readEntry(line, index + 1));
  const descriptor = openSync(file, 'a', 0o600);
  return {
    entries,
    append: (entry) => appendFileSync(descriptor, `${JSON.stringify(entry)}\n`),
    close: () => closeSync(descriptor),
  };
}
