/** A caller: who holds one of our API keys, with its limits. */

import type { DialectName } from './vendor.ts';

/** A caller as authentication found it. */
export interface Caller {
  readonly id: string;
  readonly name: string;
  readonly isRoot: boolean;
  readonly dialect: DialectName | null;
  readonly maxQueuedVideos: number;
  readonly maxRunningVideos: number;
  /** Null: no limit. */
  readonly maxRequestsPerMinute: number | null;
  readonly overflow: 'queue' | 'reject';
  readonly weight: number;
  /** Model ids the caller may use; null: all. */
  readonly models: readonly string[] | null;
  readonly retentionSeconds: number | null;
}

/** Whether a caller sees what is of this one: its own, and root everyone's. */
export function sees(
  { id, isRoot }: Pick<Caller, 'id' | 'isRoot'>,
  { callerId }: { readonly callerId: string },
): boolean {
  return isRoot || callerId === id;
}
