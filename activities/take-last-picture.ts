/** `takeLastPicture`: the last picture of an ended clip becomes the first one of a line's. */

import { createHash } from 'node:crypto';
import { failLine, findSourceOf, startFromPicture } from '../src/catalog/batch-steps.ts';
import { enterInputImage } from '../src/catalog/input-images.ts';
import { readImageHeader, UnusableImage } from '../src/domain/image-header.ts';
import { storeInputImage } from '../src/media/input-images.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withHeartbeats } from './heartbeat.ts';

export interface TakeLastPictureInput {
  readonly batchId: string;
  readonly line: number;
}

export function createPictureActivities(dependencies: ActivityDependencies) {
  const { db, store } = dependencies;

  async function take({ batchId, line }: TakeLastPictureInput): Promise<void> {
    const source = await findSourceOf(db, batchId, line);
    if (!source) return;
    try {
      if (!source.archive || source.purgedAt !== null) throw new UnusableImage('its media have been purged');
      const bytes = await dependencies.takeLastPicture(source.archive.clipKey);
      const { mediaType, width, height } = readImageHeader(bytes);
      const image = {
        sha256: createHash('sha256').update(bytes).digest('hex'),
        mediaType,
        sizeBytes: bytes.byteLength,
      };
      await enterInputImage(db, { ...image, width, height });
      await storeInputImage(store, { sha256: image.sha256, bytes });
      await startFromPicture(db, batchId, line, { kind: 'stored', ...image });
    } catch (error) {
      if (!(error instanceof UnusableImage)) throw error;
      const message = `the last picture of ${source.id} cannot be had: ${error.message}`;
      await failLine(db, batchId, line, { code: 'start_failed', message });
    }
  }

  return { takeLastPicture: (input: TakeLastPictureInput) => withHeartbeats(() => take(input)) };
}
