/** All tasks the sandbox has accepted, by id and by key, kept in the journal. */

import { createHash } from 'node:crypto';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts';
import type { Conditions } from './conditions.ts';
import { TASK_FAULT_KINDS, type TaskFault } from './fault-kinds.ts';
import type { Journal } from './journal.ts';
import { endsAtMs, type SandboxTask, type TaskChanges, type TaskOwner } from './task.ts';

/** What a face knows of a task before it is accepted. */
export type TaskDraft = Omit<SandboxTask, 'createdAtMs' | 'generationMs' | 'faults' | 'cancelledAtMs' | 'isPurged'>;

const BASE_GENERATION_MS = 4000;
const GENERATION_MS_PER_CLIP_SECOND = 500;
/** Longer texts than this (base64 images) stand in the record as their hash, so that bill and journal stay readable. */
const LONGEST_RECORDED_TEXT = 256 * 1024;

export class TaskStore {
  readonly #journal: Journal | null;
  readonly #conditions: Conditions;
  /** In order of acceptance. */
  readonly #tasks = new Map<string, SandboxTask>();
  readonly #hidden = new Set<string>();

  /** Without a journal the tasks live as long as the process. */
  constructor(journal: Journal | null, conditions: Conditions) {
    this.#journal = journal;
    this.#conditions = conditions;
    for (const entry of journal?.entries ?? []) {
      if (entry.type === 'task') this.#tasks.set(entry.task.id, entry.task);
      else this.#hidden.add(entry.id);
    }
  }

  /** Makes the task, now or `delayMs` from now; it is in the journal when this returns. */
  accept(draft: TaskDraft, delayMs = 0): SandboxTask {
    const faults = this.#drawFaults(draft);
    const slow = faults.find(({ kind }) => kind === 'slow');
    const factor = slow?.kind === 'slow' ? slow.factor : 1;
    const generationMs = BASE_GENERATION_MS + GENERATION_MS_PER_CLIP_SECOND * draft.seconds;
    const task: SandboxTask = {
      ...draft,
      request: recordedRequest(draft.request),
      createdAtMs: Date.now() + delayMs,
      generationMs: Math.max(1, Math.round((generationMs / this.#conditions.speed) * factor)),
      faults,
    };
    this.#record(task);
    return task;
  }

  /** Cancels, purges or moves a task; like its acceptance this outlives the process. */
  change(task: SandboxTask, changes: Partial<TaskChanges>): SandboxTask {
    const changed = { ...task, ...changes };
    this.#record(changed);
    return changed;
  }

  #record(task: SandboxTask): void {
    this.#journal?.append({ type: 'task', task });
    this.#tasks.set(task.id, task);
  }

  #drawFaults({ key, model }: TaskDraft): TaskFault[] {
    return TASK_FAULT_KINDS.flatMap((kind) => this.#conditions.draw(kind, { key, model }) ?? []);
  }

  /** Every task that exists at this moment, oldest first, hidden ones included. */
  all(nowMs: number): SandboxTask[] {
    return [...this.#tasks.values()].filter((task) => task.createdAtMs <= nowMs);
  }

  /** The task with this id, whosever it is. */
  get(id: string, nowMs: number): SandboxTask | null {
    const task = this.#tasks.get(id);
    return task && task.createdAtMs <= nowMs ? task : null;
  }

  /** The task with this id if it is in the owner's history. */
  find(id: string, owner: TaskOwner, nowMs: number): SandboxTask | null {
    const task = this.get(id, nowMs);
    return task && isOwn(task, owner) && !this.#hidden.has(id) ? task : null;
  }

  /** The owner's history, newest first, the later accepted before the earlier of the same moment. */
  history(owner: TaskOwner, nowMs: number): SandboxTask[] {
    return this.all(nowMs)
      .filter((task) => isOwn(task, owner) && !this.#hidden.has(task.id))
      .reverse()
      .sort((a, b) => b.createdAtMs - a.createdAtMs);
  }

  /** The owner's first task that passes, ended or not; those yet to be recorded count too. */
  findAccepted(owner: TaskOwner, passes: (task: SandboxTask) => boolean): SandboxTask | null {
    return [...this.#tasks.values()].find((task) => isOwn(task, owner) && passes(task)) ?? null;
  }

  /** The key's tasks, at any face, that have not ended; those yet to be recorded count, for they were accepted. */
  unended(key: string, nowMs: number): SandboxTask[] {
    return [...this.#tasks.values()].filter((task) => task.key === key && endsAtMs(task) > nowMs);
  }

  hide(id: string): void {
    if (this.#hidden.has(id)) return;
    this.#journal?.append({ type: 'hide', id });
    this.#hidden.add(id);
  }

  close(): void {
    this.#journal?.close();
  }
}

function isOwn(task: SandboxTask, { key, provider }: TaskOwner): boolean {
  return task.key === key && task.provider === provider;
}

/** A request as the record has it. */
export function recordedRequest(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shortenText(inner)]));
}

function shortenText(value: Json): Json {
  if (typeof value === 'string' && value.length > LONGEST_RECORDED_TEXT) {
    return `sha256:${createHash('sha256').update(value).digest('hex')} of ${value.length} characters`;
  }
  if (Array.isArray(value)) return value.map((inner: Json) => shortenText(inner));
  return isJsonObject(value) ? recordedRequest(value) : value;
}
