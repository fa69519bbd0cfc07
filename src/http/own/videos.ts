/** Our own routes for videos: snapshots, the list, and what can be asked of a video. */

import type { FastifyInstance } from 'fastify';
import type { Caller } from '../../domain/caller.ts';
import type { Video } from '../../domain/video.ts';
import { type ById, callerOf, scopeOf } from './access.ts';
import { estimateBody, listVideosQuery, noQuery, read } from './requests.ts';
import type { OwnRoutesOptions } from './routes.ts';
import { renderVideo, type VideoSnapshot } from './snapshot.ts';

/** How a video is shown, with what only other parts know of it. */
export async function takeSnapshot(
  { gateway, links, workflowUrl }: Pick<OwnRoutesOptions, 'gateway' | 'links' | 'workflowUrl'>,
  video: Video,
): Promise<VideoSnapshot> {
  const queuePosition = video.state === 'queued' ? await gateway.queuePosition(video) : null;
  const { clipUrl, posterUrl } = links(video);
  return renderVideo(video, { queuePosition, clipUrl, posterUrl, workflowUrl: workflowUrl(video.id) });
}

/** Mounts the routes. */
export function videoRoutes(app: FastifyInstance, options: OwnRoutesOptions): void {
  const { gateway } = options;

  app.get<ById>('/videos/:id', async (request) => {
    read(noQuery, request.query);
    const caller = callerOf(request);
    // What a caller has deleted is gone for the caller, not for the operator.
    return await takeSnapshot(options, await gateway.read(caller, request.params.id, { includeHidden: caller.isRoot }));
  });

  app.get('/videos', async (request) => {
    const { caller, state, batchId, model, limit, cursor } = read(listVideosQuery, request.query);
    const { videos, nextCursor } = await gateway.list({
      callerId: scopeOf(request, caller),
      limit,
      ...(state && { states: state }),
      ...(batchId !== undefined && { batchId }),
      ...(model !== undefined && { model }),
      ...(cursor !== undefined && { cursor }),
    });
    return { items: await Promise.all(videos.map((video) => takeSnapshot(options, video))), nextCursor };
  });

  const actions: Readonly<Record<string, (caller: Caller, id: string) => Promise<Video>>> = {
    cancel: (caller, id) => gateway.cancel(caller, id),
    rearchive: (caller, id) => gateway.rearchive(caller, id),
    recheck: (caller, id) => gateway.recheck(caller, id),
  };
  for (const [name, act] of Object.entries(actions)) {
    app.post<ById>(`/videos/:id/${name}`, async (request) => {
      return await takeSnapshot(options, await act(callerOf(request), request.params.id));
    });
  }

  app.post('/estimates', async (request) => {
    const body = read(estimateBody, request.body ?? {});
    const estimate = await gateway.estimate(callerOf(request), {
      model: body.model ?? undefined,
      prefer: body.prefer ?? undefined,
      durationSeconds: body.durationSeconds ?? undefined,
      aspectRatio: body.aspectRatio ?? undefined,
      quality: body.quality ?? undefined,
      mode: body.mode ?? undefined,
    });
    const { estimateMicroUsd, model, provider, account } = estimate;
    return { estimateMicroUsd, model, provider, account };
  });
}
