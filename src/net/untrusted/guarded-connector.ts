/** Connections that are only made to public addresses, checked where they are made, and to hosts that are trusted. */

import { lookup } from 'node:dns';
import { lookup as lookupAll } from 'node:dns/promises';
import { isIP, type LookupFunction, type TcpNetConnectOpts } from 'node:net';
import { buildConnector } from 'undici';
import { hostAndPort, isPublicAddress } from '../../domain/address.ts';

const CONNECT_TIMEOUT_MS = 10_000;

/** A URL led to an address that is not public. */
export class BlockedAddress extends Error {
  constructor(host: string) {
    // Not which address: that is the business of the network here, and callers read this.
    super(`${host} is not at a public address, and is not among the trusted hosts`);
    this.name = 'BlockedAddress';
  }
}

/** Looks a name up and refuses it if any of its addresses is not public: the connection uses exactly this answer. */
const lookupPublic: LookupFunction = (host, options, callback) => {
  lookup(host, { ...options, all: true }, (error, addresses) => {
    const [first] = addresses ?? [];
    if (error || first === undefined) {
      callback(error ?? new Error(`${host} has no address`), '', 0);
      return;
    }
    if (addresses.some(({ address }) => !isPublicAddress(address))) callback(new BlockedAddress(host), '', 0);
    else if (options.all) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};

/** A connector that keeps to public addresses, and to `trustedHosts` (`host:port`) wherever they are. */
export function createGuardedConnector(
  trustedHosts: readonly string[],
  socketOptions: Pick<TcpNetConnectOpts, 'onread'>,
): buildConnector.connector {
  const trusted = new Set(trustedHosts.map((host) => host.toLowerCase()));
  const options = { ...socketOptions, timeout: CONNECT_TIMEOUT_MS };
  return (target, callback) => {
    const { hostname } = target;
    if (trusted.has(hostAndPort(target))) {
      buildConnector(options)(target, callback);
    } else if (isIP(hostname) !== 0 && !isPublicAddress(hostname)) {
      // A literal address is never looked up, so it has to be checked here.
      callback(new BlockedAddress(hostname), null);
    } else {
      buildConnector({ ...options, lookup: lookupPublic })(target, callback);
    }
  };
}

/** How long a name is looked up that a proxy looks up for itself. */
const LOOKUP_TIMEOUT_MS = 2000;

/**
 * For what a proxy connects to: a name that cannot be looked up here may be known to the proxy, which then decides.
 * @throws BlockedAddress for a host at an address that is not public, unless it is trusted.
 */
export async function requirePublic(url: URL, trustedHosts: readonly string[]): Promise<void> {
  if (trustedHosts.some((host) => host.toLowerCase() === hostAndPort(url))) return;
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  const late = new Promise<readonly { address: string }[]>((resolve) => {
    setTimeout(resolve, LOOKUP_TIMEOUT_MS, []).unref();
  });
  const found = await Promise.race([late, lookupAll(hostname, { all: true }).catch(() => [])]);
  if (found.some(({ address }) => !isPublicAddress(address))) throw new BlockedAddress(hostname);
}
