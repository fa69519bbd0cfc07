/** Image URLs with a user name or a password: refused at the create, under the field's own name, before they are kept or sent on. */

import { AUTHORIZATION, makeApp } from '../test-app.ts';

const WORDS = { model: 'wan-2.6', prompt: 'a fox' };
const CREATES: readonly (readonly [string, string, (url: string) => object, string])[] = [
  [
    'airforce',
    '/airforce/v1/video/generations',
    (url) => ({ ...WORDS, mode: 'image', input_images: [{ url }] }),
    'input_images.0.url',
  ],
  ['infrai', '/infrai/v1/video/generate', (url) => ({ ...WORDS, reference_image_url: url }), 'reference_image_url'],
  [
    'openai',
    '/openai/v1/videos',
    (image_url) => ({ ...WORDS, input_reference: { image_url } }),
    'input_reference.image_url',
  ],
  [
    'ai-gateway',
    '/ai-gateway/v4/ai/video-model/start',
    (url) => ({ ...WORDS, image: { type: 'url', url } }),
    'image.url',
  ],
];

describe.each(CREATES)('%s', (_name, url, bodyWith, param) => {
  test.each([
    'https://user:pw@images.example/a.png',
    'https://user@images.example/a.png',
    'https://:pw@images.example/a.png',
  ])('refuses %s at its field', async (image) => {
    const { app, gateway } = makeApp({ trustedHosts: ['images.example:443'] });
    const headers = { ...AUTHORIZATION, 'ai-model-id': 'wan-2.6' };
    const answer = await app.inject({ method: 'POST', url, headers, payload: bodyWith(image) });
    expect(answer.statusCode).toBe(400);
    expect(answer.body).toContain(param);
    expect(answer.body).toContain('must hold no user name and no password');
    expect(gateway.orders).toEqual([]);
  });
});
