/** Archived clips, posters and input images by signed link: no API key, but a signature and a row that still has them. */

import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import { Refusal } from '../../domain/failure.ts';
import type { ArchivedClip, Video } from '../../domain/video.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { inputImageKeyOf } from '../../media/input-images.ts';
import type { MediaStore } from '../../media/media-store.ts';
import type { LinkSignature, LinkSigner, LinkVerdict, MediaVariant } from '../../media/signed-links.ts';
import { type ServedObject, serveObject } from './serve-object.ts';

export interface MediaRoutesOptions {
  readonly store: MediaStore;
  readonly links: Pick<LinkSigner, 'verify' | 'verifyImage'>;
  findVideo(id: string): Promise<Video | null>;
  findInputImage(sha256: string): Promise<InputImageFacts | null>;
}

/** What is known of a stored input image. */
export interface InputImageFacts {
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly storedAt: Date;
}

interface MediaRequest {
  Params: { id: string; file: string };
  Querystring: Record<string, string | string[] | undefined>;
}

interface ImageRequest {
  Params: { file: string };
  Querystring: MediaRequest['Querystring'];
}

const VARIANTS: Readonly<Record<string, MediaVariant>> = { 'clip.mp4': 'clip', 'poster.jpg': 'poster' };

/** GET and HEAD of `/media/:id/:file` and `/input-images/:file`; what cannot be served is thrown as `Refusal`: 403, 404 or 410. */
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
    app.route<ImageRequest>({
      method: ['GET', 'HEAD'],
      url: '/input-images/:file',
      logLevel: 'warn',
      handler: async (request, reply) => {
        const { file } = request.params;
        checkVerdict(options.links.verifyImage({ file, ...signatureOf(request.query) }));
        return serveObject(request, reply, await findImage(options, file));
      },
    });
  };
}

function checkLink(links: MediaRoutesOptions['links'], { params, query }: FastifyRequest<MediaRequest>): MediaVariant {
  const variant = VARIANTS[params.file];
  if (variant === undefined) throw new Refusal('not_found', 'there is no such file');
  checkVerdict(links.verify({ videoId: params.id, variant, ...signatureOf(query) }));
  return variant;
}

function signatureOf({ expires, key, signature }: MediaRequest['Querystring']): LinkSignature {
  return { expires, key, signature };
}

function checkVerdict(verdict: LinkVerdict): void {
  if (verdict === 'invalid') throw new Refusal('forbidden', 'the link is not signed, or not for this');
  if (verdict === 'expired') throw new Refusal('gone', 'the link has expired');
}

/** A stored input image as an object to serve; throws `Refusal`: 410 once it is removed. */
async function findImage({ store, findInputImage }: MediaRoutesOptions, file: string): Promise<ServedObject> {
  const [sha256 = ''] = file.split('.');
  const image = await findInputImage(sha256);
  if (image === null) throw new Refusal('gone', 'the image has been removed');
  const { sizeBytes, mediaType: contentType, storedAt: lastModified } = image;
  return {
    store,
    key: inputImageKeyOf(sha256),
    sizeBytes,
    etag: `"${sha256}"`,
    lastModified,
    contentType,
    filename: file,
  };
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

/** The sprite sheet of a video, made now if there is none; throws as `findMedia` and the gateway do. */
export async function findSpriteSheet(
  { store, gateway }: { readonly store: MediaStore; readonly gateway: Pick<Gateway, 'spriteSheetKey'> },
  video: Video,
): Promise<ServedObject> {
  const { lastModified } = await findMedia(store, video, 'clip');
  const key = await gateway.spriteSheetKey(video);
  const picture = await describePicture(store, { key, name: 'spritesheet', clipSha256: video.archive?.sha256 ?? '' });
  if (picture === null) throw new Refusal('gone', 'the media have been purged');
  return { store, lastModified, ...picture, filename: `${video.id}-spritesheet.jpg` };
}

async function describePoster(store: MediaStore, { posterKey: key, sha256: clipSha256 }: ArchivedClip) {
  const picture = key === null ? null : await describePicture(store, { key, name: 'poster', clipSha256 });
  if (picture === null) throw new Refusal('not_found', 'the video has no poster frame');
  return picture;
}

/** Null where there is none. */
async function describePicture(
  store: MediaStore,
  { key, name, clipSha256 }: { readonly key: string; readonly name: string; readonly clipSha256: string },
) {
  const sizeBytes = await store.sizeBytes(key);
  if (sizeBytes === null) return null;
  // A picture made anew, by another ffmpeg, may differ for the same clip.
  return { key, sizeBytes, etag: `"${clipSha256.slice(0, 32)}-${name}-${sizeBytes}"`, contentType: 'image/jpeg' };
}
