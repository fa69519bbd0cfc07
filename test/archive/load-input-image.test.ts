/** Input images fetched from their URLs: only through the guarded client, only whole images, and never for ever. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createImageLoader, type ImageLoaderParts } from '../../src/archive/load-input-image.ts';
import { REQUEST_BOUNDS } from '../../src/domain/video-request.ts';
import { createFileStore } from '../../src/media/file-store.ts';
import { inputImageKeyOf, storeInputImage } from '../../src/media/input-images.ts';
import type { MediaStore } from '../../src/media/media-store.ts';
import { fetchUntrusted } from '../../src/net/untrusted/fetch.ts';
import { closeLentConnections } from '../../src/net/untrusted/lent-answer.ts';
import { makePng } from '../fixtures/images.ts';
import { cut, type Script, type ScriptedServer, silence, startScriptedServer, text } from '../net/scripted-server.ts';

const PNG = makePng({ width: 9, height: 7 });
const SHA256 = 'ab'.repeat(32);

let server: ScriptedServer;
let root: string;
let store: MediaStore;
beforeAll(async () => {
  server = await startScriptedServer();
});
beforeEach(() => {
  server.received.length = 0;
  root = mkdtempSync(join(tmpdir(), 'clipyard-load-'));
  store = createFileStore(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));
afterAll(async () => {
  await closeLentConnections();
  await server.close();
});

const image =
  (bytes: Uint8Array, headers: Record<string, string | number> = {}): Script =>
  (response) => {
    response.writeHead(200, { 'content-type': 'text/plain', ...headers });
    response.end(bytes);
  };

function load(
  script: Script | readonly Script[],
  { path = '/a.png', signal = new AbortController().signal, ...parts }: LoadOptions = {},
) {
  const scripts = [script].flat();
  server.script = (...args) => (scripts.length > 1 ? scripts.shift() : scripts[0])?.(...args);
  const loader = createImageLoader({
    store,
    fetchImage: fetchUntrusted,
    trustedHosts: [server.hostAndPort],
    waitsMs: [1, 1],
    ...parts,
  });
  return loader({ kind: 'url', url: `${server.origin}${path}` }, signal);
}
type LoadOptions = Partial<ImageLoaderParts> & { path?: string; signal?: AbortSignal };

test('an image is what its bytes say, not what its host says of it', async () => {
  const loaded = await load(image(PNG));
  expect(loaded).toEqual({ bytes: PNG, mediaType: 'image/png', width: 9, height: 7 });
  expect(server.received).toHaveLength(1);
});

test('a redirect is followed', async () => {
  expect(await load([text(302, '', { location: '/b.png' }), image(PNG)])).toMatchObject({ width: 9 });
  expect(server.received.map(({ path }) => path)).toEqual(['/a.png', '/b.png']);
});

test.each<[string, Script]>([
  ['an answer 503', text(503, 'later')],
  ['an answer 429', text(429, 'slow down')],
  ['a connection that breaks', cut(200)],
])('%s is tried again', async (_what, trouble) => {
  expect(await load([trouble, trouble, image(PNG)])).toMatchObject({ height: 7 });
  expect(server.received).toHaveLength(3);
});

test('what fails three times has failed', async () => {
  await expect(load(text(503, 'later'))).rejects.toMatchObject({
    name: 'UnusableImage',
    message: expect.stringMatching(
      /^the input image at http:\/\/127\.0\.0\.1:\d+ could not be fetched: it answered 503$/,
    ),
  });
  expect(server.received).toHaveLength(3);
});

test.each<[string, Script, string]>([
  ['a missing image', text(404, 'no'), 'answered 404'],
  ['an image that wants a key', text(401, 'no'), 'answered 401'],
  ['a page', text(200, '<html></html>', { 'content-type': 'image/png' }), 'is not a PNG, JPEG, WebP or GIF image'],
  ['nothing', text(200, ''), 'is empty'],
  ['half an image', image(PNG.subarray(0, -8)), 'is cut off'],
  ['a bomb', image(makePng({ claim: { width: 100_000, height: 100_000 } })), '100000x100000'],
  ['a length that is too large', image(PNG, { 'content-length': REQUEST_BOUNDS.imageBytes + 1 }), 'is larger than'],
])('%s is refused at the first try', async (_what, script, problem) => {
  await expect(load(script)).rejects.toMatchObject({
    name: 'UnusableImage',
    message: expect.stringContaining(problem),
  });
  expect(server.received).toHaveLength(1);
});

test('a body without end is not read further than its bound', async () => {
  let sentBytes = 0;
  const piece = Buffer.alloc(1024 * 1024);
  const endless: Script = (response) => {
    response.writeHead(200);
    const more = () => {
      while (!response.destroyed) {
        sentBytes += piece.length;
        if (!response.write(piece)) return void response.once('drain', more);
      }
    };
    more();
  };
  await expect(load(endless)).rejects.toThrow(`is larger than ${REQUEST_BOUNDS.imageBytes} bytes`);
  expect(sentBytes).toBeLessThan(2 * REQUEST_BOUNDS.imageBytes);
});

test('a private address is not asked unless an operator trusts it', async () => {
  await expect(load(image(PNG), { trustedHosts: [] })).rejects.toMatchObject({ name: 'UnusableImage' });
  expect(server.received).toHaveLength(0);
});

test('a redirect to a private address is not followed', async () => {
  await expect(load(text(302, '', { location: 'http://127.0.0.2:1/' }))).rejects.toMatchObject({
    name: 'UnusableImage',
  });
  expect(server.received).toHaveLength(1);
});

test('a host that is silent is given up', async () => {
  await expect(load(silence, { timeoutMs: 50 })).rejects.toThrow('was not there within 50 ms');
});

test('the end of the create is no fault of the image', async () => {
  const controller = new AbortController();
  server.script = silence;
  const loading = load(() => controller.abort(new Error('over')), { signal: controller.signal });
  await expect(loading).rejects.toThrow('over');
});

test('the secrets of a URL stay out of the message', async () => {
  await expect(load(text(403, 'no'), { path: '/a.png?signature=hunter2' })).rejects.toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
  );
});

test('a stored image is loaded from the store, and missed when it is gone', async () => {
  const stored = { kind: 'stored', sha256: SHA256, mediaType: 'image/png', sizeBytes: PNG.length } as const;
  const loader = createImageLoader({ store, fetchImage: fetchUntrusted, trustedHosts: [] });
  await storeInputImage(store, { sha256: SHA256, bytes: PNG });
  const { signal } = new AbortController();
  expect(await loader(stored, signal)).toEqual({ bytes: PNG, mediaType: 'image/png', width: 9, height: 7 });
  await store.remove(inputImageKeyOf(SHA256));
  await expect(loader(stored, signal)).rejects.toThrow('an input image has been removed');
});
