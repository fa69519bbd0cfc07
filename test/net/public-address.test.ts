/** Which addresses count as public. */

import { isPublicAddress } from '../../src/net/public-address.ts';

const PUBLIC = ['8.8.8.8', '1.1.1.1', '2606:4700::1111', '[2606:4700::1111]'];
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
  '::ffff:127.0.0.1',
  '::ffff:10.0.0.1',
  '64:ff9b::7f00:1',
  '2002:7f00:1::',
  'fc00::1',
  'fe80::1',
  'ff02::1',
  '2001:db8::1',
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
