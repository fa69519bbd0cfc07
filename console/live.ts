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

/** A page that is not shown has no frames: its news are taken every second. */
const BETWEEN_MS = { shown: 50, hidden: 1000 };

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
  _timer ??= setTimeout(takeNews, document.hidden ? BETWEEN_MS.hidden : BETWEEN_MS.shown);
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
    again = setTimeout(() => void renew().then(() => session.value && open(true)), AGAIN_MS);
  };
  source.onmessage = hear;
}

/** Opens the stream; where it breaks off it goes on behind the last event it had, or is opened anew. */
export function connect(): () => void {
  open(false);
  return () => {
    clearTimeout(again);
    source?.close();
    isLive.value = false;
    known.value = new Map();
  };
}
