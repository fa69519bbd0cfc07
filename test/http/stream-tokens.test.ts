/** Stream tokens: what they open, until when, and which are refused. */

import { createStreamTokens } from '../../src/http/stream-tokens.ts';

const CLAIM = { callerId: 'caller_1', videoId: null };
const EXPIRES = new Date('2026-03-01T12:05:00.000Z');
const BEFORE = new Date('2026-03-01T12:04:59.999Z');

test('a token opens what it was issued for, until it expires', () => {
  const tokens = createStreamTokens(['key']);
  const token = tokens.issue(CLAIM, EXPIRES);
  expect(token).toMatch(/^[\w.-]+$/);
  expect(tokens.verify(token, BEFORE)).toEqual(CLAIM);
  expect(tokens.verify(token, EXPIRES)).toBeNull();
  const ofVideo = { callerId: 'root', videoId: 'video_1' };
  expect(tokens.verify(tokens.issue(ofVideo, EXPIRES), BEFORE)).toEqual(ofVideo);
});

test('a token of an older key is good as long as the key is', () => {
  const token = createStreamTokens(['old']).issue(CLAIM, EXPIRES);
  expect(createStreamTokens(['new', 'old']).verify(token, BEFORE)).toEqual(CLAIM);
  expect(createStreamTokens(['new']).verify(token, BEFORE)).toBeNull();
});

test('a token with another payload, and what is none, opens nothing', () => {
  const tokens = createStreamTokens(['key']);
  const [, signature] = tokens.issue(CLAIM, EXPIRES).split('.');
  const payload = Buffer.from(JSON.stringify(['caller_2', null, EXPIRES.getTime()])).toString('base64url');
  for (const token of [`${payload}.${signature}`, payload, `.${signature}`, '', 'a.b.c', 'x'.repeat(5000)]) {
    expect(tokens.verify(token, BEFORE)).toBeNull();
  }
});
