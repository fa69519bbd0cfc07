/** Input images that lie, in every way that a dialect takes them: refused with its own 400, and nothing is made. */

import { encodeImage, makePng } from '../../fixtures/images.ts';
import { AUTHORIZATION, makeApp } from '../test-app.ts';

const PNG = makePng({ width: 6, height: 4 });
const SVG = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');

/** What the bytes are, and what is said of it. */
const HOSTILE: readonly (readonly [string, Buffer, string])[] = [
  ['a bomb', makePng({ claim: { width: 100_000, height: 100_000 } }), 'is 100000x100000 pixels large'],
  ['no pixels', makePng({ claim: { width: 0, height: 0 } }), 'has no pixels'],
  ['half a PNG', PNG.subarray(0, -9), 'is cut off'],
  ['half a JPEG', encodeImage('jpeg').subarray(0, 40), 'is cut off'],
  // Base64 of nothing is a field that was not filled in.
  ['nothing', Buffer.alloc(0), 'is empty|must have exactly one of url and b64_json'],
  ['a vector image that says image/png', SVG, 'is not a PNG, JPEG, WebP or GIF image'],
];

const dataUrl = (bytes: Buffer, type = 'image/png') => `data:${type};base64,${bytes.toString('base64')}`;
const TEXT = expect.any(String);
const airforce = (item: object) => ({ model: 'm', prompt: 'p', mode: 'image', input_images: [item] });
const openai = (image_url: string) => ({ model: 'm', prompt: 'p', input_reference: { image_url } });

function formOf(bytes: Buffer, type: string): Buffer {
  const field = (name: string, value: string) =>
    `--b\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const file = `--b\r\ncontent-disposition: form-data; name="input_reference"; filename="a.png"\r\ncontent-type: ${type}\r\n\r\n`;
  return Buffer.concat([
    Buffer.from(field('model', 'm') + field('prompt', 'p') + file),
    bytes,
    Buffer.from('\r\n--b--\r\n'),
  ]);
}

const FORM = { 'content-type': 'multipart/form-data; boundary=b' };
const ERROR_OF = {
  airforce: (message: unknown) => ({ error: message, code: 'invalid_request' }),
  'airforce-2024': (message: unknown) => ({ error: { type: TEXT, message } }),
  infrai: (message: unknown) => ({ error: { code: 'INVALID_REQUEST', message } }),
  openai: (message: unknown) => ({ error: expect.objectContaining({ message, type: 'invalid_request_error' }) }),
} as const;

interface Way {
  readonly dialect: keyof typeof ERROR_OF;
  readonly url: string;
  body(bytes: Buffer, type?: string): object | Buffer;
}

const AIRFORCE = '/v1/video/generations';
const WAYS: readonly (readonly [string, Way])[] = [
  [
    'airforce base64',
    {
      dialect: 'airforce',
      url: `/airforce${AIRFORCE}`,
      body: (bytes) => airforce({ b64_json: bytes.toString('base64') }),
    },
  ],
  [
    'airforce base64 as a data: URL',
    {
      dialect: 'airforce',
      url: `/airforce${AIRFORCE}`,
      body: (bytes, type) => airforce({ b64_json: dataUrl(bytes, type) }),
    },
  ],
  [
    'airforce-2024 base64',
    {
      dialect: 'airforce-2024',
      url: `/airforce-2024${AIRFORCE}`,
      body: (bytes) => airforce({ b64_json: bytes.toString('base64') }),
    },
  ],
  [
    'openai data: URL',
    { dialect: 'openai', url: '/openai/v1/videos', body: (bytes, type) => openai(dataUrl(bytes, type)) },
  ],
  [
    'openai file',
    { dialect: 'openai', url: '/openai/v1/videos', body: (bytes, type = 'image/png') => formOf(bytes, type) },
  ],
];

async function post(url: string, payload: object | Buffer) {
  const { app, gateway } = makeApp();
  const headers = { ...AUTHORIZATION, ...(Buffer.isBuffer(payload) && FORM) };
  const answer = await app.inject({ method: 'POST', url, headers, payload });
  return { answer, orders: gateway.orders };
}

describe.each(WAYS)('%s', (_way, { dialect, url, body }) => {
  test.each(HOSTILE)('that is %s is refused', async (_what, bytes, problem) => {
    const { answer, orders } = await post(url, body(bytes));
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toEqual(ERROR_OF[dialect](expect.stringMatching(problem)));
    expect(orders).toEqual([]);
  });

  test('is the kind that its bytes are, not what is said of them', async () => {
    const { answer, orders } = await post(url, body(PNG, 'text/html'));
    expect(answer.statusCode).toBe(200);
    expect(orders[0]?.draft.images).toEqual([
      { kind: 'bytes', bytes: PNG, mediaType: 'image/png', width: 6, height: 4 },
    ]);
  });
});

test.each([
  ['airforce', `/airforce${AIRFORCE}`, airforce({ url: dataUrl(PNG) })],
  ['airforce-2024', `/airforce-2024${AIRFORCE}`, airforce({ url: dataUrl(PNG) })],
  ['infrai', '/infrai/v1/video/generate', { prompt: 'p', reference_image_url: dataUrl(PNG) }],
] as const)('%s documents no data: URL where it takes URLs', async (dialect, url, body) => {
  const { answer, orders } = await post(url, body);
  expect(answer.statusCode).toBe(400);
  expect(answer.json()).toEqual(ERROR_OF[dialect](expect.stringContaining('takes no data: URL')));
  expect(orders).toEqual([]);
});
