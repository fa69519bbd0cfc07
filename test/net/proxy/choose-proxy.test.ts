/** Which requests go through a proxy. */

import { proxyFor } from '../../../src/net/proxy/choose-proxy.ts';

const PROXIES = { http: 'http://plain.example:3128', https: 'http://secure.example:3128', except: [] };

test.each([
  ['http://api.example/v1', 'plain.example:3128'],
  ['https://api.example/v1', 'secure.example:3128'],
  ['https://10.0.0.7/', 'secure.example:3128'],
  ['http://localhost/', undefined],
  ['http://api.localhost./', undefined],
  ['https://127.1.2.3:8443/', undefined],
  ['http://[::1]:9000/', undefined],
  ['http://[::ffff:127.0.0.1]/', undefined],
  ['http://0.0.0.0:8000/', undefined],
])('%s goes through %p', (url, host) => {
  expect(proxyFor(new URL(url), PROXIES)?.host).toBe(host);
  expect(proxyFor(new URL(url), undefined)).toBeNull();
  expect(proxyFor(new URL(url), { http: null, https: null, except: [] })).toBeNull();
});

test.each([
  ['*', 'https://api.example/', true],
  ['api.example', 'https://api.example/', true],
  ['API.example', 'https://eu.Api.Example/', true],
  ['.example', 'https://api.example/', true],
  ['*.example', 'https://api.example/', true],
  ['pi.example', 'https://api.example/', false],
  ['api.example:443', 'https://api.example/', true],
  ['api.example:80', 'https://api.example/', false],
  ['10.0.0.0/8', 'https://10.9.8.7/', true],
  ['10.0.0.0/8', 'https://11.9.8.7/', false],
  ['10.9.8.7', 'https://10.9.8.7:8443/', true],
  ['fd00::/8', 'https://[fd00::1]/', true],
  ['[fd00::1]:443', 'https://[fd00::1]/', true],
  ['fd00::1', 'https://[fd00::1]/', true],
  ['10.0.0.0/8', 'https://[fd00::1]/', false],
  ['', 'https://api.example/', false],
  ['.', 'https://api.example/', false],
])('NO_PROXY %s and %s: directly %p', (entry, url, isDirect) => {
  expect(proxyFor(new URL(url), { ...PROXIES, except: ['other.example', entry] }) === null).toBe(isDirect);
});
