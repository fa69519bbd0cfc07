/** Links to uploaded input images, for an upstream that takes images by URL alone. */

import { isLiteralPrivateAddress } from '../domain/address.ts';
import { UnusableImage } from '../domain/image-header.ts';
import type { StoredImage } from '../domain/video-request.ts';
import type { LinkSigner } from '../media/signed-links.ts';

/** Long enough for a create that is sent again for half a day, and for the task to begin. */
const LINK_LIVES_MS = 24 * 60 * 60_000;

/** Who the link is made for. */
export interface LinkReader {
  /** The link's life begins with the slot, so that each try of a create carries the same one. */
  readonly grantedAt: Date;
  readonly baseUrl: string;
}

/** Throws `UnusableImage` where the upstream cannot reach us. */
export type LinkInputImage = (image: StoredImage, reader: LinkReader) => string;

/** `publicUrl` is what the signer's links begin with. */
export function createImageLinker(signer: Pick<LinkSigner, 'signImage'>, publicUrl: string): LinkInputImage {
  const isPrivate = (url: string) => isLiteralPrivateAddress(new URL(url).hostname);
  return (image, { grantedAt, baseUrl }) => {
    if (isPrivate(publicUrl) && !isPrivate(baseUrl)) {
      throw new UnusableImage(
        `${new URL(baseUrl).host} takes images by URL alone, and links to uploaded ones begin with ${publicUrl}, ` +
          'where it cannot reach us: set CLIPYARD_PUBLIC_URL',
      );
    }
    return signer.signImage(image, new Date(grantedAt.getTime() + LINK_LIVES_MS));
  };
}
