/** The videos of a filter, page by page, with those that are made meanwhile. */

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { Video, VideoPage } from './answers.ts';
import { ask, queryOf } from './api.ts';
import { known, onChanges, remember, reopened } from './live.ts';
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

export function useVideoList(filter: Filter): VideoList {
  const { text, ...chosen } = filter;
  const key = JSON.stringify(chosen);
  const [listed, setListed] = useState<Listed>(NOTHING);
  const [turn, setTurn] = useState(0);
  const loading = useRef(false);
  const readFor = useRef<string | null>(null);
  const latest = useRef({ filter, listed });
  latest.current = { filter, listed };

  const readPage = useCallback(async (cursor: string | undefined, signal?: AbortSignal) => {
    loading.current = true;
    try {
      const query = queryOf({ ...listQuery(latest.current.filter), limit: PAGE, cursor });
      const { items, nextCursor } = await ask<VideoPage>(`videos${query}`, signal ? { signal } : {});
      if (signal?.aborted) return;
      remember(items);
      setListed((before) => {
        const kept = cursor === undefined ? [] : before.ids;
        const there = new Set(kept);
        const added = items.map(({ id }) => id).filter((id) => !there.has(id));
        return { ids: [...kept, ...added], nextCursor, fresh: cursor === undefined ? [] : before.fresh, error: null };
      });
    } catch (error) {
      if (!signal?.aborted) setListed((before) => ({ ...before, nextCursor: before.nextCursor ?? null, error }));
    } finally {
      loading.current = false;
    }
  }, []);

  useEffect(() => {
    const stop = new AbortController();
    // What is read once more stays until it is there; what was of another filter does not.
    if (readFor.current !== key) setListed(NOTHING);
    readFor.current = key;
    void readPage(undefined, stop.signal);
    return () => stop.abort();
  }, [key, turn, reopened.value, readPage]);

  useEffect(
    () =>
      onChanges((news) => {
        const { filter: wanted, listed: before } = latest.current;
        const there = new Set([...before.ids, ...before.fresh]);
        const newest = known.value.get(before.ids[0] ?? '')?.createdAt ?? '';
        const made = news.filter(
          (video) => !there.has(video.id) && video.createdAt >= newest && matches(wanted, video),
        );
        if (made.length === 0 || before.nextCursor === undefined) return;
        const ids = made.toSorted((a, b) => b.createdAt.localeCompare(a.createdAt)).map(({ id }) => id);
        const isAtTop = scrollY < TOP_PX;
        setListed((now) =>
          isAtTop
            ? { ...now, ids: [...ids, ...now.fresh, ...now.ids], fresh: [] }
            : { ...now, fresh: [...ids, ...now.fresh] },
        );
      }),
    [],
  );

  const hasMore = typeof listed.nextCursor === 'string';
  const more = useCallback(() => {
    const { nextCursor } = latest.current.listed;
    if (typeof nextCursor === 'string' && !loading.current) void readPage(nextCursor);
  }, [readPage]);
  useEffect(() => {
    if (text !== '' && hasMore && listed.ids.length < SEARCHED) more();
  }, [text, hasMore, listed.ids.length, more]);

  const videos = listed.ids.flatMap((id) => {
    const video = known.value.get(id);
    return video !== undefined && matchesText(text, video) ? [video] : [];
  });
  return {
    videos,
    isLoading: listed.nextCursor === undefined,
    hasMore,
    read: listed.ids.length,
    freshCount: listed.fresh.length,
    error: listed.error,
    more,
    showFresh: () => setListed((now) => ({ ...now, ids: [...now.fresh, ...now.ids], fresh: [] })),
    reload: () => setTurn((before) => before + 1),
  };
}
