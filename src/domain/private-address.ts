/** Which hosts, written literally in a URL, are not public: decided from the text alone, without asking DNS. */

import ipaddr from 'ipaddr.js';

/**
 * True for an IP address that is not a public one, and for `localhost`. Takes the `hostname` of a `URL`, which has
 * already turned `0x7f.1` and the like into dotted form and keeps IPv6 in brackets; other names are false.
 */
export function isLiteralPrivateAddress(hostname: string): boolean {
  const bare = hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  if (bare === 'localhost' || bare.endsWith('.localhost')) return true;
  // `process` unwraps IPv4 that is written as IPv6, so that ::ffff:127.0.0.1 is seen as what it is.
  return ipaddr.isValid(bare) && ipaddr.process(bare).range() !== 'unicast';
}
