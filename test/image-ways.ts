/** Every way in which a create of some dialect brings input images. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DialectName } from '../src/domain/vendor.ts';
import { encodeImage, makePng } from './fixtures/images.ts';

/** The images of these tests by the path at which their host has them. */
export const IMAGES = { '/first.png': makePng({ width: 64, height: 36 }), '/second.jpg': encodeImage('jpeg') } as const;
const [FIRST, SECOND] = [IMAGES['/first.png'], IMAGES['/second.jpg']];
/** Rendering is most of what these tests take. */
export const SECONDS = 1;

/** A create that brings images, and what of them must arrive. */
export interface ImageWay {
  readonly dialect: DialectName;
  readonly mode: 'image' | 'reference';
  /** By URL or as bytes, in order. */
  readonly brings: readonly ({ readonly path: string } | { readonly bytes: Buffer })[];
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  body(prompt: string, host: string): object | Buffer;
}

/** Serves the images; everything else is 404. */
export async function startImageHost() {
  const server = createServer(({ url = '' }, response) => {
    const bytes = Object.entries(IMAGES).find(([path]) => path === url)?.[1];
    response.writeHead(bytes ? 200 : 404).end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    hostAndPort: `127.0.0.1:${port}`,
    origin: `http://127.0.0.1:${port}`,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

const base64 = (bytes: Buffer) => bytes.toString('base64');
const dataUrl = (bytes: Buffer) => `data:image/png;base64,${base64(bytes)}`;

const airforceBody = (mode: string, input_images: readonly object[]) => (prompt: string) => ({
  model: 'loop',
  prompt,
  mode,
  duration_seconds: SECONDS,
  aspect_ratio: '16:9',
  quality: '720p',
  input_images,
  seed: 7,
});
const openaiBody = (prompt: string, image_url: string) => ({
  model: 'loop',
  prompt,
  seconds: String(SECONDS),
  size: '1280x720',
  seed: 7,
  input_reference: { image_url },
});
const gatewayBody = (prompt: string, images: object) => ({
  prompt,
  n: 1,
  duration: SECONDS,
  aspectRatio: '16:9',
  resolution: '1280x720',
  seed: 7,
  ...images,
});

function openaiForm(prompt: string): Buffer {
  const texts = { model: 'loop', prompt, seconds: String(SECONDS), size: '1280x720', seed: '7' };
  const fields = Object.entries(texts).map(
    ([name, value]) => `--b0undary\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const head = '--b0undary\r\ncontent-disposition: form-data; name="input_reference"; filename="a.png"\r\n\r\n';
  return Buffer.concat([Buffer.from(fields.join('') + head), FIRST, Buffer.from('\r\n--b0undary--\r\n')]);
}

const AIRFORCE = '/v1/video/generations';
const GATEWAY = { url: '/ai-gateway/v4/ai/video-model/start', headers: { 'ai-model-id': 'loop' } } as const;
const file = (bytes: Buffer) => ({ type: 'file', mediaType: 'image/png', data: base64(bytes) });
const first = { path: '/first.png' } as const;
const second = { path: '/second.jpg' } as const;

export const IMAGE_WAYS: readonly (readonly [string, ImageWay])[] = [
  [
    'airforce by URL',
    {
      dialect: 'airforce',
      mode: 'image',
      brings: [first],
      url: `/airforce${AIRFORCE}`,
      body: (prompt, host) => airforceBody('image', [{ url: host + first.path }])(prompt),
    },
  ],
  [
    'airforce in base64',
    {
      dialect: 'airforce',
      mode: 'image',
      brings: [{ bytes: FIRST }],
      url: `/airforce${AIRFORCE}`,
      body: airforceBody('image', [{ b64_json: base64(FIRST) }]),
    },
  ],
  [
    'airforce with one reference',
    {
      dialect: 'airforce',
      mode: 'reference',
      brings: [{ bytes: SECOND }],
      url: `/airforce${AIRFORCE}`,
      body: airforceBody('reference', [{ b64_json: base64(SECOND) }]),
    },
  ],
  [
    'airforce-2024 with two references',
    {
      dialect: 'airforce-2024',
      mode: 'reference',
      brings: [first, { bytes: SECOND }],
      url: `/airforce-2024${AIRFORCE}`,
      body: (prompt, host) =>
        airforceBody('reference', [{ url: host + first.path }, { b64_json: base64(SECOND) }])(prompt),
    },
  ],
  [
    'infrai by URL',
    {
      dialect: 'infrai',
      mode: 'image',
      brings: [second],
      url: '/infrai/v1/video/generate',
      body: (prompt, host) => ({
        model: 'loop',
        prompt,
        duration_seconds: SECONDS,
        aspect: '16:9',
        resolution: '720p',
        seed: 7,
        reference_image_url: host + second.path,
      }),
    },
  ],
  [
    'openai by URL',
    {
      dialect: 'openai',
      mode: 'image',
      brings: [first],
      url: '/openai/v1/videos',
      body: (prompt, host) => openaiBody(prompt, host + first.path),
    },
  ],
  [
    'openai by data: URL',
    {
      dialect: 'openai',
      mode: 'image',
      brings: [{ bytes: FIRST }],
      url: '/openai/v1/videos',
      body: (prompt) => openaiBody(prompt, dataUrl(FIRST)),
    },
  ],
  [
    'openai as a file',
    {
      dialect: 'openai',
      mode: 'image',
      brings: [{ bytes: FIRST }],
      url: '/openai/v1/videos',
      headers: { 'content-type': 'multipart/form-data; boundary=b0undary' },
      body: openaiForm,
    },
  ],
  [
    'ai-gateway as a file',
    {
      dialect: 'ai-gateway',
      mode: 'image',
      brings: [{ bytes: SECOND }],
      ...GATEWAY,
      body: (prompt) => gatewayBody(prompt, { image: file(SECOND) }),
    },
  ],
  [
    'ai-gateway with a reference by URL',
    {
      dialect: 'ai-gateway',
      mode: 'reference',
      brings: [first],
      ...GATEWAY,
      body: (prompt, host) => gatewayBody(prompt, { inputReferences: [{ type: 'url', url: host + first.path }] }),
    },
  ],
];
