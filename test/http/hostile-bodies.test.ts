/** Bodies that mean harm, against the faces that take files and images: over sockets, with catalog and media store. */

import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { pino } from 'pino';
import { balance } from '../../src/catalog/balance.ts';
import { createCaller } from '../../src/catalog/callers.ts';
import { replacePublishedModels } from '../../src/catalog/models.ts';
import { inputImages } from '../../src/catalog/tables/input-images.ts';
import { makeOffer } from '../builders.ts';
import { makePng } from '../fixtures/images.ts';
import { openTestGateway, type TestGateway } from '../open-gateway.ts';
import { randomRuns } from '../random-runs.ts';
import { testLinks } from './test-app.ts';

const CREDIT = { creditMicroUsd: 1e9, availableMicroUsd: 1e9, heldMicroUsd: 0, spentMicroUsd: 0 };
const PNG = makePng();
const MIB = 1024 * 1024;
const TMPDIR = process.env['TMPDIR'];

let root: string;
let opened: TestGateway;
let port: number;
let callerId: string;
/** What the start itself wrote. */
let ofStart: readonly string[];
let authorization: string;
const logged: string[] = [];

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'clipyard-hostile-'));
  const log = pino({ level: 'error' }, { write: (line: string) => logged.push(line) });
  opened = await openTestGateway({ links: testLinks, log, config: { dataDir: root } });
  // Where a parser would put what it does not keep in memory.
  process.env['TMPDIR'] = mkdtempSync(join(root, 'tmp-'));
  const { db, app } = opened;
  const { capabilities } = makeOffer();
  await replacePublishedModels(db, 'airforce-1', [
    { upstreamModel: 'wan-2.6', pricePerSecondMicroUsd: 400_000, capabilities },
  ]);
  port = Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port);
  const { key, caller } = await createCaller(db, { name: 'hostile', creditMicroUsd: 1e9 });
  callerId = caller.id;
  authorization = `Bearer ${key}`;
  ofStart = filesBelow(root);
}, 60_000);

afterAll(async () => {
  await opened?.close();
  if (TMPDIR === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = TMPDIR;
  rmSync(root, { recursive: true, force: true });
});

/** Every file below a folder. */
function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
}

/** Nothing was made, held, kept or logged as a defect. */
async function expectNothingLeft(): Promise<void> {
  expect((await opened.gateway.list({ callerId, limit: 10 })).videos).toEqual([]);
  expect(await balance(opened.db, callerId)).toMatchObject(CREDIT);
  expect(filesBelow(root)).toEqual(ofStart);
  expect(logged).toEqual([]);
}

afterEach(expectNothingLeft);

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function post(path: string, type: string | null, body: Buffer | string): Promise<Answer> {
  const headers = { authorization, 'ai-model-id': 'wan-2.6', ...(type !== null && { 'content-type': type }) };
  // A Blob without a type lets none be made up for it.
  const payload = new Blob([body]);
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers, body: payload });
  return { status: answer.status, text: await answer.text() };
}

/** The documented shape, with nothing in it of files, folders or code. */
function expectRefusal({ status, text }: Answer, wanted: number | readonly number[]): void {
  expect({ text, isWanted: [wanted].flat().includes(status) }).toEqual({ text, isWanted: true });
  const { error } = JSON.parse(text);
  expect(Object.keys(error).toSorted()).toEqual(['code', 'message', 'param', 'type']);
  expect(text).not.toMatch(/node_modules|\.[jt]s:\d|\bat [A-Z]\w+\.|\/tmp\/|postgres|pglite/i);
}

interface Part {
  readonly head: string;
  readonly value?: string | Buffer;
}

const FORM = 'multipart/form-data; boundary=b0undary';
const field = (name: string, value: string): Part => ({
  head: `content-disposition: form-data; name="${name}"`,
  value,
});
const file = (name: string, value: string | Buffer = PNG, more = ''): Part => ({
  head: `content-disposition: form-data; name="${name}"; filename="a.png"\r\ncontent-type: image/png${more}`,
  value,
});

function formOf(parts: readonly Part[], end = '--b0undary--\r\n'): Buffer {
  const pieces = parts.flatMap(({ head, value = '' }) => [`--b0undary\r\n${head}\r\n\r\n`, value, '\r\n']);
  return Buffer.concat([...pieces, end].map((piece) => Buffer.from(piece)));
}

const VIDEOS = '/openai/v1/videos';
const START = '/v4/ai/video-model/start';
const GENERATE = '/v4/ai/video-model';
const MODEL = field('model', 'wan-2.6');
const PROMPT = field('prompt', 'a fox');
const WORDS = [MODEL, PROMPT];

describe('a form for /v1/videos', () => {
  test.each<[string, string, Buffer | string, number]>([
    ['no boundary', 'multipart/form-data', formOf(WORDS), 400],
    ['an empty boundary', 'multipart/form-data; boundary=', formOf(WORDS), 400],
    ['another boundary', 'multipart/form-data; boundary=other', formOf(WORDS), 400],
    ['a boundary of 10 KB', `multipart/form-data; boundary=${'b'.repeat(10_000)}`, formOf(WORDS), 400],
    ['no bytes', FORM, '', 400],
    ['a JSON body', FORM, '{"model":"wan-2.6","prompt":"a fox"}', 400],
    ['an end and nothing before', FORM, '--b0undary--\r\n', 400],
    ['no end', FORM, formOf(WORDS, ''), 400],
    ['an end in a file', FORM, formOf([...WORDS, file('input_reference')], '').subarray(0, -40), 400],
    ['an end in a head', FORM, formOf(WORDS, '--b0undary\r\ncontent-disp'), 400],
    ['a part without a name', FORM, formOf([...WORDS, { head: 'content-disposition: form-data', value: 'x' }]), 400],
    ['only a file', FORM, formOf([file('input_reference')]), 400],
    ['a model twice', FORM, formOf([...WORDS, MODEL]), 400],
    ['a model that is a file', FORM, formOf([file('model'), PROMPT]), 400],
    ['a prompt that is a list', FORM, formOf([MODEL, field('prompt[]', 'a'), field('prompt[]', 'b')]), 400],
    ['a prompt that is an object', FORM, formOf([MODEL, field('prompt[a]', 'b')]), 400],
    ['a prompt that is blank', FORM, formOf([MODEL, field('prompt', ' ')]), 400],
    ['a prompt of 33 KiB', FORM, formOf([MODEL, field('prompt', 'x'.repeat(33 * 1024))]), 400],
    ['a prompt of 17 MiB', FORM, formOf([MODEL, field('prompt', 'x'.repeat(17 * MIB))]), 413],
    ['a model of 1 KiB', FORM, formOf([field('model', 'x'.repeat(1024)), PROMPT]), 400],
    ['another key of 65 KiB', FORM, formOf([...WORDS, field('more', 'x'.repeat(65 * 1024))]), 400],
    ['a name of 300 bytes', FORM, formOf([...WORDS, field('n'.repeat(300), 'x')]), 400],
    ['101 fields', FORM, formOf([...WORDS, ...Array.from({ length: 99 }, (_, n) => field(`f${n}`, 'x'))]), 413],
    ['seconds in words', FORM, formOf([...WORDS, field('seconds', 'eight')]), 400],
    ['seconds without end', FORM, formOf([...WORDS, field('seconds', '9'.repeat(400))]), 400],
    ['a size of no picture', FORM, formOf([...WORDS, field('size', '99999x99999')]), 400],
    ['a reference that is a text', FORM, formOf([...WORDS, field('input_reference', 'a.png')]), 400],
    ['a reference to a file of theirs', FORM, formOf([...WORDS, field('input_reference[file_id]', 'f-1')]), 400],
    [
      'a reference by two names',
      FORM,
      formOf([
        ...WORDS,
        field('input_reference[image_url]', 'https://example.com/a.png'),
        field('input_reference[file_id]', 'f-1'),
      ]),
      400,
    ],
    ['a private address', FORM, formOf([...WORDS, field('input_reference[image_url]', 'http://[::1]/a.png')]), 400],
    ['a file address', FORM, formOf([...WORDS, field('input_reference[image_url]', 'file:///etc/passwd')]), 400],
    [
      'a reference that is a file and an object',
      FORM,
      formOf([...WORDS, file('input_reference'), field('input_reference[image_url]', 'https://example.com/a.png')]),
      400,
    ],
    ['two files', FORM, formOf([...WORDS, file('input_reference'), file('input_reference')]), 413],
    ['two files of two names', FORM, formOf([...WORDS, file('input_reference'), file('mask')]), 413],
    ['a file of another name', FORM, formOf([...WORDS, file('mask')]), 400],
    ['a file in a list', FORM, formOf([...WORDS, file('input_reference[]')]), 400],
    ['a file named like a method', FORM, formOf([...WORDS, file('toString')]), 400],
    ['a file that is text', FORM, formOf([...WORDS, file('input_reference', '<?php phpinfo();')]), 400],
    ['a file that is empty', FORM, formOf([...WORDS, file('input_reference', '')]), 400],
    ['a file of 33 MiB', FORM, formOf([...WORDS, file('input_reference', Buffer.alloc(33 * MIB))]), 413],
    ['a bad field after its file', FORM, formOf([...WORDS, file('input_reference'), field('seconds', 'eight')]), 400],
    ['words after its file that are missing', FORM, formOf([MODEL, file('input_reference')]), 400],
    ['half a surrogate pair', FORM, formOf([...WORDS, { head: JSON_PART('more'), value: '"\\ud800"' }]), 400],
    ['a number that is infinite', FORM, formOf([...WORDS, { head: JSON_PART('more'), value: '1e999' }]), 400],
  ])('with %s is refused, and nothing is left of it (OV-03, OV-10, OV-23)', async (_, type, body, status) => {
    expectRefusal(await post(VIDEOS, type, body), status);
  });

  const LATIN = Buffer.from('un caf\xe9', 'latin1');
  test.each<[string, string, readonly Part[]]>([
    ['that is not UTF-8', 'prompt', [MODEL, { head: 'content-disposition: form-data; name="prompt"', value: LATIN }]],
    [
      'that is not UTF-8, whatever it says of itself',
      'prompt',
      [
        MODEL,
        { head: 'content-disposition: form-data; name="prompt"\r\ncontent-type: text/plain; charset=x', value: LATIN },
      ],
    ],
    [
      'of JSON that is not UTF-8',
      'more',
      [...WORDS, { head: JSON_PART('more'), value: Buffer.from('"\xff"', 'latin1') }],
    ],
    ['of JSON that is none', 'more', [...WORDS, { head: JSON_PART('more'), value: '{' }]],
    ['that comes twice', 'prompt', [...WORDS, PROMPT]],
    ['that comes twice in an object', 'more[a]', [...WORDS, field('more[a]', '1'), field('more[a]', '2')]],
    ['that is a text and a list', 'more[]', [...WORDS, field('more', '1'), field('more[]', '2')]],
    [
      'that is a file and a text',
      'input_reference',
      [...WORDS, file('input_reference'), field('input_reference', 'x')],
    ],
  ])('with a field %s is refused by its name (OV-23)', async (_, param, parts) => {
    const answer = await post(VIDEOS, FORM, formOf(parts));
    expectRefusal(answer, 400);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { param } });
  });

  test('with a name that is not UTF-8 is refused (OV-23)', async () => {
    const [before, behind] = formOf([...WORDS, field('caf#', 'x')])
      .toString('latin1')
      .split('#');
    expectRefusal(await post(VIDEOS, FORM, Buffer.from(`${before}\xe9${behind}`, 'latin1')), 400);
  });

  test('is read on after a part that is refused, so that its sender can end it (OV-23)', async () => {
    const parts = [...WORDS, PROMPT, file('input_reference', Buffer.alloc(20 * MIB))];
    const headers = { authorization, 'content-type': FORM, connection: 'close' };
    const sending = request({ port, method: 'POST', path: VIDEOS, headers });
    sending.end(formOf(parts));
    const [answer] = await once(sending, 'response');
    expect(answer.statusCode).toBe(400);
    expect(sending.writableFinished).toBe(true);
    answer.resume();
  });

  test.each([
    null,
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/octet-stream',
    'image/png',
    'multipart/mixed; boundary=b0undary',
    'application/jsonx',
    'nonsense',
  ])('sent as %s is 415 (OV-05)', async (type) => {
    expectRefusal(await post(VIDEOS, type, formOf(WORDS)), 415);
  });

  test('of any bytes is refused in order or makes a video (OV-23)', async () => {
    const whole = formOf([...WORDS, file('input_reference')]);
    const change = fc.record({ at: fc.nat(whole.length - 1), cut: fc.nat(20), put: fc.uint8Array({ maxLength: 20 }) });
    const refusedOrMade = async (changes: readonly { at: number; cut: number; put: Uint8Array }[]) => {
      // Never whole: a video that is made would be one more than nothing.
      const body = changes.reduce(
        (bytes, { at, cut, put }) => Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + cut)]),
        whole.subarray(0, -4),
      );
      expectRefusal(await post(VIDEOS, FORM, body), [400, 413]);
    };
    await fc.assert(fc.asyncProperty(fc.array(change, { maxLength: 4 }), refusedOrMade), randomRuns(150));
  });
});

function JSON_PART(name: string): string {
  return `content-disposition: form-data; name="${name}"\r\ncontent-type: application/json`;
}

const image = (value: object) => ({ prompt: 'a fox', image: value });

describe.each([START, GENERATE])('a body for %s', (path) => {
  test.each<[string, unknown, number]>([
    ['no object', [], 400],
    ['null', null, 400],
    ['no prompt', { n: 1 }, 400],
    ['a prompt that is a number', { prompt: 1 }, 400],
    ['a prompt of 33 KiB', { prompt: 'x'.repeat(33 * 1024) }, 400],
    ['a body of 17 MiB', { prompt: 'x'.repeat(17 * MIB) }, 413],
    ['other keys of 65 KiB', { prompt: 'a fox', more: 'x'.repeat(65 * 1024) }, 400],
    ['options of 65 KiB', { prompt: 'a fox', providerOptions: { a: { more: 'x'.repeat(65 * 1024) } } }, 400],
    ['options that are a text', { prompt: 'a fox', providerOptions: 'x' }, 400],
    ['a million videos', { prompt: 'a fox', n: 1e6 }, 400],
    ['an endless duration', { prompt: 'a fox', duration: 1e300 }, 400],
    ['an image that is a text', { prompt: 'a fox', image: 'a.png' }, 400],
    ['an image of no type', image({ data: PNG.toString('base64') }), 400],
    ['an image that is not base64', image({ type: 'file', mediaType: 'image/png', data: '%%%' }), 400],
    ['an image that is text', image({ type: 'file', mediaType: 'image/png', data: 'aGVsbG8=' }), 400],
    ['an image that is empty', image({ type: 'file', mediaType: 'image/png', data: '' }), 400],
    ['a private address', image({ type: 'url', url: 'http://169.254.169.254/latest' }), 400],
    ['a file address', image({ type: 'url', url: 'file:///etc/passwd' }), 400],
    [
      'nine references',
      { prompt: 'a fox', inputReferences: Array(9).fill({ type: 'url', url: 'https://example.com/a.png' }) },
      400,
    ],
    [
      'a model that does not take references',
      { prompt: 'a fox', inputReferences: [{ type: 'url', url: 'https://example.com/a.png' }] },
      400,
    ],
  ])('with %s is refused, and nothing is left of it (GW-06)', async (_, body, status) => {
    expectRefusal(await post(path, 'application/json', JSON.stringify(body)), status);
  });

  test('with a reference at a private address is refused by the name of its field (GW-06)', async () => {
    const inputReferences = ['https://example.com/a.png', 'http://10.0.0.1/a.png'].map((url) => ({ type: 'url', url }));
    const answer = await post(path, 'application/json', JSON.stringify({ prompt: 'a fox', inputReferences }));
    expect(JSON.parse(answer.text)).toMatchObject({ error: { param: 'inputReferences.1.url' } });
  });

  test.each<[string, string, string, number]>([
    ['half of its JSON', 'application/json', '{"prompt":"a f', 400],
    ['no JSON', 'application/json', '', 400],
    ['a form', FORM, formOf(WORDS).toString('latin1'), 415],
    ['plain text', 'text/plain', '{"prompt":"a fox"}', 415],
  ])('that is %s is refused (GW-06)', async (_, type, body, status) => {
    expectRefusal(await post(path, type, body), status);
  });
});

test('images of a caller without credit are refused before they are kept', async () => {
  const { key } = await createCaller(opened.db, { name: 'poor', creditMicroUsd: 0 });
  const headers = { authorization: `Bearer ${key}`, 'content-type': FORM };
  const sent = Array.from({ length: 10 }, async (_, n) => {
    // Kept images are told by their bytes.
    const image = Buffer.concat([PNG, Buffer.from(String(n))]);
    const body = new Uint8Array(formOf([...WORDS, file('input_reference', image)]));
    return (await fetch(`http://127.0.0.1:${port}${VIDEOS}`, { method: 'POST', headers, body })).status;
  });
  expect(new Set(await Promise.all(sent))).toEqual(new Set([402]));
  expect(await opened.db.select().from(inputImages)).toEqual([]);
});

/** Sends bytes and hangs up; resolves with what was answered once the server has let go as well. */
async function hangUpAfter(bytes: Buffer): Promise<string> {
  return await new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.end(bytes));
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
}

describe('a connection that breaks', () => {
  const form = formOf([...WORDS, file('input_reference', Buffer.concat([PNG, Buffer.alloc(MIB)]))]);
  const json = Buffer.from(JSON.stringify({ prompt: 'a fox', more: 'x'.repeat(MIB) }));
  const head = (path: string, type: string, length: string) =>
    `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\nai-model-id: wan-2.6\r\ncontent-type: ${type}\r\n${length}\r\n\r\n`;

  test.each<[string, () => Buffer]>([
    [
      'in the file of a form',
      () =>
        Buffer.concat([Buffer.from(head(VIDEOS, FORM, `content-length: ${form.length}`)), form.subarray(0, 600_000)]),
    ],
    ['before the first byte of a form', () => Buffer.from(head(VIDEOS, FORM, `content-length: ${form.length}`))],
    [
      'in a chunk of a form',
      () =>
        Buffer.concat([
          Buffer.from(`${head(VIDEOS, FORM, 'transfer-encoding: chunked')}fffff\r\n`),
          form.subarray(0, 1000),
        ]),
    ],
    [
      'in a JSON body',
      () =>
        Buffer.concat([
          Buffer.from(head(START, 'application/json', `content-length: ${json.length}`)),
          json.subarray(0, 500_000),
        ]),
    ],
  ])('%s makes nothing and leaves nothing (OV-23, GW-06)', async (_, bytes) => {
    const answered = await hangUpAfter(bytes());
    expect(answered).toMatch(/^(HTTP\/1\.1 400 |$)/);
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  });
});
