/** A task of the sandbox: the record of what was accepted, and its state as a pure function of record and time. */

import type { JsonObject } from '../domain/json.ts';
import type { TaskFault } from './fault-kinds.ts';

/** To whom a task belongs: each API has its own accounts, so a key sees at one face only what it made there. */
export interface TaskOwner {
  /** The credential it was made with. */
  readonly key: string;
  /** The documented API it was made through, by the name of its face. */
  readonly provider: string;
}

/** What can happen to a task after it was accepted. */
export interface TaskChanges {
  /** Lies ahead for a task that is recorded late: until then it does not exist. */
  readonly createdAtMs: number;
  /** From creation to the death of task and result. */
  readonly lifetimeMs: number;
  /** Absent where it was not cancelled. */
  readonly cancelledAtMs?: number;
  /** True once the result was deleted before its time. */
  readonly isPurged?: boolean;
}

/** What was accepted, and what its owner did to it since; everything else follows from it and the clock. */
export interface SandboxTask extends TaskOwner, TaskChanges {
  readonly id: string;
  readonly model: string;
  /** The body as received. */
  readonly request: JsonObject;
  readonly prompt: string;
  readonly seed: string | null;
  readonly seconds: number;
  readonly aspectRatio: string;
  readonly quality: string;
  readonly estimateMicroUsd: number;
  readonly generationMs: number;
  readonly faults: readonly TaskFault[];
}

export type SandboxState = 'queued' | 'processing' | 'completed' | 'failed' | 'cancelled' | 'expired';

/** What a task looks like at one moment. */
export interface TaskLook {
  readonly state: SandboxState;
  /** Stands in for the state's word where a fault asks for an unknown one. */
  readonly strangeWord: string | null;
  /** 0 to 100; never falls. */
  readonly progress: number;
  /** The estimate while it runs, the bill at its end; nothing for any end but completion (AF-48). */
  readonly costMicroUsd: number;
  readonly error: string | null;
}

const QUEUED_SHARE = 0.05;
/** Where in its generation a task that is to fail does so. */
const FAILS_AT_SHARE = 0.6;

/** The fault of this kind that the task carries. */
export function faultOf<K extends TaskFault['kind']>(task: SandboxTask, kind: K) {
  return task.faults.find((fault): fault is Extract<TaskFault, { kind: K }> => fault.kind === kind) ?? null;
}

export function expiresAtMs(task: SandboxTask): number {
  return task.createdAtMs + task.lifetimeMs;
}

/** When the task would end if it were not cancelled. */
function endsByItselfAtMs(task: SandboxTask): number {
  if (faultOf(task, 'stuck_progress')) return expiresAtMs(task);
  const share = faultOf(task, 'failed_task') ? FAILS_AT_SHARE : 1;
  return Math.min(task.createdAtMs + task.generationMs * share, expiresAtMs(task));
}

/** When the task ends, and with it its share of the key's concurrency. */
export function endsAtMs(task: SandboxTask): number {
  return Math.min(endsByItselfAtMs(task), task.cancelledAtMs ?? Number.POSITIVE_INFINITY);
}

function endState(task: SandboxTask): SandboxState {
  if (task.cancelledAtMs !== undefined && task.cancelledAtMs < endsByItselfAtMs(task)) return 'cancelled';
  if (endsAtMs(task) === expiresAtMs(task)) return 'expired';
  return faultOf(task, 'failed_task') ? 'failed' : 'completed';
}

/** Uneven as real ones are, but never falling: the wave's slope stays below the line's. */
function generationProgress(task: SandboxTask, elapsedMs: number): number {
  const share = Math.min(1, (elapsedMs / task.generationMs - QUEUED_SHARE) / (1 - QUEUED_SHARE));
  const uneven = share + 0.02 * Math.sin(share * 6 * Math.PI);
  const ceiling = faultOf(task, 'stuck_progress')?.atProgress ?? 99;
  return Math.max(0, Math.min(Math.floor(uneven * 100), ceiling));
}

function lookAtEnd(task: SandboxTask): TaskLook {
  const state = endState(task);
  const billed = Math.round(task.estimateMicroUsd * (faultOf(task, 'overbilled')?.factor ?? 1));
  return {
    state,
    strangeWord: null,
    progress: state === 'completed' ? 100 : generationProgress(task, endsAtMs(task) - task.createdAtMs),
    costMicroUsd: state === 'completed' ? billed : 0,
    error: state === 'failed' ? (faultOf(task, 'failed_task')?.message ?? null) : null,
  };
}

/** The task's state at a moment. */
export function lookAt(task: SandboxTask, nowMs: number): TaskLook {
  if (nowMs >= endsAtMs(task)) return lookAtEnd(task);
  const elapsedMs = nowMs - task.createdAtMs;
  const strange = elapsedMs < task.generationMs / 2 ? faultOf(task, 'unknown_status') : null;
  return {
    state: elapsedMs < task.generationMs * QUEUED_SHARE ? 'queued' : 'processing',
    strangeWord: strange?.word ?? null,
    progress: generationProgress(task, elapsedMs),
    costMicroUsd: task.estimateMicroUsd,
    error: null,
  };
}

/** Whether polling the task still answers 404 although it was accepted. */
export function isMissingYet(task: SandboxTask, nowMs: number): boolean {
  return nowMs < task.createdAtMs + (faultOf(task, 'missing_at_first')?.forMs ?? 0);
}
