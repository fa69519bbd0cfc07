/** An archived clip as it is on disk: what the gateway says of its archive has to be true of the file itself. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { probeClip } from '../archive/mp4-probe.ts';
import { createFileStore } from '../media/file-store.ts';
import { clipKeyOf, filmKeyOf } from '../media/media-key.ts';
import { mediaDir } from './parts.ts';

export interface ClipOnDisk {
  readonly file: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly durationMs: number;
}

/** Reads a video's clip in a data directory. @throws where there is none, or bytes that are no video. */
export function readArchivedClip(dataDir: string, videoId: string): Promise<ClipOnDisk> {
  return readOnDisk(dataDir, clipKeyOf(videoId));
}

/** The same of a film. */
export function readArchivedFilm(dataDir: string, filmId: string): Promise<ClipOnDisk> {
  return readOnDisk(dataDir, filmKeyOf(filmId));
}

async function readOnDisk(dataDir: string, key: string): Promise<ClipOnDisk> {
  const root = mediaDir(dataDir);
  const file = join(root, key);
  const hash = createHash('sha256');
  const stream = createReadStream(file);
  await pipeline(stream, hash);
  const { durationMs } = await probeClip(createFileStore(root), key);
  return { file, sha256: hash.digest('hex'), sizeBytes: stream.bytesRead, durationMs };
}
