/** The codec server of Temporal's UI: for root, from the UI's own page with its cookie, as Temporal's tools ask. */

import { randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { createPayloadCodec } from '../../src/temporal/payload-codec.ts';
import { openTestGateway, type TestGateway } from '../open-gateway.ts';
import { ROOT_KEY } from '../open-parts.ts';

const KEY = { id: 'k1', key: randomBytes(32) };
const UI = 'https://temporal.example';
const base64 = (text: string) => Buffer.from(text).toString('base64');
const PLAIN = { metadata: { encoding: base64('json/plain') }, data: base64('{"prompt":"a red fox"}') };

let gateway: TestGateway;
let app: FastifyInstance;

beforeAll(async () => {
  gateway = await openTestGateway({ config: { encryptionKeys: [KEY] } });
  ({ app } = gateway);
});
afterAll(() => gateway.close());

function ask(path: string, payloads: unknown, headers: Record<string, string> = {}) {
  return app.inject({
    method: 'POST',
    url: `/temporal-codec/${path}`,
    headers: { authorization: `Bearer ${ROOT_KEY}`, 'x-namespace': 'default', ...headers },
    payload: { payloads },
  });
}

test.each([
  ['decode', 'encode'],
  ['default/decode', 'default/encode'],
])('%s undoes %s, with every value of the metadata in base64', async (decode, encode) => {
  const encrypted = (await ask(encode, [PLAIN])).json().payloads;
  expect(encrypted).toHaveLength(1);
  expect(encrypted[0].metadata).toEqual({ encoding: base64('binary/encrypted'), 'encryption-key-id': base64('k1') });
  expect((await ask(decode, encrypted)).json()).toEqual({ payloads: [PLAIN] });
});

test('what is not encrypted comes back as it is', async () => {
  expect((await ask('decode', [PLAIN, { data: null }])).json()).toEqual({
    payloads: [PLAIN, { metadata: {}, data: '' }],
  });
});

test('nothing is answered with nothing, as Temporal prints the result of an activity that has none', async () => {
  const answer = await ask('decode', undefined);
  expect([answer.statusCode, answer.json()]).toEqual([200, { payloads: [] }]);
});

test('what no key opens is refused with the name of the missing one', async () => {
  const [foreign] = await createPayloadCodec([{ id: 'k0', key: randomBytes(32) }]).encode([{ data: randomBytes(4) }]);
  const metadata = Object.fromEntries(
    Object.entries(foreign?.metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString('base64')]),
  );
  const answer = await ask('decode', [{ metadata, data: Buffer.from(foreign?.data ?? []).toString('base64') }]);
  expect(answer.statusCode).toBe(400);
  expect(answer.json().detail).toContain('under the key "k0"');
});

test('no other key opens it', async () => {
  const created = await app.inject({
    method: 'POST',
    url: '/clipyard/v1/callers',
    headers: { authorization: `Bearer ${ROOT_KEY}` },
    payload: { name: 'reader' },
  });
  const { key } = created.json() as { key: string };
  expect((await ask('decode', [PLAIN], { authorization: `Bearer ${key}` })).statusCode).toBe(403);
  expect((await ask('decode', [PLAIN], { authorization: '' })).statusCode).toBe(401);
});

test("the UI's page may ask with a cookie, and no other page", async () => {
  const preflight = (origin: string) =>
    app.inject({
      method: 'OPTIONS',
      url: '/temporal-codec/decode',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,x-namespace',
      },
    });
  const allowed = await preflight(UI);
  expect(allowed.statusCode).toBe(204);
  expect(allowed.headers).toMatchObject({
    'access-control-allow-origin': UI,
    'access-control-allow-credentials': 'true',
    'access-control-allow-headers': 'content-type,x-namespace',
  });
  expect((await ask('decode', [PLAIN], { origin: UI })).headers['access-control-allow-credentials']).toBe('true');
  const signedIn = await app.inject({ method: 'POST', url: '/console/session', payload: { key: ROOT_KEY } });
  const [cookie = ''] = String(signedIn.headers['set-cookie']).split(';');
  const byCookie = async (origin: string) =>
    (
      await app.inject({
        method: 'POST',
        url: '/temporal-codec/decode',
        headers: { cookie, origin, 'sec-fetch-site': 'same-site' },
        payload: { payloads: [PLAIN] },
      })
    ).statusCode;
  expect([await byCookie(UI), await byCookie('https://other.example')]).toEqual([200, 403]);
  const other = await preflight('https://other.example');
  expect([other.statusCode, other.headers['access-control-allow-origin']]).toEqual([405, undefined]);
  const elsewhere = await app.inject({ url: '/healthz', headers: { origin: UI } });
  expect(elsewhere.headers['access-control-allow-origin']).toBeUndefined();
});
