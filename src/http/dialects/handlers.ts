/** What each kind of dialect route does: read the request, call the gateway, render the answer. */

import type { FastifyReply } from 'fastify';
import type {
  DeleteRoute,
  DialectAnswer,
  DialectRequest,
  DialectRoute,
  RouteKind,
  RoutesByKind,
  VideoView,
} from '../../dialects/dialect.ts';
import { Refusal } from '../../domain/failure.ts';
import { isEnded, isVideoId, type Video } from '../../domain/video.ts';
import { jobIdOf } from '../../domain/webhook.ts';
import { findMedia, findSpriteSheet } from '../media/routes.ts';
import { serveObject } from '../media/serve-object.ts';
import { base64Body, base64BodyBytes, type Surroundings } from './base64-body.ts';
import { createVideo, createVideos, keyed } from './create-videos.ts';
import type { Exchange, FrontDoor } from './exchange.ts';
import { waitForEnd } from './wait-for-end.ts';

/** Null: the handler has answered by itself. */
type Handler<K extends RouteKind> = (
  door: FrontDoor,
  exchange: Exchange,
  route: RoutesByKind[K] & { readonly kind: K },
) => Promise<DialectAnswer | null>;

const SECONDS_PER_DAY = 86_400;

/** X23: clients that lost their id ask for anything; what cannot be an id costs no look at the catalog. */
function checkVideoId(id: string): string {
  if (!isVideoId(id)) throw new Refusal('not_found', 'there is no such task');
  return id;
}

function videoIdOf({ request }: Exchange): string {
  return checkVideoId(request.params['id'] ?? '');
}

/** The first value of each. */
function singly(values: Record<string, string | string[] | undefined>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [value].flat()[0]]));
}

function dialectRequest({ request, body }: Exchange): DialectRequest {
  return { params: request.params, query: singly(request.query), headers: singly(request.headers), body };
}

/** As much as is repeated of what is no model's name. */
const LONGEST_NAME = 256;

/** With the code that OpenAI's clients know; a create that names such a model is 400, but here it is what is asked for. */
function noSuchModel(id: string): Refusal {
  const code = 'model_not_found';
  return new Refusal('not_found', `model ${id.slice(0, LONGEST_NAME)} is not on offer`, { code, param: 'model' });
}

function viewOf({ links }: FrontDoor, video: Video): VideoView {
  return { video, ...links(video) };
}

/** Aborted when the client has gone. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => controller.abort());
  return controller.signal;
}

/** A4-10: the clip as it is read from the archive, in base64; null since that is the whole answer. */
async function sendClip(
  { store }: FrontDoor,
  video: Video,
  { reply, around }: { readonly reply: FastifyReply; readonly around: Surroundings },
): Promise<null> {
  const { key, sizeBytes } = await findMedia(store, video, 'clip');
  const object = await store.read(key);
  if (object === null) throw new Refusal('gone', 'the media have been purged');
  reply.removeHeader('x-should-retry');
  reply.headers({
    'content-type': 'application/json; charset=utf-8',
    'content-length': base64BodyBytes(sizeBytes, around),
    'cache-control': 'no-store',
  });
  reply.send(base64Body(object, sizeBytes, around));
  return null;
}

/** X9: removes a video, or refuses, as the route says for one that has not ended. */
async function remove(
  { gateway }: FrontDoor,
  { id, state }: Video,
  { exchange, route }: { readonly exchange: Exchange; readonly route: DeleteRoute },
): Promise<void> {
  const { purgesMedia, whileRunning } = route;
  if (!isEnded(state) && whileRunning === 'refuse') {
    throw new Refusal('conflict', `video ${id} has not ended; it can be deleted then`);
  }
  if (!isEnded(state) && whileRunning === 'cancel') await gateway.cancel(exchange.caller, id);
  await gateway.remove(exchange.caller, id, { purgesMedia });
}

const HANDLERS: { readonly [K in RouteKind]: Handler<K> } = {
  async create(door, exchange, route) {
    const order = route.parse(dialectRequest(exchange));
    return route.render(viewOf(door, await createVideo(door, exchange, order)));
  },

  async createAndWait(door, exchange, route) {
    const { request, reply, caller } = exchange;
    const { id } = await createVideo(door, exchange, route.parse(dialectRequest(exchange)));
    request.releaseBody();
    // X19: from here on sending the request again would make another video.
    reply.headers({ 'x-video-id': id, location: `/clipyard/v1/videos/${id}`, 'x-should-retry': 'false' });
    const source = {
      read: () => door.gateway.read(caller, id, { includeHidden: true }),
      watch: (onChange: () => void) => door.gateway.watch(id, onChange),
      onError: (error: unknown) => request.log.warn({ err: error }, 'video could not be read while it was waited for'),
    };
    const signal = goneSignal(reply);
    const video = await waitForEnd(source, { limitMs: door.syncWaitMs, signal });
    if (signal.aborted) {
      // A4-28, X19: the video goes on without its caller.
      reply.hijack();
      return null;
    }
    if (video === null) return route.renderUnfinished(viewOf(door, await source.read()));
    if (video.state !== 'completed') return route.renderFailed(viewOf(door, video));
    return await sendClip(door, video, { reply, around: route.surroundClip(video) });
  },

  async createMany(door, exchange, route) {
    const asked = dialectRequest(exchange);
    const order = route.parse(asked);
    const videos = await createVideos(door, exchange, order);
    const jobId = jobIdOf(videos[0]?.id ?? '');
    return route.render(
      videos.map((video) => viewOf(door, video)),
      asked,
      order.callback ? { id: jobId, secret: door.gateway.jobSecret(jobId) } : null,
    );
  },

  async createManyAndStream(door, exchange, route) {
    const { request, reply, caller } = exchange;
    const asked = dialectRequest(exchange);
    const videos = await createVideos(door, exchange, route.parse(asked));
    const ids = videos.map(({ id }) => id);
    reply.header('x-video-id', ids.join(', '));
    const source = {
      key: `videos ${caller.id} ${ids.join()}`,
      first: videos,
      read: () => Promise.all(ids.map((id) => door.gateway.read(caller, id, { includeHidden: true }))),
      show: (shown: readonly Video[]) => {
        const views = shown.map((video) => viewOf(door, video));
        const end = route.renderEnd(views, asked);
        return { events: end === null ? [] : [end], isOver: end !== null };
      },
      watch: (onChange: () => void) => {
        const unwatch = ids.map((id) => door.gateway.watch(id, onChange));
        return () => {
          for (const stop of unwatch) stop();
        };
      },
    };
    await door.streams.follow(source, request, reply);
    return null;
  },

  async remix(door, exchange, route) {
    const remixOf = videoIdOf(exchange);
    const read = async () => route.parse(dialectRequest(exchange), await door.gateway.read(exchange.caller, remixOf));
    // The source may be gone by the time that its remix is asked for once more.
    const earlier = await door.gateway.findEarlier(await keyed(exchange, { remixOf }));
    return route.render(viewOf(door, earlier ?? (await createVideo(door, exchange, await read()))));
  },

  async read(door, exchange, route) {
    const video = await door.gateway.show(exchange.caller, videoIdOf(exchange));
    return route.render(viewOf(door, video));
  },

  async readMany(door, exchange, route) {
    const ids = route.parse(dialectRequest(exchange)).map(checkVideoId);
    const videos = await Promise.all(ids.map((id) => door.gateway.show(exchange.caller, id)));
    return route.render(videos.map((video) => viewOf(door, video)));
  },

  async detail(door, exchange, route) {
    const video = await door.gateway.show(exchange.caller, videoIdOf(exchange));
    const offers = await door.gateway.offers(exchange.caller);
    return route.render(
      viewOf(door, video),
      offers.filter(({ model }) => model === video.request.model),
    );
  },

  async list(door, exchange, route) {
    const query = route.parse(dialectRequest(exchange));
    // Root too sees its own here; everybody's are in our own routes.
    const page = await door.gateway.list({ callerId: exchange.caller.id, ...query });
    return route.render({ views: page.videos.map((video) => viewOf(door, video)), nextCursor: page.nextCursor });
  },

  async stream(door, exchange, route) {
    const id = videoIdOf(exchange);
    const source = {
      key: `view ${exchange.caller.id} ${id}`,
      show: (view: VideoView) => {
        const isOver = isEnded(view.video.state);
        return { events: [route.renderChange(view), ...(isOver ? route.closing : [])], isOver };
      },
      read: async () => viewOf(door, await door.gateway.read(exchange.caller, id)),
      watch: (onChange: () => void) => door.gateway.watch(id, onChange),
    };
    await door.streams.follow(source, exchange.request, exchange.reply);
    return null;
  },

  async content(door, exchange, route) {
    const { request, reply, caller } = exchange;
    const video = await door.gateway.read(caller, videoIdOf(exchange));
    const variant = route.choose(dialectRequest(exchange), video);
    const object =
      variant === 'spritesheet' ? await findSpriteSheet(door, video) : await findMedia(door.store, video, variant);
    await serveObject(request, reply, object);
    return null;
  },

  async cancel(door, exchange, route) {
    const before = await door.gateway.read(exchange.caller, videoIdOf(exchange));
    if (isEnded(before.state)) return route.render(false);
    const { state } = await door.gateway.cancel(exchange.caller, before.id);
    // One that has not ended yet is stopped as soon as that can be done.
    return route.render(state === 'cancelled' || !isEnded(state));
  },

  async retain(door, exchange, route) {
    const { caller, dialect } = exchange;
    const { days } = route.parse(dialectRequest(exchange));
    const terms = { dialect: dialect.name, retentionSeconds: days * SECONDS_PER_DAY };
    const video = await door.gateway.retain(caller, videoIdOf(exchange), terms);
    return route.render(viewOf(door, video), days);
  },

  async delete(door, exchange, route) {
    try {
      await remove(door, await door.gateway.read(exchange.caller, videoIdOf(exchange)), { exchange, route });
    } catch (error) {
      const isUnknown = error instanceof Refusal && error.kind === 'not_found';
      if (!isUnknown || route.unknownId === 'not found') throw error;
    }
    return route.render(exchange.request.params['id'] ?? '');
  },

  async deleteAll({ gateway }, { caller }, route) {
    return route.render(await gateway.removeAll(caller));
  },

  async models(door, exchange, route) {
    return route.render(await door.gateway.offers(exchange.caller));
  },

  async model(door, exchange, route) {
    const id = exchange.request.params['*'] ?? '';
    const offer = (await door.gateway.offers(exchange.caller)).find(({ model }) => model === id);
    if (offer === undefined) throw noSuchModel(id);
    return route.render(offer);
  },

  async unsupported(_door, _exchange, { problem }) {
    throw new Refusal('invalid_request', problem, { code: 'not_supported' });
  },
};

/** Answers a request at a route of any kind; null when the answer is already on its way. */
export function handle<K extends RouteKind>(
  door: FrontDoor,
  exchange: Exchange,
  route: DialectRoute<K>,
): Promise<DialectAnswer | null> {
  const handler: Handler<K> = HANDLERS[route.kind];
  return handler(door, exchange, route);
}
