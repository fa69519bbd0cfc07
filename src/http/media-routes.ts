/** Archived clips and posters by signed link: no API key, but a signature and a video that still has its media. */

import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import { Refusal } from '../domain/failure.ts';
import type { ArchivedClip, Video } from '../domain/video.ts';
import type { MediaStore } from '../storage/media-store.ts';
import type { LinkSigner, MediaVariant } from '../storage/signed-links.ts';
import { type ServedObject, serveObject } from './serve-object.ts';

export interface MediaRoutesOptions {
  readonly store: MediaStore;
  readonly links: Pick<LinkSigner, 'verify'>;
  findVideo(id: string): Promise<Video | null>;
}

interface MediaRequest {
  Params: { id: string; file: string };
  Querystring: Record<string, string | string[] | undefined>;
}

const VARIANTS: Readonly<Record<string, MediaVariant>> = { 'clip.mp4': 'clip', 'poster.jpg': 'poster' };

/** GET and HEAD of `/media/:id/:file`; what cannot be served is thrown as `Refusal`: 403, 404 or 410. */
export function mediaRoutes(options: MediaRoutesOptions): FastifyPluginAsync {
  return async (app) => {
    app.route<MediaRequest>({
      method: ['GET', 'HEAD'],
      url: '/media/:id/:file',
      // The framework's own lines would hold the query, and with it the signature.
      logLevel: 'warn',
      handler: async (request, reply) => {
        const variant = checkLink(options.links, request);
        const video = await options.findVideo(request.params.id);
        return serveObject(request, reply, await findMedia(options.store, video, variant));
      },
    });
  };
}

function checkLink(links: MediaRoutesOptions['links'], { params, query }: FastifyRequest<MediaRequest>): MediaVariant {
  const variant = VARIANTS[params.file];
  if (variant === undefined) throw new Refusal('not_found', 'there is no such file');
  const { expires, key, signature } = query;
  const verdict = links.verify({ videoId: params.id, variant, expires, key, signature });
  if (verdict === 'invalid') throw new Refusal('forbidden', 'the link is not signed, or not for this');
  if (verdict === 'expired') throw new Refusal('gone', 'the link has expired');
  return variant;
}

/** The clip or poster of a video as an object to serve; throws `Refusal`: 404 before there is one, 410 after. */
export async function findMedia(store: MediaStore, video: Video | null, variant: MediaVariant): Promise<ServedObject> {
  if (video === null) throw new Refusal('not_found', 'there is no such video');
  if (video.purgedAt !== null || video.expiresAt.getTime() <= Date.now()) {
    throw new Refusal('gone', 'the media have been purged');
  }
  const { id, state, archive } = video;
  if (state !== 'completed' || archive === null) throw new Refusal('not_found', 'the video has no archived clip');
  const base = { store, lastModified: video.endedAt ?? video.createdAt };
  if (variant === 'poster') return { ...base, ...(await describePoster(store, archive)), filename: `${id}.jpg` };
  const { clipKey: key, sizeBytes, sha256 } = archive;
  return { ...base, key, sizeBytes, etag: `"${sha256}"`, contentType: 'video/mp4', filename: `${id}.mp4` };
}

async function describePoster(store: MediaStore, { posterKey: key, sha256 }: ArchivedClip) {
  const sizeBytes = key === null ? null : await store.sizeBytes(key);
  if (key === null || sizeBytes === null) throw new Refusal('not_found', 'the video has no poster frame');
  // A poster made anew, by another ffmpeg, may differ for the same clip.
  return { key, sizeBytes, etag: `"${sha256.slice(0, 32)}-poster-${sizeBytes}"`, contentType: 'image/jpeg' };
}
