/** Which proxy a request goes through: the one of its scheme, unless its host is to be asked directly. */

import { hostAndPort, isInNetwork, isLoopback } from '../../domain/address.ts';
import type { Proxies } from '../../domain/passage.ts';

/** The proxy for a URL; null where it is asked directly, as this machine itself always is. */
export function proxyFor(url: URL, proxies: Proxies | undefined): URL | null {
  const proxy = url.protocol === 'https:' ? proxies?.https : proxies?.http;
  if (!proxy || isLoopback(url.hostname)) return null;
  return proxies?.except.some((entry) => isNamedBy(entry, url)) ? null : new URL(proxy);
}

/** `*`, a name with all names below it, an address or a network; the first and the second perhaps with a port. */
function isNamedBy(entry: string, url: URL): boolean {
  if (entry === '*') return true;
  const { hostname } = url;
  if (isInNetwork(hostname, entry)) return true;
  const [, named = entry, port] = /^(.*[^:]):(\d+)$/.exec(entry) ?? [];
  if (port !== undefined && !hostAndPort(url).endsWith(`:${port}`)) return false;
  const name = named.toLowerCase().replace(/^\[|\]$|^\*?\./g, '');
  const host = hostname.toLowerCase().replace(/^\[|\]$|\.$/g, '');
  return name !== '' && (host === name || host.endsWith(`.${name}`));
}
