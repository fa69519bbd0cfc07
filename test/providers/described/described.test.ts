/** What is made of a description: bodies, paths and keys of requests, and what answers say by its pointers. */

import { createHmac } from 'node:crypto';
import { parseDescription } from '../../../src/config/descriptions.ts';
import type { StartCall } from '../../../src/domain/provider.ts';
import type { VideoRequest } from '../../../src/domain/video-request.ts';
import { describedBy, describedProvider } from '../../../src/providers/described/described.ts';
import { makeRequest } from '../../builders.ts';
import { json, type ScriptedServer, useScriptedServer } from '../../net/scripted-server.ts';
import { makeCall } from '../make-call.ts';

let server: ScriptedServer;
useScriptedServer((started) => {
  server = started;
});

interface Parts {
  readonly fields?: string;
  readonly create?: string;
  readonly status?: string;
  readonly rest?: string;
}

/** A description with these parts in place of its own, or beside them. */
function describing({ fields = '{ text: $prompt }', create = '', status = 'resultUrl: /url', rest = '' }: Parts = {}) {
  return parseDescription(
    `name: mine
create: { path: /make, fields: ${fields}, taskId: /id, ${create === '' ? '' : `${create},`} idempotencyHeader: null }
status: { path: "/tasks/{taskId}", word: /state, words: { succeeded: [done], failed: [bad], pending: [busy] }, ${status} }
list: { path: /tasks, items: /all, taskId: /id, createdAt: /at }
${rest}
`,
    'mine.yaml',
  );
}

const PLAIN = { aspectRatio: null, quality: null, durationSeconds: 5, prompt: 'a cat' } as const;

/** What is sent for a request, and what comes of it. */
async function send(parts: Parts, request: Partial<VideoRequest> = {}, call: Partial<StartCall> = {}) {
  server.script = json(200, { id: 't1' });
  const outcome = await describedProvider(describing(parts)).start(
    makeRequest({ ...PLAIN, ...request }),
    makeCall(server, call),
  );
  const [sent] = server.received;
  const isJson = sent?.headers['content-type'] === 'application/json';
  return { outcome, path: sent?.path, headers: sent?.headers ?? {}, body: isJson ? JSON.parse(sent.body) : sent?.body };
}

async function poll(parts: Parts, answer: object, status = 200) {
  server.script = json(status, answer);
  return await describedProvider(describing(parts)).poll('t1', makeCall(server));
}

const IMAGE = { kind: 'url', url: 'https://example.com/a.png' } as const;
const STORED = { kind: 'stored', sha256: 'a'.repeat(64), mediaType: 'image/png', sizeBytes: 3 } as const;
const WITH_IMAGES = 'limits: { images: 2 }';

describe('a body', () => {
  test('has what the request has, and leaves out what holds nothing of it', async () => {
    const fields =
      '{ a: { b: [$prompt, $quality, "$$5"] }, c: { d: $aspectRatio, e: 1 }, f: $durationText, g: true, h: null, i: $durationSuffixed }';
    const { body } = await send({ fields });
    expect(body).toEqual({ a: { b: ['a cat', '$5'] }, f: '5', g: true, h: null, i: '5s' });
  });

  test('has keys that are not known where the description puts them, and never in place of its own', async () => {
    const extra = { seed: 7, text: 'another', n: 2 };
    expect((await send({}, { extra })).body).toEqual({ text: 'a cat', seed: 7, n: 2 });
    server.received.length = 0;
    const fields = '{ input: { text: $prompt } }';
    expect((await send({ fields, create: 'extra: /input' }, { extra })).body).toEqual({
      input: { text: 'a cat', seed: 7, n: 2 },
    });
    server.received.length = 0;
    expect((await send({ create: 'extra: null' }, { extra })).body).toEqual({ text: 'a cat' });
  });

  test.each([
    ['imageUrl', [IMAGE], 'https://example.com/a.png'],
    ['imageUrl', [STORED], `https://clips.example/input-images/${'a'.repeat(64)}.png`],
    ['imageUrls', [IMAGE, IMAGE], ['https://example.com/a.png', 'https://example.com/a.png']],
    ['imageData', [IMAGE], 'data:image/png;base64,cG5n'],
    ['imageDatas', [STORED], ['data:image/png;base64,cG5n']],
    ['imageBase64', [IMAGE], 'cG5n'],
    ['imageMediaType', [IMAGE], 'image/png'],
  ] as const)('carries $%s', async (value, images, expected) => {
    const fields = `{ text: $prompt, image: { is: $${value} } }`;
    const { body } = await send({ fields, rest: WITH_IMAGES }, { mode: 'image', images });
    expect(body).toEqual({ text: 'a cat', image: { is: expected } });
  });

  test('is a form with the image as its file, and nested values as JSON', async () => {
    const parts = {
      fields: '{ text: $prompt, more: { n: 1 }, picture: $imageFile }',
      create: 'body: form',
      rest: 'limits: { images: 1 }',
    };
    const { body, headers } = await send(parts, { mode: 'image', images: [IMAGE] });
    expect(headers['content-type']).toMatch(/^multipart\/form-data/);
    expect(body).toContain('name="more"\r\n\r\n{"n":1}');
    expect(body).toContain('name="picture"; filename="reference.png"\r\nContent-Type: image/png\r\n\r\npng');
  });

  test('differs by mode as the description says', async () => {
    const modes = 'modes: { image: { path: /animate, fields: { first: $imageUrl }, taskPrefix: animated/ } }';
    const { body, path, outcome } = await send(
      { create: modes, rest: WITH_IMAGES },
      { mode: 'reference', images: [IMAGE] },
    );
    expect({ body, path }).toEqual({ path: '/animate', body: { text: 'a cat', first: IMAGE.url } });
    expect(outcome).toMatchObject({ kind: 'started', taskId: 'animated/t1' });
  });

  test.each([
    [{ aspectRatio: '9:16' }, 'tall'],
    [{ aspectRatio: '9:16', quality: '720p' }, 'tall'],
    [{ aspectRatio: '16:9', quality: '1080p' }, '1920x1080'],
    [{ aspectRatio: '16:9', quality: '720p' }, '1280x720'],
    [{ aspectRatio: '16:9', quality: '480p' }, undefined],
    [{ aspectRatio: '1:1' }, undefined],
  ])('has for %j the size %s', async (frame, size) => {
    const parts = {
      fields: '{ text: $prompt, size: $size }',
      create: 'ratios: { "9:16": tall, "16:9": 1280x720, "16:9 1080p": 1920x1080 }',
    };
    const { body, outcome } = await send(parts, frame);
    if (size !== undefined) return expect(body).toEqual({ text: 'a cat', size });
    expect(outcome).toMatchObject({
      kind: 'refused',
      reason: 'request',
      upstream: { message: expect.stringMatching(/^mine has no size/) },
    });
  });

  test.each<[Partial<VideoRequest>, string, Parts]>([
    [{ aspectRatio: '16:9' }, 'mine has no words for the aspect ratio 16:9', {}],
    [{ quality: '720p' }, 'mine has no words for the quality 720p', {}],
    [
      { quality: '720p' },
      'mine makes clips in 1080p, not 720p',
      { fields: '{ text: $prompt, q: $quality }', create: 'qualities: { 1080p: pro }' },
    ],
    [{ images: [IMAGE] }, 'mine takes 0 images, not 1', {}],
    [{ mode: 'image' }, 'mode image needs an image', {}],
  ])('of %j is not sent: %s', async (request, message, parts) => {
    expect((await send(parts, request)).outcome).toEqual({ kind: 'refused', reason: 'request', upstream: { message } });
    expect(server.received).toEqual([]);
  });
});

describe('a request', () => {
  test('has the key where the description says, and its headers', async () => {
    const rest = 'auth: { header: X-Key, value: Key $apiKey }\nheaders: { X-Version: "2" }';
    const { headers } = await send({ rest });
    expect(headers).toMatchObject({ 'x-key': 'Key sk-upstream-test', 'x-version': '2' });
    expect(headers.authorization).toBeUndefined();
  });

  test('has a token that is signed with the second half of the key', async () => {
    const { headers } = await send({ rest: 'auth: { value: Bearer $jwt }' }, {}, { apiKey: 'access:secret' });
    const [head = '', claims = '', signature] = (headers.authorization ?? '').replace('Bearer ', '').split('.');
    const { iss, exp, nbf } = JSON.parse(Buffer.from(claims, 'base64url').toString());
    expect({ iss, life: exp - nbf }).toEqual({ iss: 'access', life: 1805 });
    expect(signature).toBe(createHmac('sha256', 'secret').update(`${head}.${claims}`).digest('base64url'));
  });

  test('has the model in its path, with its slashes where it may', async () => {
    const upstreamModel = 'owner/a b';
    const plain = describing();
    for (const [path, sent] of [
      ['/m/{model}/run', '/m/owner%2Fa%20b/run'],
      ['/m/{+model}/run', '/m/owner/a%20b/run'],
    ] as const) {
      const provider = describedProvider({ ...plain, create: { ...plain.create, path } });
      await provider.start(makeRequest(PLAIN), makeCall(server, { upstreamModel }));
      expect(server.received.at(-1)?.path).toBe(sent);
    }
  });

  test('has the key of the submission where creates can be sent again', async () => {
    const plain = describing();
    const provider = describedProvider({ ...plain, create: { ...plain.create, idempotencyHeader: 'X-Same' } });
    expect(provider.facts.honoursIdempotencyKey).toBe(true);
    await provider.start(makeRequest(PLAIN), makeCall(server));
    expect(server.received[0]?.headers['x-same']).toBe('submission-1');
  });
});

describe('the answer to a create', () => {
  const rest = 'refusals: { 503: account, 409: lost, 418: model, 31: account, 40: request }';
  const create = 'error: { code: /no, message: /text }';
  const outcomeOf = (status: number, answer: object) => {
    server.script = json(status, answer);
    return describedProvider(describing({ create, rest })).start(makeRequest(PLAIN), makeCall(server));
  };

  test.each([
    [503, {}, { kind: 'refused', reason: 'rate limited' }],
    [503, { error: { message: 'your balance is empty' } }, { kind: 'refused', reason: 'no credit' }],
    [409, {}, { kind: 'lost', answered: true }],
    [418, {}, { kind: 'refused', reason: 'model not allowed' }],
    [
      200,
      { no: 31, text: 'top up your balance' },
      { kind: 'refused', reason: 'no credit', upstream: { status: 200, code: '31', message: 'top up your balance' } },
    ],
    [200, { no: 40, text: 'balance the words' }, { kind: 'refused', reason: 'request' }],
    [200, { no: 99, text: 'wrong api key' }, { kind: 'refused', reason: 'unauthenticated' }],
    [200, { no: 0, id: 'a task' }, { kind: 'started', taskId: 'a task' }],
    [200, { no: 0, task_id: 'not where the pointer leads' }, { kind: 'lost', answered: true }],
    [401, {}, { kind: 'refused', reason: 'unauthenticated' }],
  ])('%i %j is %j', async (status, answer, expected) => {
    expect(await outcomeOf(status, answer)).toMatchObject(expected);
  });
});

describe('a poll', () => {
  test.each([
    ['usd', 0.5, 500_000],
    ['cent', 2.5, 25_000],
    ['microUsd', '7', 7],
    ['usdTick', 2_500_000_000, 250_000],
    ['usd', -1, null],
    ['usd', 'much', null],
  ])('reads a cost in %s of %s', async (unit, cost, costMicroUsd) => {
    const status = `resultUrl: /url, cost: { at: [/none, /cost], unit: ${unit} }`;
    expect(await poll({ status }, { state: 'done', url: '/a.mp4', cost })).toMatchObject({ costMicroUsd });
  });

  test('finds an end under a word that the description does not have', async () => {
    expect(await poll({}, { state: 'Succeeded', url: '/a.mp4' })).toMatchObject({
      kind: 'succeeded',
      result: { url: '/a.mp4' },
    });
    expect(await poll({}, { state: 'expired' })).toMatchObject({ kind: 'failed', upstream: { code: 'expired' } });
    expect(await poll({}, { state: 'odd' })).toMatchObject({ kind: 'pending', known: false, word: 'odd' });
    const looksDone = { kind: 'pending', known: false, result: { url: 'https://cdn.example/a.mp4', needsKey: false } };
    expect(await poll({}, { state: 'odd', url: 'https://cdn.example/a.mp4' })).toMatchObject(looksDone);
  });

  test('says of a failure neither that it went well nor a word of success', async () => {
    const status = 'resultUrl: /url, failedWhen: /why, failure: [/text, /message]';
    const failed = { kind: 'failed', costMicroUsd: null };
    expect(await poll({ status }, { state: 'bad', text: '', message: 'SUCCEED' })).toEqual({
      ...failed,
      upstream: { code: 'bad' },
    });
    expect(await poll({ status }, { state: 'done', why: 'too hot' })).toEqual({
      ...failed,
      upstream: { message: 'too hot' },
    });
  });

  test('says the content route beside a link, should the link not serve', async () => {
    const rest = 'content: { path: "/tasks/{taskId}/file" }';
    const served = { url: `${server.origin}/tasks/t1/file`, needsKey: true };
    expect(await poll({ rest }, { state: 'done', url: 'https://cdn.example/a.mp4' })).toMatchObject({
      result: { url: 'https://cdn.example/a.mp4', needsKey: false, otherwise: served },
    });
    expect(await poll({ rest }, { state: 'done' })).toMatchObject({ result: served });
  });

  test('lends the key to links of the API alone', async () => {
    const status = 'resultUrl: /url, resultNeedsKey: true';
    expect(await poll({ status }, { state: 'done', url: '/files/a' })).toMatchObject({
      result: { url: `${server.origin}/files/a`, needsKey: true },
    });
    expect(await poll({ status }, { state: 'done', url: 'https://elsewhere.example/a' })).toMatchObject({
      result: { url: 'https://elsewhere.example/a', needsKey: false },
    });
  });

  test('shows a success without a link as one', async () => {
    expect(await poll({}, { state: 'done' })).toEqual({ kind: 'succeeded', result: null, costMicroUsd: null });
  });

  test('sends its fields where it is a POST', async () => {
    const status = 'method: POST, fields: { which: $taskId }, resultUrl: /url';
    await poll({ status }, { state: 'busy' });
    expect(server.received[0]).toMatchObject({ method: 'POST', body: '{"which":"t1"}' });
  });
});

test.each([
  ['no list', { all: {} }],
  ['an error beside it', { all: [], error: { message: 'away' } }],
  ['an entry without an id', { all: [{ at: 1 }] }],
])('a list with %s fails rather than lacking a task', async (_name, answer) => {
  server.script = json(200, answer);
  await expect(describedProvider(describing()).list?.(makeCall(server))).rejects.toThrow('the list of tasks');
});

test('an account without a description asks nothing of its upstream', async () => {
  const table = describedBy([{ id: 'a', api: 'mine' }, { id: 'b' }], { mine: describing() });
  expect(table.forAccount?.('a').facts).toMatchObject({
    mostImages: 0,
    cancels: false,
    listWindow: { answeredMs: 5_000 },
  });
  const gone = table.forAccount?.('b');
  expect(await gone?.start(makeRequest(), makeCall(server))).toMatchObject({ kind: 'not sent' });
  await expect(gone?.poll('t1', makeCall(server))).rejects.toMatchObject({ phase: 'not sent' });
  expect(server.received).toEqual([]);
});

test('a description may publish models', async () => {
  const rest = 'models: [{ id: m, pricePerSecondMicroUsd: 5, durationsSeconds: [8, 4], modes: [text] }]';
  expect(await describedProvider(describing({ rest })).models?.(makeCall(server))).toEqual([
    {
      upstreamModel: 'm',
      pricePerSecondMicroUsd: 5,
      capabilities: {
        modes: ['text'],
        aspectRatios: [],
        qualities: [],
        minDurationSeconds: 4,
        maxDurationSeconds: 8,
        durationsSeconds: [4, 8],
      },
    },
  ]);
});
