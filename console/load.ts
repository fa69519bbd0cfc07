/** What a screen reads from a route: the answer, or why there is none, and reading it again. */

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { Page } from './answers.ts';
import { readPages } from './api.ts';
import { reopened } from './live.ts';
import { useKept } from './steps.ts';

export interface Loaded<Answer> {
  /** The last one that came; undefined before the first. */
  readonly data: Answer | undefined;
  readonly error: unknown;
  reload(): void;
}

/** Reads when it is first shown and when something of `by` is another; `everyMs` has it read again as time goes by. */
export function useLoaded<Answer>(
  load: (signal: AbortSignal) => Promise<Answer>,
  by: readonly unknown[] = [],
  everyMs: number | null = null,
): Loaded<Answer> {
  const [state, setState] = useState<{ data: Answer | undefined; error: unknown }>({ data: undefined, error: null });
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  const key = JSON.stringify([by, reopened.value]);

  useEffect(() => {
    const stop = new AbortController();
    latest
      .current(stop.signal)
      .then((data) => {
        if (!stop.signal.aborted) setState({ data, error: null });
      })
      .catch((error: unknown) => {
        if (!stop.signal.aborted) setState(({ data }) => ({ data, error }));
      });
    return () => stop.abort();
  }, [key, turn]);

  useEffect(() => {
    if (everyMs === null) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) setTurn((before) => before + 1);
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);

  const reload = useCallback(() => setTurn((before) => before + 1), []);
  return { ...state, reload };
}

export interface LoadedPages<Item> extends Loaded<Page<Item>> {
  /** Reads one page more; null where all are there. */
  readonly more: (() => void) | null;
}

/** The same of a list, page by page; those that are there are read again together. */
export function usePages<Item>(path: string, limit: number, everyMs: number | null = null): LoadedPages<Item> {
  const kept = useKept<number>(path);
  const [most, setMost] = useState(kept.current ?? 1);
  kept.current = most;
  const loaded = useLoaded((signal) => readPages<Item>(path, { limit, most, signal }), [path, most], everyMs);
  const hasMore = loaded.data !== undefined && loaded.data.nextCursor !== null;
  return { ...loaded, more: hasMore ? () => setMost(most + 1) : null };
}
