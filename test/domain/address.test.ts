/** Which hosts are public, in every spelling that a URL allows. */

import { hostAndPort, isLiteralPrivateAddress, isPublicAddress } from '../../src/domain/address.ts';

const PUBLIC = [
  '8.8.8.8',
  '1.1.1.1',
  '2606:4700::1111',
  '[2606:4700::1111]',
  '2a00:1450:4001:81b::200e',
  '3fff:ffff::1',
];
const OTHER = [
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '127.0.0.1',
  '127.9.9.9',
  '169.254.169.254',
  '172.16.0.1',
  '192.0.2.1',
  '192.168.1.1',
  '198.18.0.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '[::1]',
  '::127.0.0.1',
  '::7f00:1',
  '[::7f00:1]',
  '::a00:1',
  '::ffff:0:7f00:1',
  '1::1',
  '1fff:ffff::1',
  '4000::1',
  '5f00::1',
  '8000::1',
  'dfff::1',
  'fec0::1',
  'fe00::1',
  '::ffff:127.0.0.1',
  '::ffff:10.0.0.1',
  '64:ff9b::7f00:1',
  '2002:7f00:1::',
  'fc00::1',
  'fe80::1',
  'ff02::1',
  '2001:db8::1',
  '2001::1',
  'localhost',
  '',
];

describe('public addresses', () => {
  test.each(PUBLIC)('include %s', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
  test.each(OTHER)('do not include "%s"', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe('hosts named literally', () => {
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
    'http://[::127.0.0.1]',
    'http://[::7f00:1]',
    'http://[4000::1]',
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
});

test.each([
  [new URL('https://clips.example/a'), 'clips.example:443'],
  [new URL('http://10.0.0.7:9000'), '10.0.0.7:9000'],
  [new URL('http://[::1]'), '[::1]:80'],
  [{ hostname: '::1', port: '', protocol: 'https:' }, '[::1]:443'],
  [{ hostname: 'CDN.example', port: '', protocol: 'http:' }, 'cdn.example:80'],
  [{ hostname: '10.0.0.1', port: '9000', protocol: 'http:' }, '10.0.0.1:9000'],
])('the host of %s is named %s, as operators write it', (named, name) => {
  expect(hostAndPort(named)).toBe(name);
});
