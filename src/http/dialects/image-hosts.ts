/** Where input images may be fetched from, as far as a URL's text tells; names are checked when they are fetched. */

import { hostAndPort, isLiteralPrivateAddress } from '../../domain/address.ts';
import { Refusal } from '../../domain/failure.ts';
import type { ImageInput } from '../../domain/video-request.ts';

/**
 * Refuses images at literal private addresses; `trustedHosts` holds the `host:port` that an operator allows.
 * @throws Refusal `invalid_request` naming the field of the image.
 */
export function checkImageHosts(images: readonly ImageInput[], trustedHosts: readonly string[]): void {
  for (const image of images) {
    if (image.kind !== 'url') continue;
    const url = new URL(image.url);
    if (!isLiteralPrivateAddress(url.hostname) || trustedHosts.includes(hostAndPort(url))) continue;
    const message = `an image URL names the private address ${url.hostname}`;
    throw new Refusal('invalid_request', message, image.param === undefined ? {} : { param: image.param });
  }
}
