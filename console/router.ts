/** Where the page is: path and query of the address bar, as signals. */

import { computed, signal } from '@preact/signals';
import { focusContent } from './focus.ts';
import { stepTo } from './steps.ts';

const BASE = '/console';

/** Below `/console`: `/videos/video_1`. */
export const path = signal(pathOf(location.pathname));
export const query = signal(new URLSearchParams(location.search));
/** `['videos', 'video_1']`. */
export const parts = computed(() => path.value.split('/').filter((part) => part !== ''));

function pathOf(pathname: string): string {
  return pathname.slice(BASE.length).replace(/\/+$/, '') || '/';
}

function take(): void {
  path.value = pathOf(location.pathname);
  query.value = new URLSearchParams(location.search);
}

addEventListener('popstate', take);

/** The address of a place of the console. */
export function href(to: string): string {
  return BASE + to;
}

/** Goes there; `replace` leaves no step behind that leads back. */
export function go(to: string, { replace = false }: { readonly replace?: boolean } = {}): void {
  const isThere = href(to) === location.pathname + location.search;
  if (replace || isThere) history.replaceState(history.state, '', href(to));
  else stepTo(href(to));
  const isOther = pathOf(location.pathname) !== path.value;
  take();
  if (isOther) {
    scrollTo(0, 0);
    focusContent();
  }
}

/** Changes the query in place; null and empty values are taken out. */
export function choose(changes: Readonly<Record<string, string | null>>): void {
  const next = new URLSearchParams(query.value);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '') next.delete(name);
    else next.set(name, value);
  }
  const text = next.toString();
  go(path.value + (text === '' ? '' : `?${text}`), { replace: true });
}

/** Links to screens change the page without loading it; those to other tabs, other places and within a page are left alone. */
export function followLinks(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element).closest('a');
  if (link?.target !== '' || link.hasAttribute('download')) return;
  const { origin, pathname, search, hash } = new URL(link.href);
  const isOurs = origin === location.origin && (pathname === BASE || pathname.startsWith(`${BASE}/`)) && hash === '';
  if (!isOurs) return;
  event.preventDefault();
  go(pathname.slice(BASE.length) + search);
}
