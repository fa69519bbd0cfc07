/** Hosts in URLs: how they are named with their port, and which of them are public, told without asking DNS. */

import ipaddr from 'ipaddr.js';

const withoutBrackets = (hostname: string) => hostname.replace(/^\[|\]$/g, '');
const bareName = (hostname: string) => withoutBrackets(hostname).replace(/\.$/, '').toLowerCase();
const isLocalName = (bare: string) => bare === 'localhost' || bare.endsWith('.localhost');

/**
 * `host:port`, as trusted hosts are written: lower case, IPv6 in brackets, which may be missing here, and the scheme's own
 * port where none is named.
 */
export function hostAndPort({ hostname, port, protocol }: Pick<URL, 'hostname' | 'port' | 'protocol'>): string {
  const bare = withoutBrackets(hostname).toLowerCase();
  return `${bare.includes(':') ? `[${bare}]` : bare}:${port || (protocol === 'https:' ? '443' : '80')}`;
}

/** All of IPv6 that has been handed out for the public internet; what lies beyond has other uses, or none yet. */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * True for an address of the public internet, false for private, loopback, link-local, mapped, reserved, translated and
 * unassigned ones, and for what is not an address. IPv6 may stand in brackets.
 */
export function isPublicAddress(address: string): boolean {
  const bare = withoutBrackets(address);
  if (!ipaddr.isValid(bare)) return false;
  // `process` unwraps IPv4 that is written as IPv6, so that ::ffff:127.0.0.1 is seen as what it is.
  const parsed = ipaddr.process(bare);
  return parsed.range() === 'unicast' && (parsed instanceof ipaddr.IPv4 || parsed.match(GLOBAL_IPV6));
}

/**
 * True for an IP address that is not a public one, and for `localhost`. Takes the `hostname` of a `URL`, which has
 * already turned `0x7f.1` and the like into dotted form and keeps IPv6 in brackets; other names are false.
 */
export function isLiteralPrivateAddress(hostname: string): boolean {
  const bare = bareName(hostname);
  return isLocalName(bare) || (ipaddr.isValid(bare) && !isPublicAddress(bare));
}

/** True for this machine itself: `localhost`, a loopback address, or every address that it has. */
export function isLoopback(hostname: string): boolean {
  const bare = bareName(hostname);
  if (isLocalName(bare)) return true;
  return ipaddr.isValid(bare) && ['loopback', 'unspecified'].includes(ipaddr.process(bare).range());
}

/** Whether an address lies in a network such as `10.0.0.0/8`; false for what is neither. */
export function isInNetwork(address: string, network: string): boolean {
  const bare = withoutBrackets(address);
  if (!ipaddr.isValid(bare) || !ipaddr.isValidCIDR(network)) return false;
  const [parsed, [base, bits]] = [ipaddr.process(bare), ipaddr.parseCIDR(network)];
  return parsed.kind() === base.kind() && parsed.match(base, bits);
}
