/** Counts and sums over time, for small charts. */

export interface Bar {
  readonly label: string;
  readonly value: number;
}

const DAY_MS = 86_400_000;

/** Such as 2026-03-01, in UTC. */
export function dayAgo(days: number, nowMs = Date.now()): string {
  return new Date(nowMs - days * DAY_MS).toISOString().slice(0, 10);
}

/** The last so many days (UTC), those without anything at zero. */
export function byDay(
  items: readonly { readonly day?: string | undefined; readonly settledMicroUsd: number }[],
  days: number,
  nowMs: number,
): readonly Bar[] {
  return Array.from({ length: days }, (_, index) => {
    const label = dayAgo(days - 1 - index, nowMs);
    const value = items.filter(({ day }) => day === label).reduce((sum, item) => sum + item.settledMicroUsd, 0);
    return { label, value };
  });
}

/** Those of each of the last so many equal stretches up to now. */
export function inStretches<Item extends { readonly atMs: number }>(
  items: readonly Item[],
  { count, eachMs, nowMs }: { readonly count: number; readonly eachMs: number; readonly nowMs: number },
): readonly (readonly Item[])[] {
  const stretches = Array.from({ length: count }, (): Item[] => []);
  for (const item of items) stretches[count - 1 - Math.floor((nowMs - item.atMs) / eachMs)]?.push(item);
  return stretches;
}

/** What half of them do not exceed; null of none. */
export function medianOf(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? null;
}

/** How often each word occurs, the most frequent first. */
export function tally(words: readonly string[]): readonly Bar[] {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].map(([label, value]) => ({ label, value })).toSorted((a, b) => b.value - a.value);
}
