/** `rearchiveVideo`: puts a lost clip back where its row says that it is; the row itself never changes. */

import { findCurrentSubmission } from '../src/catalog/submissions.ts';
import { findVideo } from '../src/catalog/videos.ts';
import { type ArchivedClip, isMediaOver } from '../src/domain/video.ts';
import { posterKeyOf } from '../src/media/media-key.ts';
import { removeMedia } from '../src/media/remove-media.ts';
import { sourceOf } from '../src/submissions/result-source.ts';
import { activityFailure } from './activity-failure.ts';
import { fetchClip } from './archive-video.ts';
import type { ActivityDependencies } from './dependencies.ts';

export function createRearchiveActivity(dependencies: ActivityDependencies) {
  const { db, store, archiveClip } = dependencies;

  /** The archive that the row promises; fails where no caller is given the media any more. */
  async function promisedArchive(videoId: string): Promise<ArchivedClip> {
    const video = await findVideo(db, videoId);
    if (!video?.archive || isMediaOver(video)) {
      throw activityFailure('result_expired', `the media of video ${videoId} have had their time`);
    }
    return video.archive;
  }

  return {
    async rearchiveVideo({ videoId }: { readonly videoId: string }): Promise<void> {
      const archive = await promisedArchive(videoId);
      if ((await store.sizeBytes(archive.clipKey)) === archive.sizeBytes) return;
      const submission = await findCurrentSubmission(db, videoId);
      const source = submission && sourceOf(dependencies, submission);
      if (!source) throw activityFailure('result_expired', `video ${videoId} has no link to fetch its clip from`);
      const { clipKey } = archive;
      // Who asked waits for it: what cannot be had now is asked for again by another request.
      const fetched = await fetchClip(archiveClip, source, {
        clipKey,
        posterKey: archive.posterKey ?? posterKeyOf(videoId),
        expiresAt: new Date(),
      });
      if (fetched.kind === 'later') throw activityFailure('result_expired', fetched.problem.message);
      if (fetched.clip.sha256 !== archive.sha256) {
        // What was given out once under this id, with its hash, must not become something else.
        await removeMedia(store, videoId);
        throw activityFailure('result_invalid', "the upstream's link holds other bytes than those that were archived");
      }
      // A purge that did not see the new file is seen here.
      await promisedArchive(videoId).catch(async (error: unknown) => {
        await removeMedia(store, videoId);
        throw error;
      });
    },
  };
}
