/** Where input images may be fetched from, as far as a URL's text tells; names are checked when they are fetched. */

import { hostAndPort, isLiteralPrivateAddress } from '../../domain/address.ts';
import { Refusal } from '../../domain/failure.ts';
import type { ImageInput } from '../../domain/video-request.ts';

/** What is wrong with an image's URL; null where it may be fetched. */
function problemOf(url: URL, trustedHosts: readonly string[]): string | null {
  // They would be kept with the request, and sent on to an upstream that fetches images by itself.
  if (url.username !== '' || url.password !== '') return 'an image URL must hold no user name and no password';
  if (!isLiteralPrivateAddress(url.hostname) || trustedHosts.includes(hostAndPort(url))) return null;
  return `an image URL names the private address ${url.hostname}`;
}

/**
 * Refuses images at literal private addresses, and behind credentials; `trustedHosts` holds the `host:port` that an
 * operator allows.
 * @throws Refusal `invalid_request` naming the field of the image.
 */
export function checkImageHosts(images: readonly ImageInput[], trustedHosts: readonly string[]): void {
  for (const image of images) {
    if (image.kind !== 'url') continue;
    const { url, param } = image;
    const problem = problemOf(new URL(url), trustedHosts);
    if (problem === null) continue;
    throw new Refusal('invalid_request', problem, param === undefined ? {} : { param });
  }
}
