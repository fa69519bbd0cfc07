/** Sprite sheets: a grid of pictures from all along a stored clip, made when it is first asked for, and then kept. */

import { Refusal } from '../domain/failure.ts';
import type { Log } from '../domain/log.ts';
import type { Video } from '../domain/video.ts';
import { spriteSheetKeyOf } from '../media/media-key.ts';
import { isStoreAway, type MediaStore } from '../media/media-store.ts';
import { storePieces } from '../media/store-pieces.ts';
import { findFfmpeg } from './ffmpeg.ts';
import { withVideoTrack } from './mp4-probe.ts';
import { drawJpeg, picturesOf } from './picture-stream.ts';

/** Columns, and at most as many rows. */
const MOST_COLUMNS = 5;
/** The longer side of each picture. */
const TILE_PX = 320;
/** The whole clip is decoded, so it may take longer than a poster. */
const TIMEOUT_MS = 60_000;
/** Decoding takes a core each: more wait for their turn, and still more are told to come again. */
const MOST_AT_ONCE = 1;
const MOST_WAITING = 8;

export interface SpriteSheetParts {
  readonly store: MediaStore;
  readonly log: Pick<Log, 'warn'>;
  /** The video as it is by then. */
  findVideo(id: string): Promise<Pick<Video, 'expiresAt'> | null>;
  readonly find?: () => Promise<string | null>;
  readonly timeoutMs?: number;
}

/** Those of one process; another may make the same one at the same time, which costs only that. */
export class SpriteSheets {
  readonly #parts: SpriteSheetParts;
  readonly #making = new Map<string, Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #ffmpeg: Promise<string | null> | undefined;

  constructor(parts: SpriteSheetParts) {
    this.#parts = parts;
  }

  /**
   * The key of the sheet of a video whose clip is archived; made now if there is none, once however many ask.
   * @throws Refusal `not_found` where none can be made, `unavailable` where too many are being made, `gone` where the
   *   media were purged meanwhile.
   */
  async ensure({ id, archive }: Pick<Video, 'id' | 'archive'>): Promise<string> {
    const key = spriteSheetKeyOf(id);
    if (archive === null) throw unavailable('the video has no archived clip');
    if ((await this.#parts.store.sizeBytes(key)) !== null) return key;
    const making = this.#making.get(id) ?? this.#make(id, archive.clipKey).finally(() => this.#making.delete(id));
    this.#making.set(id, making);
    await making;
    return key;
  }

  async #make(id: string, clipKey: string): Promise<void> {
    this.#ffmpeg ??= (this.#parts.find ?? findFfmpeg)();
    const ffmpeg = await this.#ffmpeg;
    if (ffmpeg === null) throw unavailable('this server makes no sprite sheets: it has no ffmpeg');
    await this.#turn();
    try {
      await this.#makeAndStore(ffmpeg, id, clipKey);
    } finally {
      // The turn is handed on, so that no request which comes just now slips in between.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }

  /** Resolves when it is this one's turn. */
  async #turn(): Promise<void> {
    if (this.#running < MOST_AT_ONCE) {
      this.#running += 1;
      return;
    }
    if (this.#waiting.length >= MOST_WAITING) {
      throw new Refusal('unavailable', 'too many sprite sheets are being made', { retryAfterSeconds: 10 });
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async #makeAndStore(ffmpeg: string, id: string, clipKey: string): Promise<void> {
    const { store, log, findVideo, timeoutMs = TIMEOUT_MS } = this.#parts;
    const key = spriteSheetKeyOf(id);
    const isOver = async () => ((await findVideo(id))?.expiresAt.getTime() ?? 0) <= Date.now();
    try {
      await storePieces(store, key, [await drawSheet(ffmpeg, { store, clipKey, timeoutMs })]);
    } catch (error) {
      if (await isOver()) throw new Refusal('gone', 'the media have been purged');
      if (isStoreAway(error)) throw error;
      log.warn({ videoId: id, error: String(error) }, 'no sprite sheet could be made');
      throw unavailable('no sprite sheet can be made of this clip');
    }
    // Nothing is removed before the row says so: a purge that did not see the sheet is seen here.
    if (!(await isOver())) return;
    await store.remove(key);
    throw new Refusal('gone', 'the media have been purged');
  }
}

function unavailable(problem: string): Refusal {
  return new Refusal('not_found', problem, { param: 'variant', code: 'spritesheet_unavailable' });
}

interface SheetOrder {
  readonly store: MediaStore;
  readonly clipKey: string;
  readonly timeoutMs: number;
}

function drawSheet(ffmpeg: string, { store, clipKey, timeoutMs }: SheetOrder): Promise<Uint8Array> {
  return withVideoTrack(store, clipKey, async (track) => {
    const [{ packetCount }, durationSeconds] = [await track.computePacketStats(), await track.computeDuration()];
    const columns = Math.min(MOST_COLUMNS, Math.ceil(Math.sqrt(packetCount)));
    const pictures = Math.min(columns * columns, packetCount);
    const rows = Math.ceil(pictures / columns);
    const filter = [
      `fps=${pictures}/${durationSeconds.toFixed(6)}`,
      `scale=${TILE_PX}:${TILE_PX}:force_original_aspect_ratio=decrease:force_divisible_by=2`,
      `tile=${columns}x${rows}`,
    ].join(',');
    return await drawJpeg(ffmpeg, await picturesOf(track), { filter, timeoutMs });
  });
}
