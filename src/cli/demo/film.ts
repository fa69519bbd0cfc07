/** The demo's film: the clips of the manifest joined in order, and verified on disk. */

import { randomUUID } from 'node:crypto';
import { createFilm, requireFilm, watchFilm } from '../../client/film-answers.ts';
import { type ClipOnDisk, readArchivedFilm } from '../../process/archived-clip.ts';
import type { DemoClip, DemoGateway } from './clips.ts';

export interface DemoFilm extends ClipOnDisk {
  readonly id: string;
}

/** Clips of several sizes are coded again, and hundreds of them for long. */
const MOST_CLIPS = 12;

/** Joins the first ones of these clips, or says why there is no film. @throws where the demo is stopped. */
export async function makeFilm(
  gateway: DemoGateway,
  clips: readonly DemoClip[],
  stream: NodeJS.WriteStream,
): Promise<DemoFilm | Error> {
  const made = clips.flatMap(({ id, isVerified }) => (id !== null && isVerified ? [id] : []));
  try {
    return await join(gateway, made.slice(0, MOST_CLIPS), stream);
  } catch (error) {
    if (gateway.client.signal.aborted || !(error instanceof Error)) throw error;
    return error;
  }
}

async function join({ client, dataDir }: DemoGateway, videos: readonly string[], stream: NodeJS.WriteStream) {
  if (videos.length === 0) throw new Error('there is no clip to make it of');
  const { film } = await createFilm(client, { videos }, randomUUID());
  stream.write(`Joining ${videos.length} clips into one film\n`);
  const { film: made } = await watchFilm(client, film.id, stream);
  requireFilm(made);
  const onDisk = await readArchivedFilm(dataDir, film.id);
  if (onDisk.sha256 !== made.archive?.sha256) throw new Error('the film on disk is not what was archived');
  return { id: film.id, ...onDisk };
}

/** The last line: the film, or why there is none. */
export function renderFilm(film: DemoFilm | Error): string {
  if (film instanceof Error) return `No film: ${film.message}`;
  return `Film ${film.file}, ${(film.durationMs / 1000).toFixed(1)} s`;
}
