/** Which network addresses a URL from somebody else may lead to. */

import ipaddr from 'ipaddr.js';

/**
 * True for an address of the public internet, false for private, loopback, link-local, mapped, reserved and
 * translated ones, and for what is not an address. IPv6 may stand in brackets.
 */
export function isPublicAddress(address: string): boolean {
  try {
    return ipaddr.process(address.replace(/^\[|\]$/g, '')).range() === 'unicast';
  } catch {
    return false;
  }
}
