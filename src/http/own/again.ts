/** Our own routes for doing once more, and for doing to many: a video made again, and one action on all that are named. */

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { DIALECTS } from '../../dialects/index.ts';
import type { Caller } from '../../domain/caller.ts';
import { defined } from '../../domain/defined.ts';
import { Refusal } from '../../domain/failure.ts';
import { isEnded, type Video } from '../../domain/video.ts';
import { draftOf } from '../../domain/video-request.ts';
import type { CreateOrder, KeyedOrder } from '../../gateway/orders.ts';
import {
  againBody,
  BULK_PATHS,
  type BulkAction,
  bulkAnswer,
  bulkBody,
  MOST_IN_BULK,
} from '../../wire/clipyard/bulk.ts';
import { createHeaders } from '../../wire/clipyard/headers.ts';
import { videoAnswer } from '../../wire/clipyard/videos.ts';
import { readCallback } from '../dialects/callback.ts';
import { readCreateTimes } from '../dialects/create-times.ts';
import { idempotencyOf } from '../dialects/idempotency.ts';
import { checkImageHosts } from '../dialects/image-hosts.ts';
import { scopeOf } from './access.ts';
import type { OwnRoutesOptions } from './options.ts';
import { own } from './own.ts';
import { takeSnapshot } from './snapshot.ts';
import { VIDEOS } from './videos.ts';

type Changes = z.output<typeof againBody>;

/** What the request says of a create beside its body. */
interface Asking extends KeyedOrder {
  readonly times: CreateOrder['times'];
  readonly callback?: CreateOrder['callback'];
}

async function askingOf(
  { trustedHosts }: Pick<OwnRoutesOptions, 'trustedHosts'>,
  request: FastifyRequest,
  { caller, body }: { readonly caller: Caller; readonly body: unknown },
): Promise<Asking> {
  return {
    caller,
    idempotency: await idempotencyOf(request.headers['idempotency-key'], body),
    times: readCreateTimes(request.headers),
    ...readCallback({ headers: request.headers }, trustedHosts),
  };
}

/** The same request with these changes, kept for as long as its dialect keeps videos. */
function orderAgain(
  { times, callback, ...asking }: Asking,
  { id, dialect, request }: Video,
  changes?: Changes,
): CreateOrder {
  const draft = { ...draftOf(request), ...defined(changes ?? {}), againOf: id };
  const { retentionSeconds } = DIALECTS[dialect];
  return { ...asking, ...defined({ times, callback }), dialect, draft, retentionSeconds };
}

/** Mounts the routes. */
export function againRoutes(app: FastifyInstance, options: OwnRoutesOptions): void {
  const { gateway, trustedHosts } = options;

  own(app, VIDEOS, {
    method: 'POST',
    access: 'caller',
    path: BULK_PATHS.again,
    id: 'makeVideoAgain',
    summary: 'Makes a video again',
    description:
      "A new video with the same request; members of the body stand in place of the request's own. Takes " +
      '`Idempotency-Key`, `x-callback-url`, `x-start-before`, `x-end-before` and `x-priority` as every create does.',
    headers: createHeaders,
    body: againBody,
    example: { prompt: 'a red fox at night' },
    answers: { 201: videoAnswer },
    refusals: [
      'unknown_model',
      'insufficient_credit',
      'credit_held',
      'gone',
      'idempotency_mismatch',
      'too_many_videos',
      'unavailable',
    ],
    async handle({ caller, params, body, request }) {
      const asking = await askingOf(options, request, { caller, body: { againOf: params.id, ...body } });
      checkImageHosts(body.images ?? [], trustedHosts);
      // The source may be gone by the time that it is asked for once more.
      const earlier = await gateway.findEarlier(asking);
      if (earlier !== null) return takeSnapshot(options, earlier);
      const source = await gateway.read(caller, params.id);
      return takeSnapshot(options, await gateway.create(orderAgain(asking, source, body)));
    },
  });

  /** X9: as DELETE in OpenAI's dialect, which does not remove what has not ended. */
  async function remove(caller: Caller, id: string): Promise<void> {
    const { state } = await gateway.read(caller, id);
    if (!isEnded(state)) throw new Refusal('conflict', `video ${id} has not ended; it can be deleted then`);
    await gateway.remove(caller, id, { purgesMedia: true });
  }

  const ACTIONS: { readonly [Action in BulkAction]: (asking: Asking, id: string) => Promise<unknown> } = {
    async cancel({ caller }, id) {
      await gateway.read(caller, id);
      await gateway.cancel(caller, id);
    },
    async again(asking, id) {
      const source = await gateway.read(asking.caller, id);
      await gateway.createAgain(orderAgain(asking, source), id);
    },
    delete: ({ caller }, id) => remove(caller, id),
    rearchive: ({ caller }, id) => gateway.rearchive(caller, id),
  };

  own(app, VIDEOS, {
    method: 'POST',
    access: 'caller',
    path: BULK_PATHS.bulk,
    id: 'actOnVideos',
    summary: 'One action on many videos',
    description:
      `On those of \`ids\`, or on all that \`filter\` finds, ${MOST_IN_BULK} at most. What takes longer than ten seconds ` +
      'goes on behind the answer; sending the request again does what is left. With an `Idempotency-Key`, `again` makes ' +
      'each video once, however often the request is sent.',
    headers: createHeaders,
    body: bulkBody,
    example: { action: 'cancel', ids: ['video_1'] },
    answers: { 200: bulkAnswer },
    refusals: ['forbidden', 'unavailable'],
    async handle({ caller, body, request }) {
      const asking = await askingOf(options, request, { caller, body });
      const act = ACTIONS[body.action];
      const ids = 'ids' in body ? body.ids : await gateway.listIds(filterOf(caller, body.filter));
      return await gateway.bulk(ids, (id) => act(asking, id));
    },
  });
}

type Filter = Extract<z.output<typeof bulkBody>, { readonly filter: unknown }>['filter'];

function filterOf(caller: Caller, { state, caller: named, ...given }: Filter) {
  return { callerId: scopeOf(caller, named), limit: MOST_IN_BULK, ...defined({ ...given, states: state }) };
}
