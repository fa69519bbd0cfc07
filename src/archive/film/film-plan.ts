/** How clips become a film: which pieces are made, by which filters, so that they can be joined without coding them again. */

import { crossfadeMs, type Transition } from '../../domain/film.ts';

/** What is known of a clip before it is joined. */
export interface ClipFacts {
  readonly durationMs: number;
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  readonly hasAudio: boolean;
  /** How many coded pictures and sounds it has. */
  readonly pictures: number;
  readonly sounds: number;
  /** Clips of which it is the same can be joined as they are; one of which it is null has to be coded again. */
  readonly coding: string | null;
}

/** How all pieces look and sound. */
export interface Format {
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  readonly hasAudio: boolean;
}

/** A piece of the film: of one clip, or the blend of two. Frames count at the film's own rate. */
export interface Piece {
  /** Indices of clips. */
  readonly clips: readonly [number] | readonly [number, number];
  /** First frame of each, and how many frames the piece has. */
  readonly from: readonly number[];
  readonly frames: number;
}

/** Whether the clips can be joined as they are. */
export function areAlike(clips: readonly ClipFacts[]): boolean {
  return clips.every(({ coding }) => coding !== null && coding === clips[0]?.coding);
}

const SAMPLES_PER_SECOND = 48_000;
const MOST_FRAMES_PER_SECOND = 60;

/** The first clip's, in even numbers, which the coding wants; with sound where any of them has one. */
export function formatOf(clips: readonly ClipFacts[]): Format {
  const [first] = clips;
  if (first === undefined) throw new Error('a film is made of clips');
  const even = (px: number) => Math.max(2, Math.floor(px / 2) * 2);
  return {
    width: even(first.width),
    height: even(first.height),
    framesPerSecond: Math.min(Math.max(Math.round(first.framesPerSecond), 1), MOST_FRAMES_PER_SECOND),
    hasAudio: clips.some(({ hasAudio }) => hasAudio),
  };
}

/** The pieces in order. */
export function piecesOf(clips: readonly ClipFacts[], transition: Transition, { framesPerSecond }: Format): Piece[] {
  const frames = (ms: number) => Math.max(1, Math.round((ms * framesPerSecond) / 1000));
  /** Frames that the clip and the next one share. */
  const shared = (n: number): number => {
    const [before, after] = [clips[n], clips[n + 1]];
    if (transition === 'cut' || !before || !after) return 0;
    return Math.floor((crossfadeMs(before.durationMs, after.durationMs) * framesPerSecond) / 1000);
  };
  return clips.flatMap(({ durationMs }, n) => {
    const all = frames(durationMs);
    const [before, after] = [shared(n - 1), shared(n)];
    const body: Piece = { clips: [n], from: [before], frames: all - before - after };
    const blend: Piece = { clips: [n, n + 1], from: [all - after, 0], frames: after };
    return [body, blend].filter((piece) => piece.frames > 0);
  });
}

/** Pictures of one input: of the film's size and rate, exactly so many; a clip that is short by some repeats its last. */
function pictures(input: number, from: number, frames: number, { width, height, framesPerSecond }: Format): string {
  const fitted = `scale=${width}:${height}:force_original_aspect_ratio=decrease,pad=${width}:${height}:-1:-1,setsar=1`;
  const paced = `setpts=PTS-STARTPTS,${fitted},fps=${framesPerSecond},tpad=stop_mode=clone:stop=${framesPerSecond}`;
  const cut = `trim=start_frame=${from}:end_frame=${from + frames},setpts=PTS-STARTPTS,format=yuv420p`;
  return `[${input}:v:0]${paced},${cut}`;
}

/** The sound that belongs to them, or silence. */
function sound(input: number | null, from: number, frames: number, { framesPerSecond }: Format): string {
  const sample = (frame: number) => Math.round((frame * SAMPLES_PER_SECOND) / framesPerSecond);
  const cut = (first: number) =>
    `atrim=start_sample=${sample(first)}:end_sample=${sample(first + frames)},asetpts=PTS-STARTPTS`;
  const shape = `aformat=sample_fmts=s16:channel_layouts=stereo:sample_rates=${SAMPLES_PER_SECOND}`;
  if (input === null) return `anullsrc=r=${SAMPLES_PER_SECOND}:cl=stereo,${shape},${cut(0)}`;
  return `[${input}:a:0]asetpts=PTS-STARTPTS,aresample=${SAMPLES_PER_SECOND},${shape},apad,${cut(from)}`;
}

/** The filter graph of a piece, with the outputs `[v]` and, where the film has sound, `[a]`. */
export function graphOf({ clips, from, frames }: Piece, facts: readonly ClipFacts[], format: Format): string {
  const inputs = clips.map((clip, input) => ({
    input,
    at: from[input] ?? 0,
    hasAudio: facts[clip]?.hasAudio ?? false,
  }));
  const seconds = frames / format.framesPerSecond;
  const shown = inputs.map(({ input, at }) => `${pictures(input, at, frames, format)}[v${input}]`);
  const heard = inputs.map(
    ({ input, at, hasAudio }) => `${sound(hasAudio ? input : null, at, frames, format)}[a${input}]`,
  );
  const isBlend = inputs.length > 1;
  const graph = [...shown, isBlend ? `[v0][v1]xfade=transition=fade:duration=${seconds}:offset=0[v]` : '[v0]null[v]'];
  if (!format.hasAudio) return graph.join(';');
  const mixed = [
    `[a0]afade=t=out:d=${seconds}[out]`,
    `[a1]afade=t=in:d=${seconds}[in]`,
    '[out][in]amix=inputs=2:normalize=0[a]',
  ];
  return [...graph, ...heard, ...(isBlend ? mixed : ['[a0]anull[a]'])].join(';');
}
