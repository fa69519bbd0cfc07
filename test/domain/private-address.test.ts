/** Literal private addresses, in every spelling a URL allows. */

import { isLiteralPrivateAddress } from '../../src/domain/private-address.ts';

test.each([
  'http://127.0.0.1',
  'http://127.1',
  'http://2130706433',
  'http://0x7f.0.0.1',
  'http://0177.0.0.1',
  'http://127.0.0.1./',
  'http://10.0.0.8',
  'http://192.168.1.1',
  'http://172.16.0.1',
  'http://169.254.169.254',
  'http://100.64.0.1',
  'http://0.0.0.0',
  'http://255.255.255.255',
  'http://[::1]',
  'http://[::ffff:127.0.0.1]',
  'http://[::ffff:a00:1]',
  'http://[fe80::1]',
  'http://[fd00::1]',
  'http://[64:ff9b::7f00:1]',
  'http://localhost',
  'http://LOCALHOST.',
  'http://clips.localhost',
])('%s is private', (url) => {
  expect(isLiteralPrivateAddress(new URL(url).hostname)).toBe(true);
});

test.each(['http://8.8.8.8', 'http://[2606:4700::1111]', 'http://example.com', 'http://10.0.0.8.example.com'])(
  '%s is not private',
  (url) => {
    expect(isLiteralPrivateAddress(new URL(url).hostname)).toBe(false);
  },
);
