/** `takeLastPicture`: the last picture of an ended clip becomes the first one of a line's. */

import { failLine, findSourceOf, startFromPicture } from '../src/catalog/batch-steps.ts';
import { readImageHeader, UnusableImage } from '../src/domain/image-header.ts';
import { keepImageBytes } from '../src/submissions/keep-image.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withHeartbeats } from './heartbeat.ts';

export interface TakeLastPictureInput {
  readonly batchId: string;
  readonly line: number;
}

export function createPictureActivities(dependencies: ActivityDependencies) {
  const { db } = dependencies;

  async function take({ batchId, line }: TakeLastPictureInput): Promise<void> {
    const source = await findSourceOf(db, batchId, line);
    if (!source) return;
    try {
      if (!source.archive || source.purgedAt !== null) throw new UnusableImage('its media have been purged');
      const bytes = await dependencies.takeLastPicture(source.archive.clipKey);
      const image = await keepImageBytes(dependencies, { bytes, ...readImageHeader(bytes) });
      await startFromPicture(db, batchId, line, image);
    } catch (error) {
      if (!(error instanceof UnusableImage)) throw error;
      const message = `the last picture of ${source.id} cannot be had: ${error.message}`;
      await failLine(db, batchId, line, { code: 'start_failed', message });
    }
  }

  return { takeLastPicture: (input: TakeLastPictureInput) => withHeartbeats(() => take(input)) };
}
