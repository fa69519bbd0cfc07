/** Signed links: what they grant, for how long, and what breaks them. */

import { createImageLinker } from '../../src/archive/link-input-image.ts';
import { createLinkSigner, createVideoLinks, type LinkClaim, type MediaVariant } from '../../src/media/signed-links.ts';
import { makeArchive, makeCompletedVideo, makeVideo } from '../builders.ts';

const PUBLIC_URL = 'https://clips.example';
const EXPIRES_AT = new Date('2024-05-07T12:53:20.999Z');
const BEFORE = new Date('2024-05-07T12:53:19.000Z');
const signer = createLinkSigner(['first-key', 'second-key'], PUBLIC_URL);

function claimOf(url: string, variant: MediaVariant = 'clip'): LinkClaim {
  const { pathname, searchParams } = new URL(url);
  const [, , videoId = ''] = pathname.split('/');
  const query = Object.fromEntries(searchParams);
  return { videoId, variant, expires: query['expires'], key: query['key'], signature: query['signature'] };
}

const link = () => signer.sign({ id: 'video_1' }, 'clip', EXPIRES_AT);

test('a link has its documented shape', () => {
  expect(link()).toMatch(
    /^https:\/\/clips\.example\/media\/video_1\/clip\.mp4\?expires=1715086400&key=[0-9a-f]{12}&signature=[\w-]{43}$/,
  );
  expect(signer.sign({ id: 'video_1' }, 'poster', EXPIRES_AT)).toContain('/media/video_1/poster.jpg?');
});

test('a link holds until its second and not longer (AF-50, AO-11, X10)', () => {
  expect(signer.verify(claimOf(link()), BEFORE)).toBe('valid');
  expect(signer.verify(claimOf(link()), EXPIRES_AT)).toBe('expired');
});

test.each<[string, Partial<LinkClaim>]>([
  ['another video', { videoId: 'video_2' }],
  ['another variant', { variant: 'poster' }],
  ['a later expiry', { expires: '1815086400' }],
  ['an expiry in other words', { expires: '1715086400.0' }],
  ['an unknown key id', { key: '000000000000' }],
  ['no key id', { key: undefined }],
  ['no signature', { signature: undefined }],
  ['an empty signature', { signature: '' }],
  ['a short signature', { signature: 'AAAA' }],
  ['several signatures', { signature: ['a', 'b'] }],
  ['a wrong signature', { signature: 'A'.repeat(43) }],
  ['a signature in other words', { signature: `${claimOf(link()).signature}=` }],
])('a link for %s is invalid', (_what, change) => {
  expect(signer.verify({ ...claimOf(link()), ...change }, BEFORE)).toBe('invalid');
});

test('links of an older key hold until it is dropped', () => {
  const old = createLinkSigner(['second-key'], PUBLIC_URL).sign({ id: 'video_1' }, 'clip', EXPIRES_AT);
  expect(signer.verify(claimOf(old), BEFORE)).toBe('valid');
  expect(createLinkSigner(['first-key'], PUBLIC_URL).verify(claimOf(old), BEFORE)).toBe('invalid');
});

test('a key never shows in its links', () => {
  expect(link()).not.toContain('first-key');
});

test('signing without a key is refused', () => {
  expect(() => createLinkSigner([], PUBLIC_URL)).toThrow('at least one key');
});

describe('the links of a video', () => {
  const links = createVideoLinks(signer);
  const archive = makeArchive({ posterKey: 'videos/video_1/poster.jpg' });
  const video = makeCompletedVideo({ archive, expiresAt: EXPIRES_AT });

  test('an archived video has both until it expires (AF-50, IN-25)', () => {
    const { clipUrl, posterUrl, linksExpireAt } = links(video, BEFORE);
    expect(signer.verify(claimOf(clipUrl ?? ''), BEFORE)).toBe('valid');
    expect(signer.verify(claimOf(posterUrl ?? '', 'poster'), BEFORE)).toBe('valid');
    expect(linksExpireAt).toEqual(EXPIRES_AT);
  });

  test.each([
    ['is still running', makeVideo({ state: 'archiving', expiresAt: EXPIRES_AT }), BEFORE],
    ['failed after its archive', { ...video, state: 'failed' as const }, BEFORE],
    ['has no archive', { ...video, archive: null }, BEFORE],
    ['was purged', { ...video, purgedAt: BEFORE }, BEFORE],
    ['has expired', video, EXPIRES_AT],
  ])('a video that %s has none', (_what, other, now) => {
    expect(links(other, now)).toMatchObject({ clipUrl: null, posterUrl: null });
  });

  test('a video without a poster frame has no link to one', () => {
    expect(links({ ...video, archive: makeArchive() }, BEFORE).posterUrl).toBeNull();
  });
});

describe('the link of an input image', () => {
  const IMAGE = { kind: 'stored', sha256: 'ab'.repeat(32), mediaType: 'image/png', sizeBytes: 3 } as const;
  const FILE = `${IMAGE.sha256}.png`;
  const signatureOf = (url: string) => {
    const { expires, key, signature } = Object.fromEntries(new URL(url).searchParams);
    return { expires, key, signature };
  };

  test('grants that image alone, until its second', () => {
    const url = signer.signImage(IMAGE, EXPIRES_AT);
    expect(new URL(url).pathname).toBe(`/input-images/${FILE}`);
    const verify = (file: string, now: Date) => signer.verifyImage({ file, ...signatureOf(url) }, now);
    expect(verify(FILE, BEFORE)).toBe('valid');
    expect(verify(FILE, EXPIRES_AT)).toBe('expired');
    expect(verify(`${'cd'.repeat(32)}.png`, BEFORE)).toBe('invalid');
    expect(signer.verify({ videoId: FILE, variant: 'clip', ...signatureOf(url) }, BEFORE)).toBe('invalid');
  });

  test('is the same in every try of a create', () => {
    const link = createImageLinker(signer, PUBLIC_URL);
    const reader = { grantedAt: BEFORE, baseUrl: 'https://api.example' };
    expect(link(IMAGE, reader)).toBe(link(IMAGE, { ...reader }));
    expect(link(IMAGE, reader)).toBe(signer.signImage(IMAGE, new Date(BEFORE.getTime() + 86_400_000)));
  });

  test.each([
    ['http://127.0.0.1:8787', 'https://api.example', false],
    ['http://localhost:8787', 'https://api.example', false],
    ['http://127.0.0.1:8787', 'http://127.0.0.1:9000', true],
    [PUBLIC_URL, 'https://api.example', true],
  ])('from %s to an upstream at %s: %p', (publicUrl, baseUrl, isMade) => {
    const make = () => createImageLinker(signer, publicUrl)(IMAGE, { grantedAt: BEFORE, baseUrl });
    if (isMade) expect(make()).toContain(FILE);
    else expect(make).toThrow('set CLIPYARD_PUBLIC_URL');
  });
});
