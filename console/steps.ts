/** What is kept of each step of the browser's history, for who comes back to it: how far it was scrolled, its row, what was read. */

import { signal } from '@preact/signals';
import { useState } from 'preact/hooks';

interface Step {
  scrolledPx: number;
  /** The row that had the focus: it is what was opened. */
  row: string | null;
  readonly values: Map<string, { current: unknown }>;
}

/** The oldest are forgotten first. */
const MOST_STEPS = 50;
/** Screens that have to be read first are not tall enough at once. */
const PATIENCE_MS = 5000;

const steps = new Map<string, Step>();

/** The step that is shown: what it is called in the browser's history. */
export const step = signal(nameOf(history.state) ?? named());

function nameOf(state: unknown): string | null {
  return (state as { readonly step?: string } | null)?.step ?? null;
}

/** Gives the browser's step a name of its own. */
function named(): string {
  const name = Math.random().toString(36).slice(2);
  history.replaceState({ step: name }, '');
  return name;
}

function stepOf(name: string): Step {
  const found = steps.get(name);
  if (found !== undefined) return found;
  const made: Step = { scrolledPx: 0, row: null, values: new Map() };
  steps.set(name, made);
  for (const old of [...steps.keys()].slice(0, -MOST_STEPS)) steps.delete(old);
  return made;
}

function note(): void {
  const row = document.activeElement?.closest<HTMLElement>('[data-row]')?.dataset['row'] ?? null;
  Object.assign(stepOf(step.value), { scrolledPx: scrollY, row });
}

/** A value that stays with the step that is shown while others are. */
export function useKept<Value>(name: string): { current: Value | undefined } {
  const [kept] = useState(() => {
    const { values } = stepOf(step.value);
    const value = values.get(name) ?? { current: undefined };
    values.set(name, value);
    return value;
  });
  return kept as { current: Value | undefined };
}

/** For another caller, who is to see nothing of it. */
export function forgetSteps(): void {
  steps.clear();
}

/** Goes on to an address as a step of its own. */
export function stepTo(url: string): void {
  note();
  history.pushState(null, '', url);
  step.value = named();
}

/** What a row leads to. */
export function linkOf(row: HTMLElement | null | undefined): HTMLElement | null {
  return row?.matches('a') ? row : (row?.querySelector<HTMLElement>('a') ?? null);
}

let isReturning = false;
for (const name of ['keydown', 'pointerdown', 'wheel']) {
  addEventListener(name, () => {
    isReturning = false;
  });
}

/**
 * Scrolls as soon as the page is tall enough, and gives the row the focus as soon as it is there, unless a key or the mouse
 * is used before.
 */
async function returnTo({ scrolledPx, row }: Step): Promise<void> {
  isReturning = true;
  const untilMs = Date.now() + PATIENCE_MS;
  let hasScrolled = false;
  const name = step.value;
  while (isReturning && step.value === name && Date.now() < untilMs) {
    await new Promise(requestAnimationFrame);
    if (!hasScrolled && document.documentElement.scrollHeight - innerHeight >= scrolledPx) {
      scrollTo(0, scrolledPx);
      hasScrolled = true;
    }
    const link = row === null ? null : linkOf(document.querySelector<HTMLElement>(`[data-row="${CSS.escape(row)}"]`));
    if (hasScrolled && (row === null || link !== null)) {
      link?.focus({ preventScroll: true });
      return;
    }
  }
}

// The browser would scroll before the screen is there.
history.scrollRestoration = 'manual';
addEventListener('popstate', () => {
  const to = nameOf(history.state);
  // A link within the page makes a step of the browser's that is none of ours.
  if (to === null) history.replaceState({ step: step.value }, '');
  if (to === null || to === step.value) return;
  note();
  step.value = to;
  void returnTo(stepOf(to));
});
