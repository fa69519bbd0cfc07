/** Starting the workflows of videos that were accepted. */

import { listUnopened } from '../catalog/audits.ts';
import type { Db } from '../catalog/driver/database.ts';
import { endVideo } from '../catalog/ends.ts';
import { wish } from '../catalog/wishes.ts';
import { failureOf } from '../domain/failure.ts';
import type { Log } from '../domain/log.ts';
import { isAway, readRefusal } from '../domain/start-error.ts';
import type { Video } from '../domain/video.ts';
import type { VideoWorkflows } from '../domain/video-workflows.ts';
import { type Outcomes, tryEach } from './try-each.ts';

export interface StartDependencies {
  readonly db: Db;
  readonly workflows: Pick<VideoWorkflows, 'start'>;
  readonly log: Pick<Log, 'warn'>;
}

export interface ForgottenDependencies extends StartDependencies {
  readonly workflows: Pick<VideoWorkflows, 'start' | 'standing'>;
}

/** What came of a start: `ended` is a video that Temporal will never take; while it is `away` the next fails as well. */
export type Start = 'started' | 'ended' | 'away' | 'failed';

/** Starts a video's workflow unless it runs; nothing is thrown. */
export async function startVideo(dependencies: StartDependencies, video: Video): Promise<Start> {
  const { workflows, log } = dependencies;
  try {
    await workflows.start(video);
    return 'started';
  } catch (error) {
    // One that ran before was taken once: what keeps it from running again will pass.
    const words = video.openedAt === null ? readRefusal(error) : null;
    if (words !== null) return await refuse(dependencies, video, words);
    log.warn({ videoId: video.id, error: String(error) }, 'a video could not be started; it is tried again');
    return isAway(error) ? 'away' : 'failed';
  }
}

/** It would be refused for ever: the video ends, and its hold is released. */
async function refuse({ db, log }: StartDependencies, { id }: Video, words: string): Promise<Start> {
  log.warn({ videoId: id, error: words }, 'Temporal will never start this video');
  const failure = failureOf('start_refused', `Temporal refused to start the video: ${words}`);
  try {
    await endVideo(db, id, { state: 'failed', failure, archive: null });
    return 'ended';
  } catch (error) {
    log.warn({ videoId: id, error: String(error) }, 'a video that cannot be started could not be ended');
    return 'failed';
  }
}

/** Those that no run has opened, page by page: while Temporal was away for long there may be thousands. */
async function* unopened(db: Db, acceptedBefore: Date): AsyncGenerator<Video> {
  for (let after: Video | null = null; ; ) {
    const page: readonly Video[] = await listUnopened(db, acceptedBefore, after);
    yield* page;
    after = page.at(-1) ?? null;
    if (after === null) return;
  }
}

/** Its workflow may have been started, and closed by an operator before its first step: then its video is to be cancelled. */
async function startForgotten(dependencies: ForgottenDependencies, video: Video): Promise<Start> {
  const standing = await dependencies.workflows.standing(video.id).catch(() => null);
  if (standing === 'terminated') await wish(dependencies.db, video.id, 'cancel');
  return await startVideo(dependencies, video);
}

/** Starts all videos that no run has opened. */
export function startUnopened(dependencies: ForgottenDependencies, acceptedBefore: Date): Promise<Outcomes<Start>> {
  return tryEach(unopened(dependencies.db, acceptedBefore), (video) => startForgotten(dependencies, video));
}
