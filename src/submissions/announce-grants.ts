/** Winners of slots are told, however long Temporal is away. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../domain/log.ts';
import type { Grant } from '../domain/slot.ts';
import type { VideoWorkflows } from '../domain/video-workflows.ts';

/** What winners are told with. */
export interface AnnouncementDependencies {
  readonly workflows: Pick<VideoWorkflows, 'signalGranted'>;
  readonly log: Pick<Log, 'warn'>;
}

/** What could not be told is told again so often, and so many times; for longer it is the sweep's. */
const TELL_AGAIN_MS = 2_000;
const TELLS_AGAIN = 30;

/**
 * Tells every winner of a slot. One that could not be told is told again behind the answer, until Temporal is back: an
 * account that makes one create at a time makes none before its winner knows.
 */
export async function announceGrants(
  { workflows, log }: AnnouncementDependencies,
  grants: readonly Grant[],
): Promise<void> {
  const tell = async (grant: Grant) => {
    const error = await failureToTell(workflows, grant);
    if (error === null) return;
    log.warn(
      { videoId: grant.videoId, error: String(error) },
      'a granted slot could not be announced; it is told again',
    );
    void tellAgain(workflows, grant);
  };
  await Promise.all(grants.map(tell));
}

/** What kept the winner from being told; null when it has been. */
async function failureToTell(
  workflows: AnnouncementDependencies['workflows'],
  { videoId, ...slot }: Grant,
): Promise<unknown> {
  try {
    await workflows.signalGranted(videoId, slot);
    return null;
  } catch (error) {
    return error;
  }
}

/** A slot that another video was granted meanwhile is none to its former winner, which reads its rows. */
async function tellAgain(workflows: AnnouncementDependencies['workflows'], grant: Grant): Promise<void> {
  for (let tell = 0; tell < TELLS_AGAIN; tell += 1) {
    await sleep(TELL_AGAIN_MS, undefined, { ref: false });
    if ((await failureToTell(workflows, grant)) === null) return;
  }
}
