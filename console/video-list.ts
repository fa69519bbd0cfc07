/** The videos of a filter, page by page, with those that are made meanwhile. */

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { Page, Video } from './answers.ts';
import { readPages } from './api.ts';
import { known, onChanges, remember, reopened } from './live.ts';
import { useKept } from './steps.ts';
import { type Filter, listQuery, matches, matchesText } from './view/filters.ts';

const PAGE = 100;
/** Nothing older is looked through for a text by itself. */
const SEARCHED = 2000;
/** Further down, rows that come would move what is being read. */
const TOP_PX = 200;

interface Listed {
  readonly ids: readonly string[];
  /** Undefined before the first page. */
  readonly nextCursor: string | null | undefined;
  /** Made since, and not shown yet. */
  readonly fresh: readonly string[];
  readonly error: unknown;
}

const NOTHING: Listed = { ids: [], nextCursor: undefined, fresh: [], error: null };

export interface VideoList {
  readonly videos: readonly Video[];
  readonly isLoading: boolean;
  readonly hasMore: boolean;
  /** How many were read so far. */
  readonly read: number;
  readonly freshCount: number;
  readonly error: unknown;
  more(): void;
  showFresh(): void;
  reload(): void;
}

function madeAt(id: string | undefined): string {
  return known.value.get(id ?? '')?.createdAt ?? '';
}

/** The newest first. */
function sorted(ids: readonly string[]): readonly string[] {
  return ids.toSorted((a, b) => madeAt(b).localeCompare(madeAt(a)));
}

/** Adds what was told since. */
function withNews(now: Listed, ids: readonly string[]): Listed {
  const there = new Set([...now.ids, ...now.fresh]);
  const fresh = sorted([...ids.filter((id) => !there.has(id)), ...now.fresh]);
  return scrollY < TOP_PX ? { ...now, ids: sorted([...fresh, ...now.ids]), fresh: [] } : { ...now, fresh };
}

/** What was read from the top once more, in place of what was there; rows that came meanwhile are news. */
function readAgain(before: Listed, { items: [newest, ...older], nextCursor }: Page<Video>): Listed {
  if (newest === undefined) return { ...NOTHING, nextCursor };
  const ids = [newest, ...older].map(({ id }) => id);
  const shown = new Set(before.ids);
  const first = Math.max(
    0,
    ids.findIndex((id) => shown.has(id)),
  );
  const told = [...before.ids, ...before.fresh].filter((id) => madeAt(id) > newest.createdAt);
  return withNews({ ids: ids.slice(first), nextCursor, fresh: [], error: null }, [...told, ...ids.slice(0, first)]);
}

export function useVideoList(filter: Filter): VideoList {
  const { text, ...chosen } = filter;
  const key = JSON.stringify(chosen);
  const kept = useKept<{ readonly key: string; readonly listed: Listed }>('videos');
  const [listed, setListed] = useState(kept.current?.key === key ? kept.current.listed : NOTHING);
  const [turn, setTurn] = useState(0);
  const reading = useRef(Promise.resolve());
  const stop = useRef(new AbortController());
  const isMoreWanted = useRef(false);
  const readFor = useRef(key);
  const latest = useRef({ filter, listed });
  latest.current = { filter, listed };
  kept.current = { key: readFor.current, listed };

  const read = useCallback(async (cursor: string | null) => {
    const { signal } = stop.current;
    try {
      const { ids } = latest.current.listed;
      const page = await readPages<Video>('videos', {
        query: listQuery(latest.current.filter),
        limit: PAGE,
        most: cursor === null ? Math.max(1, Math.ceil(ids.length / PAGE)) : 1,
        cursor,
        signal,
      });
      if (signal.aborted) return;
      remember(page.items);
      setListed((before) => {
        if (cursor === null) return readAgain(before, page);
        const there = new Set(before.ids);
        const added = page.items.map(({ id }) => id).filter((id) => !there.has(id));
        return { ...before, ids: [...before.ids, ...added], nextCursor: page.nextCursor, error: null };
      });
    } catch (error) {
      if (!signal.aborted) setListed((before) => ({ ...before, nextCursor: before.nextCursor ?? null, error }));
    }
  }, []);

  useEffect(() => {
    const mine = new AbortController();
    stop.current = mine;
    // What is read once more stays until it is there; what was of another filter does not.
    if (readFor.current !== key) {
      latest.current = { filter, listed: NOTHING };
      setListed(NOTHING);
    }
    readFor.current = key;
    reading.current = read(null);
    return () => mine.abort();
  }, [key, turn, reopened.value, read]);

  useEffect(
    () =>
      onChanges((news) => {
        const { filter: shown, listed: before } = latest.current;
        // When the words are taken back, what came meanwhile is to be there.
        const wanted = { ...shown, text: '' };
        if (before.nextCursor === undefined) return;
        // What is older than all that was read comes with its page.
        const oldest = before.nextCursor === null ? '' : madeAt(before.ids.at(-1));
        const there = new Set([...before.ids, ...before.fresh]);
        const made = news.filter(
          (video) => !there.has(video.id) && video.createdAt >= oldest && matches(wanted, video),
        );
        if (made.length > 0)
          setListed((now) =>
            withNews(
              now,
              made.map(({ id }) => id),
            ),
          );
      }),
    [],
  );

  const hasMore = typeof listed.nextCursor === 'string';
  const more = useCallback(() => {
    if (isMoreWanted.current) return;
    isMoreWanted.current = true;
    void reading.current.then(() => {
      isMoreWanted.current = false;
      const { nextCursor } = latest.current.listed;
      if (typeof nextCursor === 'string') reading.current = read(nextCursor);
    });
  }, [read]);
  useEffect(() => {
    if (text !== '' && hasMore && listed.ids.length < SEARCHED) more();
  }, [text, hasMore, listed.ids.length, more]);

  const fitting = (ids: readonly string[]) =>
    ids.flatMap((id) => {
      const video = known.value.get(id);
      return video !== undefined && matchesText(text, video) ? [video] : [];
    });
  return {
    videos: fitting(listed.ids),
    isLoading: listed.nextCursor === undefined,
    hasMore,
    read: listed.ids.length,
    freshCount: fitting(listed.fresh).length,
    error: listed.error,
    more,
    showFresh: () => setListed((now) => ({ ...now, ids: sorted([...now.fresh, ...now.ids]), fresh: [] })),
    reload: () => setTurn((before) => before + 1),
  };
}
