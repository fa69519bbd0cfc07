/** Our own routes of live events: one video's to its end, and all of a caller's. */

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Caller } from '../../domain/caller.ts';
import { type Position, parsePosition, type Seen } from '../../domain/seen.ts';
import { isEnded } from '../../domain/video.ts';
import {
  EVENT_PATHS,
  eventsQuery,
  streamTokenAnswer,
  streamTokenBody,
  videoEventsQuery,
} from '../../wire/clipyard/events.ts';
import { followHeaders } from '../../wire/clipyard/headers.ts';
import type { StreamSource } from '../event-stream.ts';
import { scopeOf } from './access.ts';
import { CallerFeed, Follower } from './caller-feed.ts';
import type { Tag } from './operation.ts';
import type { OwnRoutesOptions } from './options.ts';
import { own } from './own.ts';
import { takeSnapshot, takeSnapshots } from './snapshot.ts';

const EVENTS: Tag = {
  name: 'events',
  description: 'Live events as server-sent events: snapshots of videos as they change.',
};

const TOKEN_LIFETIME_MS = 5 * 60_000;

const STREAM = { meaning: 'Events as they come, and a comment each 15 s.', mediaTypes: ['text/event-stream'] } as const;

function lastEventId({ headers }: FastifyRequest): string | null {
  const header = headers['last-event-id'];
  return typeof header === 'string' && header !== '' ? header : null;
}

/** Mounts the routes. */
export function eventRoutes(app: FastifyInstance, options: OwnRoutesOptions): void {
  videoEvents(app, options);
  callerEvents(app, options);
  tokens(app, options);
}

function tokens(app: FastifyInstance, { gateway, streamTokens }: OwnRoutesOptions): void {
  own(app, EVENTS, {
    method: 'POST',
    path: EVENT_PATHS.tokens,
    id: 'createStreamToken',
    summary: 'A token that opens event streams for five minutes',
    description:
      'To be sent as `?token=` where no key can be sent, as by `EventSource` in a browser. It opens streams of its caller ' +
      'alone, those of the documented APIs as well; a stream that is open stays so, until its caller is disabled.',
    access: 'caller',
    body: streamTokenBody,
    example: { videoId: 'video_01980b4e-6f0a-7c3d-9d51-2f4a8c7b6e10' },
    answers: { 200: streamTokenAnswer },
    refusals: ['not_found'],
    handle: async ({ caller, body: { videoId = null } }) => {
      if (videoId !== null) await gateway.read(caller, videoId);
      const expiresAt = new Date(Date.now() + TOKEN_LIFETIME_MS);
      return { token: streamTokens.issue({ callerId: caller.id, videoId }, expiresAt), expiresAt };
    },
  });
}

interface VideoShown {
  readonly id: string;
  readonly data: string;
  readonly isOver: boolean;
}

/** Ids are the revisions of the video's row; one that the client has already is not sent again. */
function videoSource(options: OwnRoutesOptions, caller: Caller, id: string, known: string | null) {
  const { gateway } = options;
  return {
    key: `events ${caller.id} ${id}`,
    async read() {
      const { video, revision } = await gateway.readNow(caller, id, { includeHidden: caller.isRoot });
      const data = JSON.stringify(await takeSnapshot(options, video));
      return { id: String(revision), data, isOver: isEnded(video.state) };
    },
    show: ({ id: revision, data, isOver }) => ({
      events: revision === known ? [] : [{ id: revision, data }],
      isOver,
    }),
    watch: (onChange) => gateway.watch(id, onChange),
  } satisfies StreamSource<VideoShown>;
}

function videoEvents(app: FastifyInstance, options: OwnRoutesOptions): void {
  own(app, EVENTS, {
    method: 'GET',
    path: EVENT_PATHS.video,
    id: 'followVideo',
    summary: 'The events of a video, to its end',
    description:
      "The first event is the video's snapshot, each further one the snapshot after a change; behind that of its end the " +
      'stream ends. `Last-Event-ID` leaves out what the client has: where that was the end, the answer is 204, at which ' +
      '`EventSource` does not come again.',
    access: 'caller',
    isStream: true,
    query: videoEventsQuery,
    headers: followHeaders,
    answers: { 200: STREAM, 204: { meaning: 'The client has the end already.', mediaTypes: [] } },
    handle: async ({ caller, params, request, reply }) => {
      const known = lastEventId(request);
      const source = videoSource(options, caller, params.id, known);
      const first = known === null ? undefined : await source.read();
      if (first?.isOver && first.id === known) return reply.code(204).send();
      await app.eventStreams.follow({ ...source, ...(first && { first }) }, request, reply);
      return reply;
    },
  });
}

function callerEvents(app: FastifyInstance, options: OwnRoutesOptions): void {
  const { gateway } = options;
  const feeds = new Map<string | null, CallerFeed>();
  const print = async (videos: Parameters<typeof takeSnapshots>[1]) => {
    return (await takeSnapshots(options, videos)).map((snapshot) => JSON.stringify(snapshot));
  };

  /** Where the client goes on; with the videos as they are where it is new, or knows what this catalog has not seen yet. */
  function beginningOf(request: FastifyRequest, seen: Seen): Position {
    const known = parsePosition(lastEventId(request) ?? '');
    return known !== null && known.seen.end <= seen.end ? known : { seen, shownTo: null };
  }

  own(app, EVENTS, {
    method: 'GET',
    path: EVENT_PATHS.all,
    id: 'followVideos',
    summary: "The events of a caller's videos, without an end",
    description:
      'First the snapshots of the videos that have not ended (of a batch, of all), the oldest first; then, for each change, ' +
      'the snapshot after it. Changes of one video that follow each other closely may be one. With `state`, what is told ' +
      'are videos that are in one of these states. `Last-Event-ID` goes on behind that event, at any gateway process, with ' +
      'one event for each video that has changed since.',
    access: 'caller',
    isStream: true,
    query: eventsQuery,
    headers: followHeaders,
    answers: { 200: STREAM },
    refusals: ['forbidden'],
    handle: async ({ caller, query: { caller: named, batchId, state }, request, reply }) => {
      const callerId = scopeOf(caller, named);
      const seen = await gateway.seenNow();
      // From here to where it is joined nothing waits, so that streams that open together find one feed.
      const feed = feeds.get(callerId) ?? new CallerFeed({ gateway, print, callerId }, { seen });
      feeds.set(callerId, feed);
      const follower = new Follower(feed, beginningOf(request, seen), {
        batchId,
        states: state?.length ? state : undefined,
      });
      const source = {
        key: null,
        read: () => follower.read(),
        show: (events) => ({ events, isOver: false }),
        watch: (onChange) => follower.watch(onChange),
      } satisfies StreamSource<Awaited<ReturnType<Follower['read']>>>;
      try {
        await app.eventStreams.follow(source, request, reply);
      } finally {
        if (!feed.isFollowed && feeds.get(callerId) === feed) feeds.delete(callerId);
      }
      return reply;
    },
  });
}
