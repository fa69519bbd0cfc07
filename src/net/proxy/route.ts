/** The way of a request to its host: directly, by a proxy that is asked for the whole URL, or by a tunnel through one. */

import http from 'node:http';
import https from 'node:https';
import { buildConnector } from 'undici';
import { hostAndPort } from '../../domain/address.ts';
import type { Proxies } from '../../domain/passage.ts';
import { USER_AGENT } from '../user-agent.ts';
import { proxyFor } from './choose-proxy.ts';

/** Whom to connect to, and what to ask there. */
export interface Route {
  readonly origin: string;
  readonly path: string;
  /** Beside those of the request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Null: directly. */
  readonly proxy: URL | null;
  /** Makes the connection where it leads through a tunnel. */
  readonly connect?: buildConnector.connector;
}

const CONNECT_TIMEOUT_MS = 10_000;

/** With this a proxy asks for credentials. */
const PROXY_AUTHENTICATION_REQUIRED = 407;

/** A proxy has passed nothing on. */
export class ProxyRefusal extends Error {
  constructor({ host }: URL) {
    super(`the proxy ${host} takes no request with these credentials`);
    this.name = 'ProxyRefusal';
  }
}

/** @throws ProxyRefusal where the status of an answer is its proxy's own. */
export function requireAdmission({ proxy, connect }: Route, status: number): void {
  if (proxy !== null && connect === undefined && status === PROXY_AUTHENTICATION_REQUIRED)
    throw new ProxyRefusal(proxy);
}

/** HTTPS goes through a tunnel, which shows a proxy nothing but the host; plain HTTP is asked of the proxy itself. */
export function routeTo(url: URL, proxies: Proxies | undefined): Route {
  const proxy = proxyFor(url, proxies);
  const path = url.pathname + url.search;
  if (proxy === null) return { origin: url.origin, path, headers: {}, proxy };
  if (url.protocol === 'https:') {
    return { origin: url.origin, path, headers: {}, proxy, connect: tunnelThrough(proxy) };
  }
  return { origin: proxy.origin, path: url.origin + path, headers: { host: url.host, ...credentialsOf(proxy) }, proxy };
}

function credentialsOf({ username, password }: URL): Record<string, string> {
  if (username + password === '') return {};
  const both = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(both).toString('base64')}` };
}

/** What fails before the tunnel stands has sent nothing to the host. */
function tunnelThrough(proxy: URL): buildConnector.connector {
  const connectInside = buildConnector({ timeout: CONNECT_TIMEOUT_MS });
  return (target, callback) => {
    const where = hostAndPort(target);
    const fail = (reason: string) => callback(new Error(`the proxy ${proxy.host} ${reason}`), null);
    const { request } = proxy.protocol === 'https:' ? https : http;
    const asked = request({
      host: proxy.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
      method: 'CONNECT',
      path: where,
      headers: { host: where, 'user-agent': USER_AGENT, ...credentialsOf(proxy) },
      agent: false,
      timeout: CONNECT_TIMEOUT_MS,
    });
    asked.once('connect', ({ statusCode = 0 }, socket) => {
      if (statusCode >= 200 && statusCode < 300) {
        socket.setTimeout(0);
        connectInside({ ...target, httpSocket: socket }, callback);
        return;
      }
      socket.destroy();
      fail(`refused the tunnel with ${statusCode}`);
    });
    asked.once('timeout', () => asked.destroy(new Error(`did not answer within ${CONNECT_TIMEOUT_MS} ms`)));
    asked.once('error', (error: NodeJS.ErrnoException) => fail(`cannot be used: ${error.code ?? error.message}`));
    asked.end();
  };
}
