/** Archiving against a real local server: resumption, restarts, and every way in which a link does not hold the clip. */

import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type ArchiveOrder, type ArchiveOutcome, createClipArchiver } from '../../src/archive/archive-clip.ts';
import type { DownloadLimits } from '../../src/archive/download-clip.ts';
import { findFfmpeg } from '../../src/archive/ffmpeg.ts';
import { createPosterMaker, type PosterMaker } from '../../src/archive/poster.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { createFileStore } from '../../src/media/file-store.ts';
import { fetchUntrusted } from '../../src/net/untrusted/fetch.ts';
import { closeLentConnections } from '../../src/net/untrusted/lent-answer.ts';
import { linkIn } from '../../src/providers/reading/result-link.ts';
import { type Answer, type ClipServer, ETAG, sendFile, startClipServer, startOf } from '../fixtures/clip-server.ts';
import { makePng } from '../fixtures/images.ts';
import { CLIP_FACTS, makeClip, spoil } from '../fixtures/make-clip.ts';
import { readObject } from '../media/media-store-contract.ts';

const CLIP_KEY = 'videos/v1/clip.mp4';
let clip: Buffer;
let root: string;
let server: ClipServer;

beforeAll(async () => {
  clip = await makeClip();
});
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'clipyard-archive-'));
});
afterEach(async () => {
  await closeLentConnections();
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

const serve = async (answer: Answer) => {
  server = await startClipServer(answer);
};
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const partCount = () => readdirSync(join(root, '.staging')).length;
const partCountOrNone = () => (existsSync(join(root, '.staging')) ? partCount() : 0);

interface Run extends Partial<ArchiveOrder> {
  readonly makePoster?: PosterMaker;
  readonly limits?: Partial<DownloadLimits>;
  readonly heartbeatMs?: number;
}

/** One execution of the activity's core, in a process of its own as far as the store can tell. */
function archive({
  limits = {},
  heartbeatMs = 1000,
  makePoster = async () => null,
  ...order
}: Run = {}): Promise<ArchiveOutcome> {
  const archiveClip = createClipArchiver({
    store: createFileStore(root),
    fetchResult: fetchUntrusted,
    makePoster,
    findLink: linkIn,
    limits: { waitsMs: [0, 0, 0], progressBytes: 1, secondCopyMs: 0, ...limits },
    heartbeatMs,
  });
  return archiveClip({
    source: { url: server.url, trustedHosts: [server.host] },
    clipKey: CLIP_KEY,
    posterKey: 'videos/v1/poster.jpg',
    signal: new AbortController().signal,
    heartbeat: () => undefined,
    resumeFrom: undefined,
    keepsPartial: () => true,
    ...order,
  });
}

async function expectArchived(outcome: ArchiveOutcome, bytes = clip): Promise<void> {
  expect(outcome).toEqual({
    kind: 'archived',
    clip: { ...CLIP_FACTS, sha256: sha256(bytes), sizeBytes: bytes.length, clipKey: CLIP_KEY, posterKey: null },
  });
  expect((await readObject(createFileStore(root), CLIP_KEY))?.equals(bytes)).toBe(true);
  expect(partCount()).toBe(0);
}

async function expectProblem(outcome: ArchiveOutcome, problem: object): Promise<void> {
  expect(outcome).toEqual({ kind: 'problem', problem: expect.objectContaining(problem) });
  expect(await createFileStore(root).sizeBytes(CLIP_KEY)).toBeNull();
}

describe('an answer that names the clip instead of being it', () => {
  const named = (link: string) => {
    return serve((response, request) => {
      if (request.url?.startsWith('/real')) return sendFile(response, request, clip);
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data: { url: link } }));
    });
  };

  test('is followed to it, without the key', async () => {
    await named('/real.mp4?sig=1');
    const origin = `http://${server.host}`;
    const authorise = { origin, apiKey: 'key-1' };
    const source = { url: server.url, baseUrl: origin, trustedHosts: [server.host], authorise };
    await expectArchived(await archive({ source }));
    expect(server.requests.map(({ authorization }) => authorization)).toEqual(['Bearer key-1', undefined]);
  });

  test('is followed once', async () => {
    await named('/named-again');
    const source = { url: server.url, baseUrl: `http://${server.host}`, trustedHosts: [server.host] };
    await expectProblem(await archive({ source }), { kind: 'later', status: 200 });
    expect(server.requests).toHaveLength(2);
  });

  test('leads to no private address', async () => {
    await named('http://10.255.0.9/clip.mp4');
    await expectProblem(await archive(), { kind: 'invalid' });
  });
});

describe('a download', () => {
  test('one request archives a whole clip', async () => {
    await serve((response, request) => sendFile(response, request, clip));
    await expectArchived(await archive());
    expect(server.requests).toHaveLength(1);
  });

  test('a cut connection is resumed where it broke', async () => {
    const cutAt = Math.floor(clip.length * 0.4);
    await serve((response, request, n) => sendFile(response, request, clip, n === 0 ? { cutAfterBytes: cutAt } : {}));
    await expectArchived(await archive());
    expect(server.requests).toHaveLength(2);
    expect(server.requests[1]?.ifRange).toBe(ETAG);
    expect(startOf(server.requests[1])).toBeGreaterThan(0);
    expect(startOf(server.requests[1])).toBeLessThanOrEqual(cutAt);
  });

  test('a clip is brought home across many cuts', async () => {
    const cutAfterBytes = Math.ceil(clip.length / 9);
    await serve((response, request) => sendFile(response, request, clip, { cutAfterBytes }));
    await expectArchived(await archive());
    expect(server.requests.length).toBeGreaterThanOrEqual(9);
  });

  test.each([
    ['an older Last-Modified', { 'last-modified': 'Wed, 01 Jan 2025 00:00:00 GMT' }, 'Wed, 01 Jan 2025 00:00:00 GMT'],
    ['a weak ETag', { etag: 'W/"1"' }, undefined],
    ['no validator', {}, undefined],
    ['no support for ranges', { etag: ETAG, 'accept-ranges': 'none' }, undefined],
    [
      'a Last-Modified of this very second',
      { 'last-modified': new Date(Date.now() + 60_000).toUTCString() },
      undefined,
    ],
  ])('with %s a cut download resumes only if that is safe', async (_what, headers, ifRange) => {
    await serve((response, request, n) =>
      sendFile(response, request, clip, n === 0 ? { headers, cutAfterBytes: 50_000 } : { headers }),
    );
    await expectArchived(await archive());
    expect(server.requests[1]?.ifRange).toBe(ifRange);
    expect(startOf(server.requests[1]) > 0).toBe(ifRange !== undefined);
  });

  test('a clip that changed meanwhile is fetched anew', async () => {
    const other = await makeClip(2);
    await serve((response, request, n) =>
      n === 0
        ? sendFile(response, request, clip, { cutAfterBytes: 50_000 })
        : sendFile(response, request, other, { headers: { etag: '"clip-2"' } }),
    );
    await expectArchived(await archive(), other);
    expect(server.requests).toHaveLength(2);
  });

  test.each<[string, Answer]>([
    ['416', (response) => response.writeHead(416, { 'content-range': 'bytes */7' }).end()],
    [
      'another start',
      (response) => response.writeHead(206, { 'content-range': `bytes 7-${clip.length - 1}/${clip.length}` }).end(),
    ],
    ['no Content-Range', (response) => response.writeHead(206).end(clip.subarray(50_000))],
    [
      'a part of another clip',
      (response, request) =>
        response
          .writeHead(206, {
            etag: '"x"',
            'content-range': `${String(request.headers.range).replace('=', ' ')}${clip.length - 1}/${clip.length}`,
          })
          .end(clip.subarray(50_000)),
    ],
    [
      'another length',
      (response, request) =>
        response
          .writeHead(206, { 'content-range': `${String(request.headers.range).replace('=', ' ')}500000/500001` })
          .end(),
    ],
  ])('a range answered with %s starts the download anew', async (_what, misfit) => {
    await serve((response, request, n) => {
      if (n === 1) misfit(response, request, n);
      else sendFile(response, request, clip, n === 0 ? { cutAfterBytes: 50_000 } : {});
    });
    await expectArchived(await archive());
    expect(server.requests.map((request) => startOf(request) > 0)).toEqual([false, true, false]);
  });

  test('a range that nobody asked for is the clip, if it is the whole of it', async () => {
    await serve((response, _request, n) => {
      const end = n === 0 ? 50_000 : clip.length;
      const range = `bytes 0-${end - 1}/${clip.length}`;
      response.writeHead(206, { etag: ETAG, 'content-range': range, 'content-length': end }).end(clip.subarray(0, end));
    });
    await expectArchived(await archive());
    expect(server.requests).toHaveLength(2);
  });

  test('a stalled connection is given up and resumed', async () => {
    await serve((response, request, n) => {
      if (n > 0) return sendFile(response, request, clip);
      response.writeHead(200, { etag: ETAG, 'content-length': clip.length }).write(clip.subarray(0, 70_000));
    });
    await expectArchived(await archive({ limits: { idleMs: 200 } }));
    expect(startOf(server.requests[1])).toBe(70_000);
  });

  test('a link that does not answer is put off after one try, which leaves the place to others', async () => {
    await serve(() => undefined);
    await expectProblem(await archive({ limits: { idleMs: 100 } }), { kind: 'later' });
    expect(server.requests).toHaveLength(1);
  });

  test('a connection that brings a byte now and then is given up and resumed', async () => {
    await serve((response, request, n) => {
      if (n > 0) return sendFile(response, request, clip);
      response.writeHead(200, { etag: ETAG, 'content-length': clip.length }).write(clip.subarray(0, 70_000));
      let at = 70_000;
      const trickle = setInterval(() => response.write(clip.subarray(at, ++at)), 20);
      response.once('close', () => clearInterval(trickle));
    });
    await expectArchived(await archive({ limits: { idleMs: 200, leastBytes: 1000 } }));
    expect(startOf(server.requests[1])).toBeGreaterThan(70_000);
  });

  test('the account’s key goes to its own origin', async () => {
    await serve((response, request) => sendFile(response, request, clip));
    const authorise = { origin: `http://${server.host}`, apiKey: 'key-1' };
    await expectArchived(await archive({ source: { url: server.url, trustedHosts: [server.host], authorise } }));
    expect(server.requests[0]?.authorization).toBe('Bearer key-1');
  });
});

describe('a download that is put off', () => {
  test('another process resumes it from the heartbeat', async () => {
    let heartbeat: JsonObject = {};
    await serve((response, request, n) => {
      if (n === 0) return sendFile(response, request, clip, { cutAfterBytes: 100_000 });
      if (n === 1) return response.writeHead(503, { 'retry-after': '7' }).end();
      sendFile(response, request, clip);
    });
    const outcome = await archive({
      heartbeat: (details) => {
        heartbeat = JSON.parse(JSON.stringify(details));
      },
    });
    await expectProblem(outcome, { kind: 'later', status: 503, retryAfterMs: 7000 });
    await expectArchived(await archive({ resumeFrom: heartbeat }));
    const starts = server.requests.map(startOf);
    expect(starts[1]).toBeGreaterThan(0);
    expect(starts).toEqual([0, starts[1], starts[1]]);
  });

  test('a killed process leaves heartbeats to resume from', async () => {
    const beats: JsonObject[] = [];
    const death = new AbortController();
    await serve((response, request, n) => {
      if (n > 0) return sendFile(response, request, clip);
      response.writeHead(200, { etag: ETAG, 'content-length': clip.length }).write(clip.subarray(0, 90_000));
    });
    const heartbeat = (details: JsonObject) => {
      beats.push(details);
      const staged = details['staged'] as JsonObject | undefined;
      if (staged?.['sizeBytes'] === 90_000) death.abort(new Error('killed'));
    };
    await expect(archive({ heartbeat, heartbeatMs: 10, signal: death.signal })).rejects.toThrow('killed');
    await expectArchived(await archive({ resumeFrom: beats.at(-1) }));
    expect(startOf(server.requests[1])).toBe(90_000);
  });

  test('a commit whose answer was lost is not downloaded again', async () => {
    const beats: JsonObject[] = [];
    await serve((response, request) => sendFile(response, request, clip));
    const makePoster = () =>
      new Promise<never>((_resolve, reject) => setTimeout(() => reject(new Error('killed')), 50));
    const dying = createClipArchiver({
      store: createFileStore(root),
      fetchResult: fetchUntrusted,
      makePoster,
      heartbeatMs: 5,
    });
    const source = { url: server.url, trustedHosts: [server.host] };
    const rest = { signal: new AbortController().signal, resumeFrom: null, keepsPartial: () => true };
    const order = {
      source,
      clipKey: CLIP_KEY,
      posterKey: 'videos/v1/poster.jpg',
      heartbeat: (details: JsonObject) => void beats.push(details),
      ...rest,
    };
    await expect(dying(order)).rejects.toThrow('killed');
    await expectArchived(await archive({ resumeFrom: beats.at(-1) }));
    expect(server.requests).toHaveLength(1);
  });

  test('heartbeats that do not hold start from nothing', async () => {
    await serve((response, request) => sendFile(response, request, clip));
    const resumeFrom = { staged: { name: 'gone', sizeBytes: 5 }, validator: ETAG, totalBytes: clip.length };
    await expectArchived(await archive({ resumeFrom }));
    expect(server.requests[0]?.range).toBeUndefined();
  });

  test('a cancelled download leaves nothing behind', async () => {
    const cancel = new AbortController();
    await serve((response) => {
      response
        .writeHead(200, { etag: ETAG, 'content-length': clip.length })
        .write(clip.subarray(0, 90_000), () => cancel.abort(new Error('cancelled')));
    });
    await expect(archive({ signal: cancel.signal, keepsPartial: () => false })).rejects.toThrow('cancelled');
    expect(partCount()).toBe(0);
  });

  test('a server that always breaks off is tried a bounded number of times', async () => {
    await serve((response, request) => sendFile(response, request, clip, { headers: {}, cutAfterBytes: 10 }));
    await expectProblem(await archive(), { kind: 'later', message: expect.stringContaining('broke off') });
    expect(server.requests).toHaveLength(4);
    expect(partCount()).toBe(0);
  });

  test.each([429, 500, 502, 503, 401, 202, 400, 403, 404, 410, 204])(
    'an answer of %d is put off with what is there kept',
    async (status) => {
      await serve((response, request, n) =>
        n === 0 ? sendFile(response, request, clip, { cutAfterBytes: 60_000 }) : response.writeHead(status).end(),
      );
      await expectProblem(await archive(), { kind: 'later', status });
      expect(partCount()).toBe(1);
    },
  );
});

/** What upstreams were seen to answer for a clip that was there a moment later. */
const NOT_YET: [string, Answer, object][] = [
  ...[400, 401, 403, 404, 409, 410, 425, 429, 500, 503].map((status): [string, Answer, object] => [
    `an answer of ${status}`,
    (response) => response.writeHead(status, { 'content-type': 'application/json' }).end('{"detail":"private words"}'),
    { status, message: `the upstream's link answered ${status} (application/json) without the clip` },
  ]),
  ['an answer of 204', (response) => response.writeHead(204).end(), { status: 204 }],
  ['an answer of 202', (response) => response.writeHead(202).end('private words'), { status: 202 }],
  ['an empty body', (response) => response.writeHead(200, { 'content-length': 0 }).end(), { status: 200 }],
  ['an empty body of unknown length', (response) => response.writeHead(200).end(), { status: 200 }],
  ...[
    ['a page', 'text/html; charset=utf-8', '<!DOCTYPE html><h1>private words</h1>'],
    ['a page behind a byte order mark', 'text/html', '\ufeff\n<html>private words</html>'],
    ['XML', 'application/xml', '<?xml version="1.0"?><Error>private words</Error>'],
    ['an object', 'application/json', '{"status":"processing","note":"private words"}'],
    ['a list', 'application/json', ' ["private words"]'],
    ['a JSON null', 'application/json', 'null'],
    ['plain text', 'text/plain', 'private words: not ready, grüße\n'],
    ['a page that calls itself a clip', 'video/mp4', '<html>private words</html>'],
  ].map(([what = '', type = '', body = '']): [string, Answer, object] => [
    what,
    (response) => response.writeHead(200, { 'content-type': type, 'retry-after': '3' }).end(body),
    { status: 200, retryAfterMs: 3000, message: expect.stringContaining(`answered 200 (${type.replace(/;.*/, '')})`) },
  ]),
];

describe('a link that does not hold the clip yet', () => {
  test.each(NOT_YET)('says %s and may hold it later', async (_what, answer, problem) => {
    await serve(answer);
    const outcome = await archive({ limits: { waitsMs: [], secondCopyMs: 60_000 } });
    await expectProblem(outcome, { kind: 'later', ...problem });
    expect(outcome.kind === 'problem' && outcome.problem.message).not.toMatch(/private|words|secret/);
    expect(server.requests).toHaveLength(1);
    expect(partCount()).toBe(0);
  });

  test.each(NOT_YET)('said %s and then holds it', async (_what, answer) => {
    await serve((response, request, n) => (n === 0 ? answer(response, request, n) : sendFile(response, request, clip)));
    await archive({ limits: { waitsMs: [] } });
    await expectArchived(await archive());
  });

  test('says nothing of the network but a code where it does not answer', async () => {
    await serve((response) => response.end());
    await server.close();
    await expectProblem(await archive(), {
      kind: 'later',
      message: 'the download broke off: no answer came (ECONNREFUSED)',
    });
  });

  test('says nothing but so much where what it answers is no HTTP', async () => {
    await serve((response) => response.socket?.end('HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n'));
    const outcome = await archive();
    await expectProblem(outcome, { kind: 'later' });
    expect(outcome.kind === 'problem' && outcome.problem.message).not.toContain('undefined');
  });

  test.each([
    ['is reached', -1, 'expired'],
    ['lies ahead', 3_600_000, 'later'],
  ])('is %s when the end of the caller’s patience %s', async (_when, aheadMs, kind) => {
    await serve((response) => response.writeHead(404).end());
    const outcome = await archive({ expiresAt: new Date(Date.now() + aheadMs) });
    await expectProblem(outcome, { kind, status: 404 });
  });

  test('leaves no partial download once the caller’s patience is over', async () => {
    await serve((response, request, n) =>
      n === 0 ? sendFile(response, request, clip, { cutAfterBytes: 60_000 }) : response.writeHead(503).end(),
    );
    await expectProblem(await archive({ expiresAt: new Date() }), { kind: 'expired', status: 503 });
    expect(partCount()).toBe(0);
  });
});

describe('a link that does not hold the clip', () => {
  test.each<[string, () => Buffer, string]>([
    ['a PNG', () => makePng({ width: 300, height: 300 }), 'the bytes 89504e47'],
    ['a cut clip of the announced length', () => clip.subarray(0, clip.length / 2), 'it is cut'],
    ['noise', () => Buffer.alloc(90_000, 1), 'no MP4'],
    ['a WebM', () => Buffer.from('1a45dfa39f4286810142f7810142f281', 'hex'), 'the bytes 1a45dfa3'],
    ['a clip in gzip that is cut', () => gzipSync(clip).subarray(0, -20), 'gzip data'],
    ['gzip data in gzip data', () => gzipSync(gzipSync(clip)), 'gzip data'],
    ['noise in gzip data', () => gzipSync(Buffer.alloc(90_000, 1)), 'no MP4'],
  ])('%s is asked for once more and then invalid', async (_what, bytes, message) => {
    await serve((response, request) => sendFile(response, request, bytes()));
    await expectProblem(await archive(), { kind: 'invalid', message: expect.stringContaining(message) });
    expect(server.requests.map(({ range }) => range)).toEqual([undefined, undefined]);
    expect(partCount()).toBe(0);
  });

  test('a film of zeros is invalid without ffmpeg', async () => {
    const empty = spoil(clip, { from: 0, to: 1 }, (sizeBytes) => Buffer.alloc(sizeBytes));
    await serve((response, request) => sendFile(response, request, empty));
    await expectProblem(await archive(), { kind: 'invalid', message: expect.stringContaining('nothing in one') });
    expect(server.requests).toHaveLength(2);
  });

  test('a clip that cannot be decoded is invalid', async () => {
    if ((await findFfmpeg()) === null) return;
    const broken = spoil(clip, { from: 0, to: 1 }, (sizeBytes) => randomBytes(sizeBytes));
    await serve((response, request) => sendFile(response, request, broken));
    const makePoster = createPosterMaker({ warn: () => undefined });
    await expectProblem(await archive({ makePoster }), {
      kind: 'invalid',
      message: expect.stringContaining('can be decoded'),
    });
    expect(server.requests).toHaveLength(2);
  });

  test('a clip with something after its last box is archived as it came', async () => {
    const tailed = Buffer.concat([clip, Buffer.from('\r\n--boundary--\r\n')]);
    await serve((response, request) => sendFile(response, request, tailed));
    await expectArchived(await archive(), tailed);
  });

  test('the second copy is not asked for at once', async () => {
    const impatience = new AbortController();
    await serve((response, request) => {
      response.once('close', () => setTimeout(() => impatience.abort(new Error('waited long enough')), 200));
      sendFile(response, request, makePng());
    });
    const run = archive({ limits: { secondCopyMs: 60_000 }, signal: impatience.signal });
    await expect(run).rejects.toThrow('waited long enough');
    expect(server.requests).toHaveLength(1);
  });

  test('a broken copy in a cache heals at the second request', async () => {
    await serve((response, request, n) => sendFile(response, request, n === 0 ? clip.subarray(0, 70_000) : clip));
    await expectArchived(await archive());
  });

  test.each([
    ['announced', { 'content-length': '5001' }],
    ['only sent', {}],
  ])('a clip over the bound is refused, its size %s', async (_what, headers) => {
    await serve((response) => response.writeHead(200, headers).end(Buffer.alloc(5001)));
    await expectProblem(await archive({ limits: { maxBytes: 5000 } }), {
      kind: 'invalid',
      message: expect.stringContaining('bound of 5000'),
    });
    expect(partCount()).toBe(0);
  });

  test('a private address is not followed', async () => {
    await serve((response, request) => sendFile(response, request, clip));
    const outcome = await archive({ source: { url: server.url, trustedHosts: [] } });
    await expectProblem(outcome, { kind: 'invalid', message: expect.stringContaining('private address') });
    expect(server.requests).toHaveLength(0);
  });

  test.each(['ftp://clips.example/a.mp4', 'not a link'])('the link "%s" is refused', async (url) => {
    await serve((response) => response.end());
    await expectProblem(await archive({ source: { url, trustedHosts: [] } }), { kind: 'invalid' });
  });

  test('an invalid clip never names the link’s secrets', async () => {
    await serve((response, request) => sendFile(response, request, makePng()));
    const outcome = await archive();
    expect(outcome.kind === 'problem' && outcome.problem.message).not.toContain('secret');
  });
});

describe('labels that are wrong', () => {
  test.each([
    ['content-encoding', 'aws-chunked'],
    ['content-encoding', 'gzip'],
    ['content-encoding', 'br, identity'],
    ['content-encoding', 'binary'],
    ['content-type', 'text/html'],
    ['content-type', 'application/json'],
    ['content-type', 'image/png'],
    ['content-type', 'no type at all'],
    ['content-disposition', 'attachment; filename="clip.txt"'],
  ])('yield to the bytes of a clip: %s: %s', async (name, value) => {
    await serve((response, request) => sendFile(response, request, clip, { headers: { etag: ETAG, [name]: value } }));
    await expectArchived(await archive());
    expect(server.requests).toHaveLength(1);
  });

  test('do not stand in the way of resuming', async () => {
    const headers = { etag: ETAG, 'content-encoding': 'aws-chunked' };
    await serve((response, request, n) =>
      sendFile(response, request, clip, { headers, ...(n === 0 && { cutAfterBytes: 50_000 }) }),
    );
    await expectArchived(await archive());
    expect(startOf(server.requests[1])).toBeGreaterThan(0);
  });
});

describe('a clip that comes gzipped although it was asked for as it is', () => {
  test.each([
    ['and says so', { 'content-encoding': 'gzip' }],
    ['and says nothing', {}],
  ])('%s is archived without the compression', async (_what, headers) => {
    await serve((response, request) =>
      sendFile(response, request, gzipSync(clip), { headers: { etag: ETAG, ...headers } }),
    );
    await expectArchived(await archive());
    expect(server.requests).toHaveLength(1);
  });

  test('is resumed where its download broke off', async () => {
    const packed = gzipSync(clip);
    const cutAfterBytes = Math.floor(packed.length / 2);
    await serve((response, request, n) => sendFile(response, request, packed, n === 0 ? { cutAfterBytes } : {}));
    await expectArchived(await archive());
    expect(startOf(server.requests[1])).toBeGreaterThan(0);
  });

  test('is invalid where it unpacks to more than the bound', async () => {
    const packed = gzipSync(Buffer.alloc(1_000_000));
    await serve((response, request) => sendFile(response, request, packed));
    const outcome = await archive({ limits: { maxBytes: 100_000 } });
    await expectProblem(outcome, { kind: 'invalid', message: expect.stringContaining('gzip data') });
    expect(partCount()).toBe(0);
  });
});

describe('a link without a host of its own', () => {
  const trusted = () => [server.host];

  test.each([
    ['/files/t1.mp4', '', '/files/t1.mp4'],
    ['/files/t1.mp4?sig=1', '/api', '/files/t1.mp4?sig=1'],
    ['files/t1.mp4', '/api', '/api/files/t1.mp4'],
    ['files/t1.mp4', '/api/', '/api/files/t1.mp4'],
    ['?file=t1', '/api', '/api/?file=t1'],
  ])('%s at an account below "%s" is fetched from its server', async (url, folder, path) => {
    const paths: (string | undefined)[] = [];
    await serve((response, request) => {
      paths.push(request.url);
      sendFile(response, request, clip);
    });
    const source = { url, baseUrl: `http://${server.host}${folder}`, trustedHosts: trusted() };
    await expectArchived(await archive({ source }));
    expect(paths).toEqual([path]);
  });

  test('is refused where the account’s server may not be asked', async () => {
    await serve((response, request) => sendFile(response, request, clip));
    const source = { url: '/files/t1.mp4', baseUrl: `http://${server.host}`, trustedHosts: [] };
    await expectProblem(await archive({ source }), { kind: 'invalid' });
    expect(server.requests).toHaveLength(0);
  });

  test('is unusable without an account', async () => {
    await serve((response) => response.end());
    await expectProblem(await archive({ source: { url: '/files/t1.mp4', trustedHosts: [] } }), { kind: 'invalid' });
  });
});

describe('a clip in its link', () => {
  const link = (bytes: Uint8Array, type = 'video/mp4;') =>
    `data:${type}base64,${Buffer.from(bytes).toString('base64')}`;
  const fetchIt = async (url: string) => {
    await serve((response) => response.end());
    return await archive({ source: { url, trustedHosts: [] } });
  };

  test.each<[string, (bytes: Buffer) => string]>([
    ['as documented', link],
    ['in capitals', (bytes) => link(bytes).replace('data:video/mp4;base64', 'DATA:VIDEO/MP4;BASE64')],
    ['with parameters', (bytes) => link(bytes, 'video/mp4;codecs=avc1;')],
    ['of no type', (bytes) => link(bytes, ';')],
    ['of a wrong type', (bytes) => link(bytes, 'text/plain;')],
    ['without padding', (bytes) => link(bytes).replace(/=+$/, '')],
    [
      'in the alphabet of URLs',
      (bytes) => link(bytes).replaceAll('+', '-').replaceAll('/', '_').replace('video_', 'video/'),
    ],
    ['with escapes', (bytes) => link(bytes).replaceAll('+', '%2B').replace(/=/g, '%3d')],
    ['in lines', (bytes) => link(bytes).replace(/(.{76})/g, '$1\r\n')],
  ])('is stored, %s', async (_how, write) => {
    await expectArchived(await fetchIt(write(clip)));
    expect(server.requests).toHaveLength(0);
  });

  test('is stored whole where it is larger than a piece', async () => {
    const large = Buffer.concat([clip, randomBytes(3_000_001)]);
    const escaped = link(large).replace(/[+=]/g, (character) => (character === '+' ? '%2B' : '%3D'));
    await expectArchived(await fetchIt(escaped), large);
  });

  test.each([
    ['not in base64', 'data:video/mp4,%00%00', 'not base64'],
    ['with other characters', 'data:video/mp4;base64,AAAA*AAA', 'base64'],
    ['with a quote', 'data:video/mp4;base64,AAAA"AAA', 'quote'],
    ['cut in the middle of a byte', 'data:video/mp4;base64,AAAAA', 'middle of a byte'],
    ['without its data', 'data:video/mp4;base64', 'not base64'],
    // Looked through once: again from each place in it would take hours.
    ['without a comma, however long', `data:video/mp4${'A'.repeat(4_000_000)}`, 'not base64'],
    ['of 256 MiB and more', `data:video/mp4;base64,${'A'.repeat(358_000_000)}`, 'larger than 256 MiB'],
  ])('is unusable %s', async (_how, url, message) => {
    await expectProblem(await fetchIt(url), { kind: 'invalid', message: expect.stringContaining(message) });
    expect(partCountOrNone()).toBe(0);
  });

  test('may be something else than a clip', async () => {
    await expectProblem(await fetchIt(link(makePng())), { kind: 'invalid' });
  });

  test('is not followed to from elsewhere', async () => {
    await serve((response) => response.writeHead(302, { location: link(clip.subarray(0, 300)) }).end());
    await expectProblem(await archive(), { kind: 'invalid' });
  });
});
