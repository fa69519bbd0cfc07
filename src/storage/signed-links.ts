/** Links to archived media that work without an API key until they expire. */

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Video } from '../domain/video.ts';

/** The files of a video that can be linked to, by variant. */
const MEDIA_FILES = { clip: 'clip.mp4', poster: 'poster.jpg' } as const;
export type MediaVariant = keyof typeof MEDIA_FILES;

/** A link's parts as a request brings them; anything may stand in them. */
export interface LinkClaim {
  readonly videoId: string;
  readonly variant: MediaVariant;
  readonly expires: unknown;
  readonly key: unknown;
  readonly signature: unknown;
}

export interface LinkSigner {
  /** The whole URL. */
  sign(video: Pick<Video, 'id'>, variant: MediaVariant, expiresAt: Date): string;
  /** A link that nobody signed is `invalid` whatever its date. */
  verify(claim: LinkClaim, now?: Date): 'valid' | 'invalid' | 'expired';
}

interface SigningKey {
  readonly id: string;
  readonly secret: string;
}

/** The first key signs, all verify: rotate by putting the new key first. `publicUrl` has no trailing slash. */
export function createLinkSigner(secrets: readonly string[], publicUrl: string): LinkSigner {
  const keys = secrets.map((secret) => ({ id: keyIdOf(secret), secret }));
  const [signing] = keys;
  if (signing === undefined) throw new Error('signing links needs at least one key');
  return {
    sign: ({ id }, variant, expiresAt) => {
      const expires = String(Math.floor(expiresAt.getTime() / 1000));
      const signature = signatureOf(signing, { videoId: id, variant, expires }).toString('base64url');
      const query = new URLSearchParams({ expires, key: signing.id, signature });
      return `${publicUrl}${pathOf(id, variant)}?${query}`;
    },
    verify: ({ videoId, variant, expires, key, signature }, now = new Date()) => {
      const known = keys.find(({ id }) => id === key);
      if (known === undefined || typeof expires !== 'string' || typeof signature !== 'string') return 'invalid';
      const right = signatureOf(known, { videoId, variant, expires });
      const given = Buffer.from(signature, 'base64url');
      if (given.length !== right.length || !timingSafeEqual(given, right)) return 'invalid';
      return Number(expires) * 1000 > now.getTime() ? 'valid' : 'expired';
    },
  };
}

/** Makes the links of a video, which live as long as its media; null where there is nothing to link to. */
export function createVideoLinks(signer: LinkSigner) {
  return (video: Video, now = new Date()) => {
    const { archive, expiresAt } = video;
    const isServed = video.state === 'completed' && video.purgedAt === null && expiresAt.getTime() > now.getTime();
    return {
      clipUrl: isServed && archive ? signer.sign(video, 'clip', expiresAt) : null,
      posterUrl: isServed && archive?.posterKey ? signer.sign(video, 'poster', expiresAt) : null,
      linksExpireAt: expiresAt,
    };
  };
}

/** Names a key in links without telling anything of it. */
function keyIdOf(secret: string): string {
  return createHash('sha256').update(`key id of ${secret}`).digest('hex').slice(0, 12);
}

function pathOf(videoId: string, variant: MediaVariant): string {
  return `/media/${videoId}/${MEDIA_FILES[variant]}`;
}

/** Over everything the link grants, a line each, so that no part can pass for another. */
function signatureOf(
  { secret }: SigningKey,
  link: { videoId: string; variant: MediaVariant; expires: string },
): Buffer {
  const { videoId, variant, expires } = link;
  return createHmac('sha256', secret)
    .update([pathOf(videoId, variant), videoId, expires, variant].join('\n'))
    .digest();
}
