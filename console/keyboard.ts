/** The keys of the console, which are letters: they mean nothing while something is typed. */

import { go } from './router.ts';
import { helpIsOpen } from './shell.tsx';
import { linkOf } from './steps.ts';

const PLACES: Readonly<Record<string, string>> = {
  o: '/',
  v: '/videos',
  b: '/batches',
  w: '/webhooks',
  m: '/money',
  a: '/accounts',
  c: '/callers',
};
/** How long a `g` waits for its second letter. */
const WAIT_MS = 1500;
let goesUntilMs = 0;

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && target.closest('input:not([type=checkbox]), textarea, select, dialog') !== null
  );
}

/** Frames within which a row comes whose turn it is: of a long list only those near the screen are there. */
const PATIENCE_FRAMES = 10;

function isOutermost(row: HTMLElement | undefined, by: 1 | -1): boolean {
  const end = by === 1 ? row?.closest('[role=table]')?.getAttribute('aria-rowcount') : '2';
  return (row?.getAttribute('aria-rowindex') ?? end) === end;
}

/** Moves the focus by a row; the first one when none has it. */
function step(by: 1 | -1, frames = PATIENCE_FRAMES): void {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')];
  const index = rows.findIndex((row) => row.contains(document.activeElement));
  const visible = rows.findIndex((row) => row.getBoundingClientRect().bottom > 0);
  const next = rows[index === -1 ? Math.max(0, visible) : index + by];
  if (next === undefined && frames > 0 && !isOutermost(rows[index], by))
    requestAnimationFrame(() => step(by, frames - 1));
  linkOf(next)?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: 'nearest' });
}

/** Moves the focus among a batch's cells, past those without a video; false where it is in none. */
function stepOverCells(by: 1 | -1, isByLine = false): boolean {
  const here = document.activeElement;
  const cells = [...(here?.closest('.cells')?.children ?? [])] as HTMLElement[];
  if (here === null || cells.length === 0) return false;
  const perLine = cells.filter(({ offsetTop }) => offsetTop === cells[0]?.offsetTop).length;
  const distance = isByLine ? by * perLine : by;
  let next = cells.indexOf(here as HTMLElement) + distance;
  while (cells[next]?.matches('span')) next += distance;
  cells[next]?.focus();
  return true;
}

function togglePlayer(): boolean {
  const player = document.querySelector<HTMLVideoElement>('.player video');
  // What has the focus may mean something else by the same key.
  if (player === null || document.activeElement?.matches('button, input, summary, video')) return false;
  if (player.paused) void player.play();
  else player.pause();
  return true;
}

const ACTIONS: Readonly<Record<string, () => unknown>> = {
  '/': () => document.querySelector<HTMLElement>('[data-search]')?.focus(),
  j: () => step(1),
  k: () => step(-1),
  x: () => document.activeElement?.closest('[data-row]')?.querySelector<HTMLElement>('input[type=checkbox]')?.click(),
  n: () => go('/new'),
  g: () => {
    goesUntilMs = Date.now() + WAIT_MS;
  },
  ArrowRight: () => stepOverCells(1),
  ArrowLeft: () => stepOverCells(-1),
  ArrowDown: () => stepOverCells(1, true),
  ArrowUp: () => stepOverCells(-1, true),
  ' ': togglePlayer,
  '?': () => {
    helpIsOpen.value = true;
  },
};

/** Acts on a key that means something here. */
export function onKey(event: KeyboardEvent): void {
  if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return;
  const place = Date.now() < goesUntilMs ? PLACES[event.key] : undefined;
  goesUntilMs = 0;
  if (place !== undefined) {
    event.preventDefault();
    go(place);
    return;
  }
  const act = ACTIONS[event.key];
  if (act === undefined) return;
  if (act() !== false) event.preventDefault();
}
