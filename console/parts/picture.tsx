/** A clip as a still picture, which runs through the clip under the pointer. */

import { useRef, useState } from 'preact/hooks';
import type { Video } from '../answers.ts';
import { local } from '../api.ts';
import { isEnded } from '../view/filters.ts';

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

/** The poster; without one, what the state says. `moves` has it follow the pointer. */
export function Picture({ video, moves = false }: { readonly video: Video; readonly moves?: boolean }) {
  const frame = useRef<HTMLDivElement>(null);
  const [sheet, setSheet] = useState<Sheet | null>(null);
  const posterUrl = video.archive?.posterUrl ?? null;
  const follow = (event: PointerEvent) => {
    const box = frame.current;
    if (!moves || box === null || posterUrl === null) return;
    void sheetOf(video).then(setSheet);
    if (sheet === null) return;
    const { left, width } = box.getBoundingClientRect();
    const count = sheet.columns * sheet.rows;
    const index = Math.min(count - 1, Math.max(0, Math.floor(((event.clientX - left) / width) * count)));
    const column = index % sheet.columns;
    const row = Math.floor(index / sheet.columns);
    const over = box.querySelector<HTMLElement>('.sheet');
    if (!over) return;
    const part = (at: number, of: number) => (of === 1 ? 0 : (at / (of - 1)) * 100);
    over.style.backgroundPosition = `${part(column, sheet.columns)}% ${part(row, sheet.rows)}%`;
  };
  const cover = (sprite: Sheet) => ({
    backgroundImage: `url("${sprite.url}")`,
    backgroundSize: `${sprite.columns * 100}% ${sprite.rows * 100}%`,
  });
  return (
    <div class="picture" ref={frame} onPointerMove={follow} onPointerLeave={() => setSheet(null)}>
      {posterUrl === null ? (
        <div class={`no-picture state-${video.state}`}>
          {!isEnded(video) && <progress max={100} value={video.progress || undefined} aria-label="Progress" />}
        </div>
      ) : (
        <img src={local(posterUrl)} alt="" loading="lazy" decoding="async" />
      )}
      {sheet !== null && <div class="sheet" style={cover(sheet)} />}
    </div>
  );
}
