/**
 * How hints to come back later are read.
 *
 * @jest-environment-options {"timeZone":"Asia/Kathmandu"}
 */

import { retryAfterMs } from '../../src/net/retry-after.ts';

const NOW_MS = Date.parse('Wed, 21 Oct 2026 07:28:00 GMT');

describe('retry-after', () => {
  test.each([
    ['seconds', { 'retry-after': '12' }, 12_000],
    ['fractions of a second', { 'retry-after': '0.25' }, 250],
    ['a date ahead', { 'retry-after': 'Wed, 21 Oct 2026 07:28:30 GMT' }, 30_000],
    ['a date of the form without a zone', { 'retry-after': 'Wed Oct 21 07:28:30 2026' }, 30_000],
    ['a date of the form with dashes', { 'retry-after': 'Wednesday, 21-Oct-26 07:28:30 GMT' }, 30_000],
    ['a date that has passed', { 'retry-after': 'Wed, 21 Oct 2026 07:00:00 GMT' }, 0],
    ['milliseconds before seconds', { 'retry-after-ms': '1500', 'retry-after': '9' }, 1500],
    ['seconds beside unreadable milliseconds', { 'retry-after-ms': 'soon', 'retry-after': '9' }, 9000],
    ['a hint of years as a day', { 'retry-after': '99999999999' }, 86_400_000],
    ['nothing', {}, undefined],
    ['a word', { 'retry-after': 'later' }, undefined],
    ['a negative number', { 'retry-after': '-5' }, undefined],
  ])('reads %s', (_name, headers, expectedMs) => {
    expect(retryAfterMs(headers as Record<string, string>, NOW_MS)).toBe(expectedMs);
  });
});
