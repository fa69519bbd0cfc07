/** Our own routes for videos: snapshots, the list, and what can be asked of a video. */

import type { FastifyInstance } from 'fastify';
import { noQuery } from '../../wire/clipyard/fields.ts';
import { listVideosQuery, resolveBody, VIDEO_PATHS, videoAnswer, videoListAnswer } from '../../wire/clipyard/videos.ts';
import { scopeOf } from './access.ts';
import type { Tag } from './operation.ts';
import type { OwnRoutesOptions } from './options.ts';
import { own } from './own.ts';
import { takeSnapshot, takeSnapshots } from './snapshot.ts';

/** Of all routes that are about videos. */
export const VIDEOS: Tag = {
  name: 'videos',
  description:
    'Clips: everything about them, and what can be asked of them. They are created in the words of a documented API, ' +
    'such as `POST /openai/v1/videos` or `POST /airforce/v1/video/generations` below.',
};
/** What can be asked of a video, which is shown as it is then. */
const ACTION = { method: 'POST', access: 'caller', answers: { 200: videoAnswer } } as const;

/** Mounts the routes. */
export function videoRoutes(app: FastifyInstance, options: OwnRoutesOptions): void {
  const { gateway } = options;

  own(app, VIDEOS, {
    method: 'GET',
    path: VIDEO_PATHS.video,
    id: 'getVideo',
    summary: 'The snapshot of a video',
    description: "Another caller's video is answered as one that does not exist; root sees all.",
    access: 'caller',
    query: noQuery,
    answers: { 200: videoAnswer },
    // What a caller has deleted is gone for the caller, not for the operator.
    handle: async ({ caller, params }) =>
      takeSnapshot(options, await gateway.read(caller, params.id, { includeHidden: caller.isRoot })),
  });

  own(app, VIDEOS, {
    method: 'GET',
    path: VIDEO_PATHS.videos,
    id: 'listVideos',
    isHeavy: true,
    summary: 'Videos, newest first',
    access: 'caller',
    query: listVideosQuery,
    answers: { 200: videoListAnswer },
    refusals: ['forbidden'],
    handle: async ({ caller, query: { caller: named, state, batchId, model, limit, cursor } }) => {
      const { videos, nextCursor } = await gateway.list({
        callerId: scopeOf(caller, named),
        limit,
        ...(state?.length && { states: state }),
        ...(batchId !== undefined && { batchId }),
        ...(model !== undefined && { model }),
        ...(cursor !== undefined && { cursor }),
      });
      return { items: await takeSnapshots(options, videos), nextCursor };
    },
  });

  own(app, VIDEOS, {
    ...ACTION,
    path: VIDEO_PATHS.cancel,
    id: 'cancelVideo',
    summary: 'Cancels a video',
    description:
      'Where the upstream cannot cancel a running task the video is `cancelled` at once, its slot stays taken until the ' +
      'task ends, and it is charged if the task completes. A video that has ended stays as it is.',
    handle: async ({ caller, params }) => takeSnapshot(options, await gateway.cancel(caller, params.id)),
  });

  own(app, VIDEOS, {
    ...ACTION,
    path: VIDEO_PATHS.recheck,
    id: 'recheckVideo',
    summary: "Polls the video's task as soon as its upstream's interval allows",
    handle: async ({ caller, params }) => takeSnapshot(options, await gateway.recheck(caller, params.id)),
  });

  own(app, VIDEOS, {
    ...ACTION,
    path: VIDEO_PATHS.rearchive,
    id: 'rearchiveVideo',
    summary: "Fetches a lost clip again while the upstream's link lives",
    refusals: ['conflict'],
    handle: async ({ caller, params }) => takeSnapshot(options, await gateway.rearchive(caller, params.id)),
  });

  own(app, VIDEOS, {
    ...ACTION,
    access: 'root',
    path: VIDEO_PATHS.resolve,
    id: 'resolveVideo',
    summary: 'Decides a lost answer that nothing else decides',
    description:
      'Whether the upstream made a task of the create whose answer was lost: the video goes on with it, or is created ' +
      'again. Where the doubt has ended the video, what was presumed of the bill is put right.',
    body: resolveBody,
    example: { made: true, taskId: 'task_9f2c' },
    refusals: ['conflict'],
    handle: async ({ caller, params, body }) => takeSnapshot(options, await gateway.resolve(caller, params.id, body)),
  });
}
