/** The time that is shown: each second, and slowly for what needs no seconds. */

import { signal } from '@preact/signals';

export const eachSecond = signal(Date.now());
export const slowly = signal(Date.now());
const SLOW_MS = 10_000;

setInterval(() => {
  if (document.hidden) return;
  const now = Date.now();
  eachSecond.value = now;
  if (now - slowly.value >= SLOW_MS) slowly.value = now;
}, 1000);
