/** Links to archived media and input images that work without an API key until they expire. */

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { ArchivedFilm } from '../domain/film.ts';
import { isMediaOver, type Video } from '../domain/video.ts';
import type { StoredImage } from '../domain/video-request.ts';

/** The files of a video or a film that can be linked to, by variant. */
const MEDIA_FILES = { clip: 'clip.mp4', poster: 'poster.jpg', film: 'film.mp4' } as const;
export type MediaVariant = keyof typeof MEDIA_FILES;

/** What a link carries beside its path, as a request brings it; anything may stand in it. */
export interface LinkSignature {
  readonly expires: unknown;
  readonly key: unknown;
  readonly signature: unknown;
}

/** A link to a video's or a film's file, as a request brings it. */
export interface LinkClaim extends LinkSignature {
  readonly videoId: string;
  readonly variant: MediaVariant;
}

/** A link that no key of ours signed is `invalid` at any date. */
export type LinkVerdict = 'valid' | 'invalid' | 'expired';

export interface LinkSigner {
  /** The whole URL. */
  sign(video: Pick<Video, 'id'>, variant: MediaVariant, expiresAt: Date): string;
  verify(claim: LinkClaim, now?: Date): LinkVerdict;
  /** The same for an input image. */
  signImage(image: Pick<StoredImage, 'sha256' | 'mediaType'>, expiresAt: Date): string;
  /** `file` is the last name of the link's path. */
  verifyImage(claim: LinkSignature & { readonly file: string }, now?: Date): LinkVerdict;
}

interface SigningKey {
  readonly id: string;
  readonly secret: string;
}

/** What a link leads to, and what tells its kind from others. */
interface Target {
  readonly path: string;
  readonly id: string;
  readonly kind: string;
}

/** The first key signs, all verify: rotate by putting the new key first. `publicUrl` has no trailing slash. */
export function createLinkSigner(secrets: readonly string[], publicUrl: string): LinkSigner {
  const keys = secrets.map((secret) => ({ id: keyIdOf(secret), secret }));
  const [signing] = keys;
  if (signing === undefined) throw new Error('signing links needs at least one key');

  const signTarget = (target: Target, expiresAt: Date): string => {
    const expires = String(Math.floor(expiresAt.getTime() / 1000));
    const signature = signatureOf(signing, target, expires).toString('base64url');
    return `${publicUrl}${target.path}?${new URLSearchParams({ expires, key: signing.id, signature })}`;
  };
  const verifyTarget = (target: Target, { expires, key, signature }: LinkSignature, now: Date): LinkVerdict => {
    const known = keys.find(({ id }) => id === key);
    if (known === undefined || typeof expires !== 'string' || typeof signature !== 'string') return 'invalid';
    // As text: decoding would pass over what is no base64.
    const right = Buffer.from(signatureOf(known, target, expires).toString('base64url'));
    const given = Buffer.from(signature);
    if (given.length !== right.length || !timingSafeEqual(given, right)) return 'invalid';
    return Number(expires) * 1000 > now.getTime() ? 'valid' : 'expired';
  };

  return {
    sign: ({ id }, variant, expiresAt) => signTarget(mediaTarget(id, variant), expiresAt),
    verify: ({ videoId, variant, ...signature }, now = new Date()) =>
      verifyTarget(mediaTarget(videoId, variant), signature, now),
    signImage: (image, expiresAt) => signTarget(imageTarget(imageFileOf(image)), expiresAt),
    verifyImage: ({ file, ...signature }, now = new Date()) => verifyTarget(imageTarget(file), signature, now),
  };
}

/** Makes the links of a video, which live as long as its media; null where there is nothing to link to. */
export function createVideoLinks(signer: LinkSigner) {
  // One read of a video answers many requests, and signatures would be a good part of each.
  const signed = new WeakMap<Video, { readonly clipUrl: string | null; readonly posterUrl: string | null }>();
  const sign = (video: Video) => {
    const { archive, expiresAt } = video;
    const urls = {
      clipUrl: archive && signer.sign(video, 'clip', expiresAt),
      posterUrl: archive?.posterKey ? signer.sign(video, 'poster', expiresAt) : null,
    };
    signed.set(video, urls);
    return urls;
  };
  return (video: Video, now = new Date()) => {
    const { state, expiresAt: linksExpireAt } = video;
    const isServed = state === 'completed' && !isMediaOver(video, now.getTime());
    return isServed
      ? { ...(signed.get(video) ?? sign(video)), linksExpireAt }
      : { clipUrl: null, posterUrl: null, linksExpireAt };
  };
}

/** Makes the link of a film, which lives as long as its bytes; null where there is nothing to link to. */
export function createFilmLink(signer: LinkSigner) {
  return ({ id, archive, expiresAt }: LinkedFilm): string | null =>
    archive !== null && expiresAt.getTime() > Date.now() ? signer.sign({ id }, 'film', expiresAt) : null;
}

interface LinkedFilm {
  readonly id: string;
  readonly archive: ArchivedFilm | null;
  readonly expiresAt: Date;
}

/** Names a key in links without telling anything of it. */
function keyIdOf(secret: string): string {
  return createHash('sha256').update(`key id of ${secret}`).digest('hex').slice(0, 12);
}

function mediaTarget(id: string, variant: MediaVariant): Target {
  return { path: `/media/${id}/${MEDIA_FILES[variant]}`, id, kind: variant };
}

/** Upstreams may go by the name's ending. */
function imageFileOf({ sha256, mediaType }: Pick<StoredImage, 'sha256' | 'mediaType'>): string {
  return `${sha256}.${mediaType.replace('image/', '')}`;
}

function imageTarget(file: string): Target {
  return { path: `/input-images/${file}`, id: file, kind: 'input-image' };
}

/** Over everything the link grants, a line each, so that no part can pass for another. */
function signatureOf({ secret }: SigningKey, { path, id, kind }: Target, expires: string): Buffer {
  return createHmac('sha256', secret).update([path, id, expires, kind].join('\n')).digest();
}
