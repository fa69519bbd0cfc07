/** The conditions the sandbox works under: its speed and the faults that were set. */

import type { z } from 'zod';
import type { conditionsBody, Fault, FaultKind, FaultOf, FaultRule, HttpErrorPlace } from './fault-kinds.ts';

/** Something a fault may strike. */
export interface FaultEvent {
  readonly key: string;
  readonly model?: string | undefined;
  /** Which kind of request it is; only `http_error` asks. */
  readonly on?: HttpErrorPlace | undefined;
}

function isOfKind<K extends FaultKind>(fault: Fault, kind: K): fault is FaultOf<K> {
  return fault.kind === kind;
}

function concerns(rule: FaultRule, event: FaultEvent): boolean {
  if (rule.fault.kind === 'http_error' && rule.fault.on !== event.on) return false;
  return (rule.model === null || rule.model === event.model) && (rule.key === null || rule.key === event.key);
}

/** In memory only: a restarted sandbox commits no faults but those its tasks already carry. */
export class Conditions {
  /** Divides every generation time of tasks made from now on. */
  speed: number;
  #rules: FaultRule[] = [];
  readonly #random: () => number;

  constructor(speed: number, random: () => number = Math.random) {
    this.speed = speed;
    this.#random = random;
  }

  /** The fault of this kind that strikes the event, if any; a counted one is used up by it. */
  draw<K extends FaultKind>(kind: K, event: FaultEvent): FaultOf<K> | null {
    for (const rule of this.#rules) {
      if (isOfKind(rule.fault, kind) && concerns(rule, event) && this.#strikes(rule)) return rule.fault;
    }
    return null;
  }

  #strikes(rule: FaultRule): boolean {
    if (rule.left === null) return this.#random() < rule.rate;
    if (rule.left === 0) return false;
    rule.left -= 1;
    return true;
  }

  /** Leaves as it is what is not named. */
  change({ speed = this.speed, faults = this.#rules }: z.output<typeof conditionsBody>): void {
    this.speed = speed;
    this.#rules = faults;
  }

  clear(): void {
    this.#rules = [];
  }

  /** The set as it stands; `left` is what remains of a `count`. */
  view() {
    return {
      speed: this.speed,
      faults: this.#rules.map(({ fault, left, rate, model, key }) => ({
        ...fault,
        ...(left === null ? { rate } : { left }),
        ...(model !== null && { model }),
        ...(key !== null && { key }),
      })),
    };
  }
}
