/** A caller: who holds one of our API keys, with its limits. */

import { Refusal } from './failure.ts';
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

/** What a caller names. @throws Refusal `not_found` for what is not there, and for another caller's. */
export function requireSeen<Thing extends { readonly callerId: string }>(
  caller: Pick<Caller, 'id' | 'isRoot'>,
  found: Thing | null,
  name: string,
): Thing {
  if (found !== null && sees(caller, found)) return found;
  throw new Refusal('not_found', `there is no ${name}`);
}
