/** Reads the fields of a JSON object one by one; every refusal says what is allowed. */

import { isJsonObject } from '../domain/json.ts';

/** A field that is not what it may be. */
export class FieldError extends Error {
  constructor(path: string, allowed: string) {
    super(`${path} must be ${allowed}`);
    this.name = 'FieldError';
  }
}

interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** When a task is made although its answer is lost: at once, never, or some time later. */
export type Recorded = 'now' | 'never' | { readonly afterMs: number };

/** Reads by name and remembers which names were read, so that `finish` can refuse the rest. */
export class FieldReader {
  readonly #fields: ReadonlyMap<string, unknown>;
  readonly #where: string;
  readonly #read = new Set<string>();

  constructor(value: unknown, where: string) {
    if (!isJsonObject(value)) throw new FieldError(where, 'an object');
    this.#fields = new Map(Object.entries(value));
    this.#where = where;
  }

  refuse(name: string, allowed: string): never {
    throw new FieldError(`${this.#where}.${name}`, allowed);
  }

  value(name: string): unknown {
    this.#read.add(name);
    return this.#fields.get(name);
  }

  choice<const T extends string>(name: string, allowed: readonly T[]): T {
    const value = this.value(name);
    return allowed.find((word) => word === value) ?? this.refuse(name, `one of ${allowed.join(', ')}`);
  }

  numberChoice(name: string, allowed: readonly number[], fallback: number): number {
    const value = this.value(name) ?? fallback;
    return allowed.find((number) => number === value) ?? this.refuse(name, `one of ${allowed.join(', ')}`);
  }

  optionalNumber(name: string, { min, max }: Bounds): number | undefined {
    const value = this.value(name);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'number' || !(value >= min && value <= max)) {
      return this.refuse(name, `a number from ${min} to ${max}`);
    }
    return value;
  }

  number(name: string, bounds: Bounds, fallback?: number): number {
    return (
      this.optionalNumber(name, bounds) ?? fallback ?? this.refuse(name, `a number from ${bounds.min} to ${bounds.max}`)
    );
  }

  optionalInteger(name: string, bounds: Bounds): number | undefined {
    const value = this.optionalNumber(name, bounds);
    if (value !== undefined && !Number.isInteger(value)) this.refuse(name, 'a whole number');
    return value;
  }

  integer(name: string, bounds: Bounds): number {
    return (
      this.optionalInteger(name, bounds) ?? this.refuse(name, `a whole number from ${bounds.min} to ${bounds.max}`)
    );
  }

  optionalText(name: string): string | undefined {
    const value = this.value(name);
    if (value === undefined || value === null) return undefined;
    return typeof value === 'string' && value !== '' ? value : this.refuse(name, 'a text');
  }

  text(name: string, fallback: string): string {
    return this.optionalText(name) ?? fallback;
  }

  recorded(name: string): Recorded {
    const value = this.value(name) ?? 'now';
    if (value === 'now' || value === 'never') return value;
    if (!isJsonObject(value)) return this.refuse(name, '"now", "never" or {"afterMs": number}');
    const inner = new FieldReader(value, `${this.#where}.${name}`);
    const afterMs = inner.number('afterMs', { min: 0, max: 86_400_000 });
    inner.finish();
    return { afterMs };
  }

  /** Refuses fields that nobody read: a misspelt one would otherwise be obeyed as its default. */
  finish(): void {
    const unknown = [...this.#fields.keys()].find((name) => !this.#read.has(name));
    if (unknown !== undefined) this.refuse(unknown, `left out; the fields here are ${[...this.#read].join(', ')}`);
  }
}
