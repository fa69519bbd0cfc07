/** The conditions the sandbox works under: its speed and the faults that were set. */

import {
  type Fault,
  type FaultKind,
  type FaultOf,
  type FaultRule,
  type HttpErrorPlace,
  readFaultRule,
} from './fault-kinds.ts';
import { FieldError, FieldReader } from './field-reader.ts';

/** Something a fault may strike. */
export interface FaultEvent {
  readonly key: string;
  readonly model?: string | undefined;
  /** Which kind of request it is; only `http_error` asks. */
  readonly on?: HttpErrorPlace | undefined;
}

const MAX_FAULTS = 100;

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
  #rules: readonly FaultRule[] = [];
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

  /**
   * Takes `{speed?, faults?}`: a speed holds for new tasks, a fault list replaces the old one.
   * @throws FieldError, and nothing has changed then.
   */
  change(body: unknown): void {
    const fields = new FieldReader(body, 'body');
    const speed = fields.optionalNumber('speed', { min: 0.001, max: 100_000 });
    const list = fields.value('faults');
    fields.finish();
    if (list !== undefined && (!Array.isArray(list) || list.length > MAX_FAULTS)) {
      throw new FieldError('body.faults', `a list of at most ${MAX_FAULTS} faults`);
    }
    const rules = list?.map((value: unknown, index: number) => readFaultRule(value, `faults[${index}]`));
    this.speed = speed ?? this.speed;
    this.#rules = rules ?? this.#rules;
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
