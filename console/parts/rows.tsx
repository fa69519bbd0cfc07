/** Rows of one height of which only those near the screen are there, however many there are. */

import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

const BEYOND = 12;
/** So many rows at once come and go. */
const STEP = 6;
/** Rows that come sooner after those before them are gone past, and not read. */
const PASSED_MS = 150;
const NARROW = matchMedia('(max-width: 720px)');

/** The rows' height in pixels, as the style has it. */
export const ROW_PX = { wide: 64, narrow: 112 } as const;

/** Whether rows are gone past: what costs much to show waits until they rest. */
export const arePassed = signal(false);

export interface RowsProps<Item> {
  readonly items: readonly Item[];
  readonly label: string;
  readonly columns: readonly string[];
  readonly keyOf: (item: Item) => string;
  readonly row: (item: Item) => ComponentChildren;
  /** Asked when the end comes near. */
  readonly onEnd?: () => void;
  readonly class?: string;
}

/** A table; the head's cells have the rows' columns. */
export function Rows<Item>({ items, label, columns, keyOf, row, onEnd, class: extra = '' }: RowsProps<Item>) {
  const body = useRef<HTMLDivElement>(null);
  const [first, setFirst] = useState(0);
  const [isNarrow, setNarrow] = useState(NARROW.matches);
  const rowPx = isNarrow ? ROW_PX.narrow : ROW_PX.wide;
  const shown = Math.ceil(innerHeight / rowPx) + STEP + 2 * BEYOND;

  useEffect(() => {
    let frame = 0;
    let step = -1;
    let restsAgain: ReturnType<typeof setTimeout> | undefined;
    const rest = () => {
      restsAgain = undefined;
      arePassed.value = false;
    };
    const measure = () => {
      frame = 0;
      const top = body.current?.getBoundingClientRect().top ?? 0;
      const next = Math.max(0, Math.floor(-top / rowPx / STEP));
      if (next === step) return;
      step = next;
      if (restsAgain !== undefined) arePassed.value = true;
      clearTimeout(restsAgain);
      restsAgain = setTimeout(rest, PASSED_MS);
      setFirst(Math.max(0, step * STEP - BEYOND));
    };
    const onScroll = () => {
      frame ||= requestAnimationFrame(measure);
    };
    const onWidth = () => setNarrow(NARROW.matches);
    addEventListener('scroll', onScroll, { passive: true });
    NARROW.addEventListener('change', onWidth);
    measure();
    return () => {
      cancelAnimationFrame(frame);
      clearTimeout(restsAgain);
      rest();
      removeEventListener('scroll', onScroll);
      NARROW.removeEventListener('change', onWidth);
    };
  }, [rowPx]);

  const from = Math.max(0, Math.min(first, items.length - shown));
  const to = Math.min(items.length, from + shown);
  const isNearEnd = to >= items.length;
  useEffect(() => {
    if (isNearEnd) onEnd?.();
  }, [isNearEnd, items.length, onEnd]);

  return (
    <div role="table" class={`rows ${extra}`} aria-label={label} aria-rowcount={items.length + 1}>
      <div role="rowgroup" class="rows-head">
        <div role="row" aria-rowindex={1} class="row">
          {columns.map((name, index) => (
            <div role="columnheader" key={name} class={`cell cell-${index}`}>
              {name === '' ? <span class="unseen">Choose</span> : name}
            </div>
          ))}
        </div>
      </div>
      <div role="rowgroup" ref={body} class="rows-body" style={{ height: `${items.length * rowPx}px` }}>
        {items.slice(from, to).map((item, index) => (
          <div
            role="row"
            class="row"
            key={keyOf(item)}
            aria-rowindex={from + index + 2}
            data-row={keyOf(item)}
            style={{ transform: `translateY(${(from + index) * rowPx}px)` }}
          >
            {row(item)}
          </div>
        ))}
      </div>
    </div>
  );
}
