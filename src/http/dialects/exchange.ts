/** One request in a dialect, and what the handlers of dialect routes work with. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Dialect, VideoView } from '../../dialects/dialect.ts';
import type { Caller } from '../../domain/caller.ts';
import type { Video } from '../../domain/video.ts';
import type { Files } from '../../gateway/files.ts';
import type { DialectGateway } from '../../gateway/gateway.ts';
import type { MediaStore } from '../../media/media-store.ts';
import type { EventStreams } from '../event-stream.ts';

/** The signed links of a video's media. */
export type VideoLinks = (video: Video) => Omit<VideoView, 'video'>;

/** What handlers work with. */
export interface FrontDoor {
  readonly gateway: DialectGateway;
  readonly links: VideoLinks;
  readonly store: MediaStore;
  /** `host:port` of images that may be private. */
  readonly trustedHosts: readonly string[];
  readonly streams: EventStreams;
  /** Where files are that requests name as their images. */
  readonly files: Pick<Files, 'read' | 'open'>;
  /** How long a caller who waits for an end is kept waiting. */
  readonly syncWaitMs: number;
}

export type DialectHttpRequest = FastifyRequest<{
  Params: Record<string, string>;
  Querystring: Record<string, string | string[] | undefined>;
}>;

/** One request of a known caller in a known dialect. */
export interface Exchange {
  readonly request: DialectHttpRequest;
  readonly reply: FastifyReply;
  readonly body: unknown;
  readonly caller: Caller;
  readonly dialect: Dialect;
}
