/** Archived clips, posters, films and input images by signed link: no API key, but a signature and a row that still has them. */

import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import { z } from 'zod';
import { Refusal } from '../../domain/failure.ts';
import type { ArchivedFilm } from '../../domain/film.ts';
import { type ArchivedClip, isMediaOver, type Video } from '../../domain/video.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { inputImageKeyOf } from '../../media/input-images.ts';
import type { MediaStore } from '../../media/media-store.ts';
import type { LinkSignature, LinkSigner, LinkVerdict, MediaVariant } from '../../media/signed-links.ts';
import type { Operation, Tag } from '../own/operation.ts';
import { type Asked, own, type ParametersOf } from '../own/own.ts';
import { type ServedObject, serveObject } from './serve-object.ts';

export interface MediaRoutesOptions {
  readonly store: MediaStore;
  readonly links: Pick<LinkSigner, 'verify' | 'verifyImage'>;
  findVideo(id: string): Promise<Video | null>;
  findFilm(id: string): Promise<FilmFacts | null>;
  findInputImage(sha256: string): Promise<InputImageFacts | null>;
}

/** What is known of a film. */
export interface FilmFacts {
  readonly id: string;
  readonly archive: ArchivedFilm | null;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
  readonly expiresAt: Date;
}

/** What is known of a stored input image. */
export interface InputImageFacts {
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly storedAt: Date;
}

const VARIANTS: ReadonlyMap<string, MediaVariant> = new Map([
  ['clip.mp4', 'clip'],
  ['poster.jpg', 'poster'],
  ['film.mp4', 'film'],
]);

type ClipVariant = Exclude<MediaVariant, 'film'>;

const MEDIA: Tag = {
  name: 'media',
  description: 'Clips, posters, films and input images by signed links, which need no key.',
};

/** Of any form, or none: what is not as it was signed is no valid link. */
const signed = z
  .unknown()
  .optional()
  .meta({ override: { type: 'string' }, param: { required: true } });
const signedLinkQuery = z.object({ expires: signed, key: signed, signature: signed });

/** A file behind a signed link. */
interface FileRoute<Path> extends Pick<Operation, 'id' | 'summary'> {
  readonly path: Path;
  readonly mediaTypes: readonly string[];
  /** Throws what cannot be served as `Refusal`: 403, 404 or 410. */
  find(params: ParametersOf<Path>, signature: LinkSignature): Promise<ServedObject>;
}

/** GET and HEAD of a file. */
function mountFile<const Path extends string>(app: FastifyInstance, route: FileRoute<Path>): void {
  const { path, id, summary, mediaTypes, find } = route;
  const file = {
    path,
    access: 'none',
    query: signedLinkQuery,
    refusals: ['forbidden', 'gone', 'precondition_failed'],
    // The framework's lines would hold the query, and with it the signature. HEAD is mounted below.
    options: { logLevel: 'warn', exposeHeadRoute: false },
    handle: async ({ params, query, request, reply }: Asked<Path, 'none', typeof signedLinkQuery>) => {
      const { expires, key, signature } = query;
      return await serveObject(request, reply, await find(params, { expires, key, signature }));
    },
  } as const;
  const unchanged = { meaning: 'What the client has is current.', mediaTypes: [] };
  own(app, MEDIA, {
    ...file,
    method: 'GET',
    id,
    summary,
    description: 'Takes Range, If-Range, If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since.',
    answers: {
      200: { meaning: 'The whole file.', mediaTypes },
      206: { meaning: 'The part that was asked for.', mediaTypes },
      302: {
        meaning: 'Where the bytes are, for an hour: in the bucket, with `CLIPYARD_MEDIA=redirect`.',
        mediaTypes: [],
      },
      304: unchanged,
      416: { meaning: 'The file has no such part.', mediaTypes: [] },
    },
  });
  own(app, MEDIA, {
    ...file,
    method: 'HEAD',
    id: `${id}Head`,
    summary: `${summary}: the headers alone`,
    answers: { 200: { meaning: 'The headers of the file.', mediaTypes: [] }, 304: unchanged },
  });
}

/** GET and HEAD of `/media/:id/:file` and `/input-images/:file`. */
export function mediaRoutes(options: MediaRoutesOptions): FastifyPluginAsync {
  const { store, links, findVideo, findFilm } = options;
  return async (app) => {
    mountFile(app, {
      path: '/media/:id/:file',
      id: 'getMedia',
      summary: '`clip.mp4` or `poster.jpg` of a video, `film.mp4` of a film',
      mediaTypes: ['video/mp4', 'image/jpeg'],
      async find({ id, file }, signature) {
        const variant = VARIANTS.get(file);
        if (variant === undefined) throw new Refusal('not_found', 'there is no such file');
        checkVerdict(links.verify({ videoId: id, variant, ...signature }));
        return variant === 'film'
          ? describeFilm(store, await findFilm(id))
          : await findMedia(store, await findVideo(id), variant);
      },
    });
    mountFile(app, {
      path: '/input-images/:file',
      id: 'getInputImage',
      summary: 'An uploaded input image',
      mediaTypes: ['image/png', 'image/jpeg', 'image/webp', 'image/gif'],
      async find({ file }, signature) {
        checkVerdict(links.verifyImage({ file, ...signature }));
        return await findImage(options, file);
      },
    });
  };
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
    goesThroughUs: true,
  };
}

/** The clip or poster of a video as an object to serve; throws `Refusal`: 404 before there is one, 410 after. */
export async function findMedia(store: MediaStore, video: Video | null, variant: ClipVariant): Promise<ServedObject> {
  if (video === null) throw new Refusal('not_found', 'there is no such video');
  if (isMediaOver(video)) throw new Refusal('gone', 'the media have been purged');
  const { id, state, archive } = video;
  if (state !== 'completed' || archive === null) throw new Refusal('not_found', 'the video has no archived clip');
  const base = { store, lastModified: video.endedAt ?? video.createdAt };
  if (variant === 'poster') return { ...base, ...(await describePoster(store, archive)), filename: `${id}.jpg` };
  const { clipKey: key, sizeBytes, sha256 } = archive;
  return { ...base, key, sizeBytes, etag: `"${sha256}"`, contentType: 'video/mp4', filename: `${id}.mp4` };
}

/** The film as an object to serve; throws `Refusal`: 404 before there is one, 410 after. */
function describeFilm(store: MediaStore, film: FilmFacts | null): ServedObject {
  if (film === null) throw new Refusal('not_found', 'there is no such film');
  const { id, archive, createdAt, endedAt, expiresAt } = film;
  if (expiresAt.getTime() <= Date.now()) throw new Refusal('gone', 'the film has been removed');
  if (archive === null) throw new Refusal('not_found', 'the film is not in the archive');
  const { key, sizeBytes, sha256 } = archive;
  const lastModified = endedAt ?? createdAt;
  return { store, key, sizeBytes, etag: `"${sha256}"`, lastModified, contentType: 'video/mp4', filename: `${id}.mp4` };
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
