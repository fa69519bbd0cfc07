/** Starting workflows again that closed although their videos have something left to do. */

import { listUnaudited, noteResume, noteRunning } from '../catalog/audits.ts';
import { readClock } from '../catalog/clock.ts';
import { wish } from '../catalog/wishes.ts';
import type { Video } from '../domain/video.ts';
import type { VideoWorkflows } from '../domain/video-workflows.ts';
import { type Start, type StartDependencies, startVideo } from './start.ts';

export interface ResumeDependencies extends StartDependencies {
  readonly workflows: Pick<VideoWorkflows, 'start' | 'standing' | 'listClosedSince'>;
}

/** Videos that are compared with their workflows in one sweep. */
const AUDIT_LIMIT = 1000;
const VISIBILITY_WINDOW_MS = 15 * 60_000;

/** Starts the workflow of a video, once it is certain that none is running. */
export async function resume(dependencies: ResumeDependencies, video: Video): Promise<'running' | Start> {
  const { db, workflows } = dependencies;
  const standing = await workflows.standing(video.id);
  if (standing === 'running') {
    await noteRunning(db, video.id);
    return 'running';
  }
  // An operator who closes a workflow wants its video cancelled; what the server closes goes on.
  if (standing === 'terminated') await wish(db, video.id, 'cancel');
  const outcome = await startVideo(dependencies, video);
  if (outcome === 'started') await noteResume(db, video.id);
  return outcome;
}

/** Videos that are due: workflows that were closed from outside, as far as visibility tells, come first. */
export async function listDue({ db, workflows, log }: ResumeDependencies): Promise<readonly Video[]> {
  const since = new Date((await readClock(db)).getTime() - VISIBILITY_WINDOW_MS);
  const closed = await workflows.listClosedSince(since).catch((error: unknown) => {
    log.warn({ error: String(error) }, 'the workflows that were closed could not be listed');
    return [];
  });
  return await listUnaudited(db, { closed, limit: AUDIT_LIMIT });
}
