/** A clip as a still picture, which runs through the clip under the pointer. */

import { useEffect, useRef, useState } from 'preact/hooks';
import type { Video } from '../answers.ts';
import { local } from '../api.ts';
import { isEnded } from '../view/filters.ts';
import { arePassed } from './rows.tsx';

/** The longer side of each picture of a sprite sheet. */
const TILE_PX = 320;

interface Sheet {
  readonly url: string;
  readonly columns: number;
  readonly rows: number;
}

const sheets = new Map<string, Promise<Sheet | null>>();

/** Null where the gateway makes none. */
function sheetOf({ id, archive }: Video): Promise<Sheet | null> {
  const loading =
    sheets.get(id) ??
    new Promise<Sheet | null>((resolve) => {
      const image = new Image();
      image.onload = () => {
        const { width = 16, height = 9 } = archive ?? {};
        const tileWidth = width >= height ? TILE_PX : (TILE_PX * width) / height;
        const tileHeight = width >= height ? (TILE_PX * height) / width : TILE_PX;
        const columns = Math.max(1, Math.round(image.naturalWidth / tileWidth));
        resolve({ url: image.src, columns, rows: Math.max(1, Math.round(image.naturalHeight / tileHeight)) });
      };
      image.onerror = () => resolve(null);
      image.src = `/openai/v1/videos/${encodeURIComponent(id)}/content?variant=spritesheet`;
    });
  sheets.set(id, loading);
  return loading;
}

/** Shows that one of the sheet's pictures which lies as far in the clip as the pointer in the frame. */
function showAt(frame: HTMLElement, clientX: number): void {
  const over = frame.querySelector<HTMLElement>('.sheet');
  if (!over) return;
  const columns = Number(over.dataset['columns']);
  const rows = Number(over.dataset['rows']);
  const { left, width } = frame.getBoundingClientRect();
  const count = columns * rows;
  const index = Math.min(count - 1, Math.max(0, Math.floor(((clientX - left) / width) * count)));
  const part = (at: number, of: number) => (of === 1 ? 0 : (at / (of - 1)) * 100);
  over.style.backgroundPosition = `${part(index % columns, columns)}% ${part(Math.floor(index / columns), rows)}%`;
}

/** The poster; without one, what the state says. `moves` has it follow the pointer. */
export function Picture({ video, moves = false }: { readonly video: Video; readonly moves?: boolean }) {
  const frame = useRef<HTMLDivElement>(null);
  const isSeen = useRef(false);
  isSeen.current ||= !arePassed.value;
  const [sheet, setSheet] = useState<Sheet | null>(null);
  const posterUrl = video.archive?.posterUrl ?? null;
  useEffect(() => {
    const card = frame.current?.closest<HTMLElement>('[data-row]');
    if (!moves || posterUrl === null || !card) return undefined;
    const enter = () => void sheetOf(video).then((made) => card.matches(':hover') && setSheet(made));
    const leave = () => setSheet(null);
    const follow = ({ clientX }: PointerEvent) => frame.current && showAt(frame.current, clientX);
    card.addEventListener('pointerenter', enter);
    card.addEventListener('pointerleave', leave);
    card.addEventListener('pointermove', follow);
    return () => {
      card.removeEventListener('pointerenter', enter);
      card.removeEventListener('pointerleave', leave);
      card.removeEventListener('pointermove', follow);
    };
  }, [moves, posterUrl, video.id]);
  const cover = (sprite: Sheet) => ({
    backgroundImage: `url("${sprite.url}")`,
    backgroundSize: `${sprite.columns * 100}% ${sprite.rows * 100}%`,
  });
  return (
    <div class="picture" ref={frame}>
      {posterUrl === null ? (
        <div class={`no-picture state-${video.state}`}>
          {isEnded(video) ? (
            <span class="small">no clip</span>
          ) : (
            <progress max={100} value={video.progress} aria-label="Progress" />
          )}
        </div>
      ) : (
        isSeen.current && <img src={local(posterUrl)} alt="" loading="lazy" decoding="async" />
      )}
      {sheet !== null && <div class="sheet" data-columns={sheet.columns} data-rows={sheet.rows} style={cover(sheet)} />}
    </div>
  );
}
