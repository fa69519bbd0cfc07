/** The console's session and files: who is let in by which cookie, from which pages, until when; what is served how. */

import { ensureRootCaller, setCallerDisabled } from '../../../src/catalog/callers.ts';
import { packageRoot } from '../../../src/config/package-root.ts';
import { readConsole } from '../../../src/http/console/bundle.ts';
import { compileConsole } from '../../console/compiled.ts';
import { openTestGateway, type TestGateway } from '../../open-gateway.ts';
import { ROOT_KEY } from '../../open-parts.ts';

const SAME = { 'sec-fetch-site': 'same-origin' };

let gateway: TestGateway;
let compiled: ReturnType<typeof compileConsole>;

beforeAll(async () => {
  compiled = compileConsole();
  gateway = await openTestGateway({ consoleFolder: compiled.folder });
});
afterAll(async () => {
  await gateway.close();
  compiled.remove();
});

const signIn = (payload: object, headers: Record<string, string> = SAME) =>
  gateway.app.inject({ method: 'POST', url: '/console/session', headers, payload });

/** What the browser sends from then on. */
async function cookieOf(payload: object): Promise<string> {
  const answer = await signIn(payload);
  return String(answer.headers['set-cookie']).split(';')[0] ?? '';
}

const list = (headers: Record<string, string>) => gateway.app.inject({ url: '/clipyard/v1/videos', headers });

describe('signing in', () => {
  test('a key opens a session, in a cookie that no script reads and no other site sends', async () => {
    const answer = await signIn({ key: ROOT_KEY });
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({ caller: { id: 'root', isRoot: true } });
    expect(answer.headers['set-cookie']).toMatch(
      /^clipyard_session=\S+; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict$/,
    );
  });

  test('an unknown key, and a page of another origin, open none', async () => {
    expect((await signIn({ key: 'cy_unknown' })).statusCode).toBe(401);
    const foreign = await signIn({ key: ROOT_KEY }, { origin: 'https://evil.example' });
    expect([foreign.statusCode, foreign.headers['set-cookie']]).toEqual([403, undefined]);
  });

  test('a body that is no key is not read to its end', async () => {
    expect((await signIn({ key: 'x'.repeat(5000) })).statusCode).toBe(413);
  });

  test('the code of a link signs in once', async () => {
    const code = gateway.parts.signInCodes.issue('root');
    expect((await signIn({ code })).statusCode).toBe(200);
    expect((await signIn({ code })).statusCode).toBe(401);
  });

  test('signing out has the browser forget the cookie', async () => {
    const answer = await gateway.app.inject({ method: 'DELETE', url: '/console/session', headers: SAME });
    expect(answer.statusCode).toBe(204);
    expect(answer.headers['set-cookie']).toContain('Max-Age=0');
  });
});

describe('a session', () => {
  test('reads whatever its caller may, and tells who it is', async () => {
    const cookie = await cookieOf({ key: ROOT_KEY });
    expect((await list({ cookie })).statusCode).toBe(200);
    expect((await gateway.app.inject({ url: '/console/session', headers: { cookie } })).json()).toMatchObject({
      caller: { name: 'root' },
    });
    expect((await gateway.app.inject({ url: '/console/session' })).statusCode).toBe(204);
  });

  test('changes something only for a page of the console', async () => {
    const cookie = await cookieOf({ key: ROOT_KEY });
    const post = (headers: Record<string, string>) =>
      gateway.app.inject({
        method: 'POST',
        url: '/clipyard/v1/estimates',
        headers: { cookie, ...headers },
        payload: {},
      });
    const statuses = await Promise.all([
      post({}),
      post({ 'sec-fetch-site': 'same-site' }),
      post({ 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }),
      post({ origin: 'https://evil.example' }),
      post({ origin: 'null' }),
    ]);
    expect(statuses.map(({ statusCode }) => statusCode)).toEqual([403, 403, 403, 403, 403]);
    expect((await post(SAME)).statusCode).not.toBe(403);
    expect((await post({ host: 'clips.example', origin: 'https://clips.example' })).statusCode).not.toBe(403);
  });

  test('is none when it was changed, or is another caller’s in part', async () => {
    const cookie = await cookieOf({ key: ROOT_KEY });
    const [name, claim = '', signature = ''] = /^([^=]+)=([^.]+)\.(.+)$/.exec(cookie)?.slice(1) ?? [];
    const other = Buffer.from(`${Date.now() + 1e9}\nroot`).toString('base64url');
    const forged = [
      `${name}=${other}.${signature}`,
      `${name}=${claim}.`,
      `${name}=x`,
      `${name}=${claim}.${signature}x`,
    ];
    const answers = await Promise.all(forged.map((each) => list({ cookie: each })));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([401, 401, 401, 401]);
  });

  test('of a caller shows its own and ends when the caller is disabled', async () => {
    const { administration, app, db } = gateway;
    const { caller, key } = await administration.createCaller({ name: 'studio' });
    const cookie = await cookieOf({ key });
    expect((await list({ cookie })).statusCode).toBe(200);
    expect((await app.inject({ url: '/clipyard/v1/accounts', headers: { cookie } })).statusCode).toBe(403);
    await setCallerDisabled(db, caller.id, true);
    expect((await list({ cookie })).statusCode).toBe(401);
    expect((await signIn({ key })).statusCode).toBe(401);
  });

  test('ends when its caller has another key', async () => {
    const cookie = await cookieOf({ key: ROOT_KEY });
    await ensureRootCaller(gateway.db, 'another-root-key');
    expect((await list({ cookie })).statusCode).toBe(401);
    await ensureRootCaller(gateway.db, ROOT_KEY);
    expect((await list({ cookie })).statusCode).toBe(200);
  });

  test('is not looked at where a key is sent', async () => {
    const cookie = await cookieOf({ key: ROOT_KEY });
    expect((await list({ cookie, authorization: 'Bearer cy_unknown' })).statusCode).toBe(401);
  });
});

describe('the files', () => {
  const get = (url: string, headers: Record<string, string> = {}) => gateway.app.inject({ url, headers });

  test('every path is the page, whose policy lets in nothing from elsewhere and nothing inline', async () => {
    const [page, deeper] = await Promise.all([get('/console/'), get('/console/videos/video_1?state=failed')]);
    expect([page.statusCode, deeper.body]).toEqual([200, page.body]);
    const policy = String(page.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    expect(page.headers['cache-control']).toBe('no-cache');
    expect((await get('/console/', { 'if-none-match': String(page.headers.etag) })).statusCode).toBe(304);
  });

  test('clips that are fetched elsewhere are let in from there', () => {
    const { policy } = readConsole({
      root: packageRoot(),
      compiled: compiled.folder,
      mediaOrigin: 'https://s3.example',
    });
    expect(policy).toContain("img-src 'self' blob: https://s3.example; media-src 'self' https://s3.example;");
  });

  test('all that the page names is there, from this gateway, and kept for ever; all of it together is small', async () => {
    const { body } = await get('/console/');
    const named = [...body.matchAll(/(?:href|src)="([^"]+)"|":"(\/[^"]+)"/g)].map(
      ([, one, other]) => one ?? other ?? '',
    );
    const files = [...new Set(named)].filter((url) => url.startsWith('/console/'));
    const answers = await Promise.all(files.map((url) => get(url)));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual(files.map(() => 200));
    for (const { headers } of answers) expect(headers['cache-control']).toContain('immutable');
    const bytes = answers.reduce((sum, { rawPayload }) => sum + rawPayload.length, 0);
    expect(bytes).toBeLessThan(300_000);
    const packed = await get(files.find((url) => url.endsWith('main.js')) ?? '', { 'accept-encoding': 'gzip' });
    expect(packed.headers['content-encoding']).toBe('gzip');
  });

  test('no other file is served', async () => {
    for (const url of ['/console/assets/none.js', '/console/assets/../../package.json', '/console/assets/%2e%2e/x']) {
      expect((await get(url)).body).not.toContain('"dependencies"');
    }
    expect((await get('/console/assets/none.js')).statusCode).toBe(404);
  });
});
