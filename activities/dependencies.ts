/** What activities work with: handed in, so that a test can hand in its own. */

import type { ArchiveClip, InspectClip } from '../src/archive/archive-clip.ts';
import type { PutClip } from '../src/archive/deliver-clip.ts';
import type { FilmMaker } from '../src/archive/film/make-film.ts';
import type { TakeLastPicture } from '../src/archive/last-picture.ts';
import type { JsonObject } from '../src/domain/json.ts';
import type { Video } from '../src/domain/video.ts';
import type { VideoWorkflows } from '../src/domain/video-workflows.ts';
import type { SubmissionDependencies } from '../src/submissions/dependencies.ts';
import type { AttemptDependencies } from '../src/webhooks/attempt.ts';

export interface ActivityDependencies extends SubmissionDependencies {
  readonly workflows: VideoWorkflows;
  readonly archiveClip: ArchiveClip;
  /** Reads back a clip that lies in the store already. */
  readonly inspectClip: InspectClip;
  /** The last picture of a stored clip, as a JPEG. @throws UnusableImage where none can be had. */
  readonly takeLastPicture: TakeLastPicture;
  readonly films: FilmMaker;
  /** An ended video as its batch's files show it. */
  renderEnded(video: Video): JsonObject;
  readonly delivery: AttemptDependencies;
  /** Brings clips where their callers want them, beside the archive. */
  readonly putClip: PutClip;
  /** How many days rows outlive the ends of their videos; for ever when absent. */
  readonly keepDays?: number;
}
