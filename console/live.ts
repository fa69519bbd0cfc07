/** Videos as they change: one event stream for the page, its news taken together once a frame. */

import { signal } from '@preact/signals';
import type { Video } from './answers.ts';
import { renew, session } from './session.ts';

/** Every video that a stream or a list has told of, by its id, as it was told last. */
export const known = signal<ReadonlyMap<string, Video>>(new Map());
/** Whether news come at this moment. */
export const isLive = signal(false);

/** How often the stream began anew: what changed in between was not told, and has to be read. */
export const reopened = signal(0);

type OnChange = (videos: readonly Video[]) => void;

const MOST_KNOWN = 30_000;
const FORGOTTEN_AT_ONCE = 5000;

const listeners = new Set<OnChange>();
let waiting = new Map<string, Video>();
let source: EventSource | null = null;
let again: ReturnType<typeof setTimeout> | undefined;
let givenBack: ReturnType<typeof setTimeout> | undefined;
let _timer: ReturnType<typeof setTimeout> | undefined;

/** Told of changes until the function returned is called. */
export function onChanges(listener: OnChange): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Puts what an answer showed beside what the stream tells. */
export function remember(videos: readonly Video[]): void {
  if (videos.length === 0) return;
  const next = new Map(known.value);
  for (const video of videos) next.set(video.id, video);
  // A page that is open for days does not keep all that ever went by: what it heard of first goes first.
  if (next.size > MOST_KNOWN) for (const id of [...next.keys()].slice(0, FORGOTTEN_AT_ONCE)) next.delete(id);
  known.value = next;
}

/** For what was removed. */
export function forget(ids: readonly string[]): void {
  const next = new Map(known.value);
  for (const id of ids) next.delete(id);
  known.value = next;
}

const BETWEEN_MS = 50;

function takeNews(): void {
  _timer = undefined;
  const news = [...waiting.values()];
  waiting = new Map();
  remember(news);
  for (const listener of listeners) listener(news);
}

function hear({ data }: MessageEvent<string>): void {
  const video = JSON.parse(data) as Video;
  waiting.set(video.id, video);
  _timer ??= setTimeout(takeNews, BETWEEN_MS);
}

/** A server that stops refuses the stream, after which browsers do not ask again by themselves. */
const AGAIN_MS = 3000;

function open(isAgain: boolean): void {
  source = new EventSource('/clipyard/v1/events');
  source.onopen = () => {
    isLive.value = true;
    if (isAgain) reopened.value += 1;
  };
  source.onerror = () => {
    isLive.value = false;
    if (source?.readyState !== EventSource.CLOSED) return;
    const broken = source;
    again = setTimeout(() => void renew().then(() => session.value && source === broken && open(true)), AGAIN_MS);
  };
  source.onmessage = hear;
}

function close(): void {
  clearTimeout(again);
  source?.close();
  source = null;
  isLive.value = false;
}

/** Browsers have six connections to a host for all of their pages: one that is not shown for so long gives its own back. */
const GIVEN_BACK_MS = 10_000;

function heedShowing(): void {
  clearTimeout(givenBack);
  if (document.hidden) givenBack = setTimeout(close, GIVEN_BACK_MS);
  else if (source === null) open(true);
}

/** Opens the stream as soon as the page is shown; where it breaks off it goes on behind the last event it had, or is opened anew. */
export function connect(): () => void {
  if (!document.hidden) open(false);
  document.addEventListener('visibilitychange', heedShowing);
  return () => {
    document.removeEventListener('visibilitychange', heedShowing);
    clearTimeout(givenBack);
    close();
    known.value = new Map();
  };
}
