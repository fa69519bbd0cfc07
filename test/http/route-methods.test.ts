/** Methods that our own routes do not take: told with those that they do. */

import { mediaRoutes } from '../../src/http/media/routes.ts';
import { createFileStore } from '../../src/media/file-store.ts';
import { createLinkSigner } from '../../src/media/signed-links.ts';
import { type OwnApp, openOwnApp } from './own/own-app.ts';
import { AUTHORIZATION, makeApp } from './test-app.ts';

function problemOf(status: number, code: string) {
  return {
    type: 'about:blank',
    title: expect.any(String),
    status,
    detail: expect.any(String),
    code,
    requestId: expect.any(String),
  };
}

describe('our own routes', () => {
  let own: OwnApp;

  beforeAll(async () => {
    own = await openOwnApp();
  });
  afterAll(() => own.close());

  test.each([
    ['DELETE', '/clipyard/v1/videos', 'GET, HEAD'],
    ['PUT', '/clipyard/v1/videos/video_1?a=b', 'GET, HEAD'],
    ['GET', '/clipyard/v1/videos/video_1/cancel', 'POST'],
    ['GET', '/clipyard/v1/estimates', 'POST'],
    ['DELETE', '/clipyard/v1/callers', 'GET, HEAD, POST'],
    ['GET', '/clipyard/v1/callers/caller_1', 'PATCH'],
    ['OPTIONS', '/clipyard/v1/videos/bulk', 'POST'],
    ['POST', '/healthz', 'GET, HEAD'],
    ['OPTIONS', '/readyz', 'GET, HEAD'],
  ] as const)('answer %s %s with 405 and what they take', async (method, url, allow) => {
    const { status, body, headers } = await own.ask({ method, url, key: null });
    expect({ status, allow: headers['allow'] }).toEqual({ status: 405, allow });
    expect(headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(body).toEqual(problemOf(405, 'method_not_allowed'));
  });

  test.each(['/clipyard/v1', '/clipyard/v1/nothing', '/clipyard/v1/videos/video_1/nothing', '/healthz/more'])(
    'are not found at %s by any method',
    async (url) => {
      const { status, body, headers } = await own.ask({ method: 'POST', url });
      expect({ status, allow: headers['allow'] }).toEqual({ status: 404, allow: undefined });
      expect(body).toEqual(problemOf(404, 'not_found'));
    },
  );
});

describe('what the framework refuses by itself is said in our words', () => {
  const { app } = makeApp();

  test.each([
    ['/clipyard/v1/videos/%ff', 'detail'],
    ['/airforce/v1/video/tasks/%zz', 'error'],
    ['/media/%ff/clip.mp4', 'detail'],
  ])('a path that cannot be read: %s', async (url, member) => {
    const answer = await app.inject({ method: 'DELETE', url });
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'invalid_request', [member]: expect.stringContaining('is no UTF-8') });
  });

  test('a body beyond its bound', async () => {
    const headers = { ...AUTHORIZATION, 'content-type': 'application/json' };
    const payload = Buffer.alloc(16 * 1024 * 1024 + 1, ' ');
    const answer = await app.inject({ method: 'POST', url: '/openai/v1/videos', headers, payload });
    expect(answer.json()).toMatchObject({ error: { message: 'the body is larger than this route takes' } });
  });
});

test.each(['/media/video_1/clip.mp4?signature=x', '/input-images/a.png'])(
  'the link %s takes no DELETE',
  async (url) => {
    const none = async () => null;
    const links = createLinkSigner(['key'], '');
    const media = mediaRoutes({
      store: createFileStore('.'),
      links,
      findVideo: none,
      findFilm: none,
      findInputImage: none,
    });
    const answer = await makeApp({ plugins: [media] }).app.inject({ method: 'DELETE', url });
    expect({ status: answer.statusCode, allow: answer.headers.allow }).toEqual({ status: 405, allow: 'GET, HEAD' });
    expect(answer.json()).toEqual(problemOf(405, 'method_not_allowed'));
  },
);
