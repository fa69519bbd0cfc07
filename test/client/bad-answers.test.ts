/** What commands do about answers that are lost, cut or not what was archived. */

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { createBodyOf, createVideo } from '../../src/client/create-video.ts';
import { downloadClip } from '../../src/client/download-clip.ts';
import { GatewayClient, GatewayFailure, GatewayUnreachable } from '../../src/client/gateway-client.ts';
import { watchVideo } from '../../src/client/watch-video.ts';
import { cut, json, type Script, type ScriptedServer, startScriptedServer } from '../net/scripted-server.ts';
import { PROGRAM } from './run-cli.ts';

let server: ScriptedServer;
let gateway: GatewayClient;
let folder = '';

beforeEach(async () => {
  server = await startScriptedServer();
  gateway = new GatewayClient({ url: server.origin, apiKey: 'cy_key' }, new AbortController().signal);
  folder = mkdtempSync(join(tmpdir(), 'clipyard-bad-answers-'));
});
afterEach(async () => {
  await gateway.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

/** Answers the first requests with these, and all others with the last. */
function inTurn(...scripts: readonly Script[]): Script {
  return (response, request) => scripts[Math.min(server.received.length, scripts.length) - 1]?.(response, request);
}

describe('a create', () => {
  const OPTIONS = { model: 'sandbox-mini', prompt: 'a red fox', image: [] };

  test('whose answer is lost is sent again as the same create', async () => {
    server.script = inTurn(cut(), json(503, { error: 'not now' }), json(200, { task_id: 'video_1' }));
    expect(await createVideo(gateway, await createBodyOf(OPTIONS), 'key-1')).toBe('video_1');
    expect(server.received).toHaveLength(3);
    const sent = server.received.map(({ path, headers, body }) => [path, headers['idempotency-key'], body]);
    expect(new Set(sent.map((each) => JSON.stringify(each))).size).toBe(1);
    expect(sent[0]).toEqual(['/airforce/v1/video/generations', 'key-1', JSON.stringify(await createBodyOf(OPTIONS))]);
  });

  test('that stays without an answer says how to send it again', async () => {
    server.script = cut();
    await expect(createVideo(gateway, await createBodyOf(OPTIONS), 'key-1')).rejects.toThrow(
      /--idempotency-key key-1$/,
    );
    expect(server.received).toHaveLength(4);
  });

  test('that is refused is not sent again', async () => {
    server.script = json(429, { error: 'too many', code: 'concurrency_limit_exceeded' }, { 'retry-after': '5' });
    const created = createVideo(gateway, await createBodyOf(OPTIONS), 'key-1');
    await expect(created).rejects.toThrow('too many (concurrency_limit_exceeded, HTTP 429)');
    await expect(created).rejects.toBeInstanceOf(GatewayFailure);
    expect(server.received).toHaveLength(1);
  });

  test('that cannot be sent is not tried again', async () => {
    await server.close();
    await expect(createVideo(gateway, await createBodyOf(OPTIONS), 'key-1')).rejects.toBeInstanceOf(GatewayUnreachable);
    server = await startScriptedServer();
  });

  test('animates one image and takes several as references', async () => {
    const [one, two] = ['https://example.com/1.png', 'https://example.com/2.png'];
    expect(await createBodyOf(OPTIONS)).toMatchObject({ mode: 'text' });
    expect(await createBodyOf({ ...OPTIONS, image: [one] })).toMatchObject({
      mode: 'image',
      input_images: [{ url: one }],
    });
    expect(await createBodyOf({ ...OPTIONS, image: [one, two] })).toMatchObject({ mode: 'reference' });
    await expect(createBodyOf({ ...OPTIONS, image: [folder] })).rejects.toThrow(`${folder} is no file`);
  });
});

describe('a watched video', () => {
  const snapshot = {
    id: 'video_1',
    dialect: 'airforce',
    provider: 'airforce',
    account: 'sandbox',
    caller: 'root',
    model: 'sandbox-mini',
    taskId: 'task_1',
    progress: 50,
    queuePosition: null,
    batchId: null,
    againOf: null,
    request: {
      model: 'sandbox-mini',
      mode: 'text',
      prompt: 'a red fox',
      durationSeconds: 2,
      aspectRatio: null,
      quality: null,
      images: [],
      extra: {},
    },
    createdAt: '2026-11-21T21:00:00.000Z',
    submittedAt: '2026-11-21T21:00:00.000Z',
    generatedAt: null,
    endedAt: null,
    expiresAt: '2026-11-22T21:00:00.000Z',
    cost: { estimateMicroUsd: 20_000, settledMicroUsd: null, upstreamMicroUsd: null },
    archive: null,
    failure: null,
    waitingFor: null,
    submissions: 1,
    polls: 1,
    workflowUrl: null,
    memberToCome: true,
  };
  const shows = (state: string) => json(200, { ...snapshot, state });

  async function watch() {
    let shown = '';
    const notes = {
      write: (text: string | Uint8Array) => {
        shown += text;
        return true;
      },
    };
    const output = { isJson: false, notes, show: () => {} };
    const { snapshot: last } = await watchVideo({ gateway, output }, 'video_1');
    return { state: last.state, shown };
  }

  test('is followed across a restart of the gateway', async () => {
    server.script = inTurn(shows('generating'), cut(), json(503, { detail: 'starting' }), shows('completed'));
    expect(await watch()).toEqual({ state: 'completed', shown: 'generating 50 %\ncompleted\n' });
    expect(server.received.map(({ path }) => path)).toEqual(Array(4).fill('/clipyard/v1/videos/video_1'));
  });

  test('that is gone is not asked for again', async () => {
    const gone = json(404, { detail: 'there is no video video_1', code: 'not_found' });
    server.script = inTurn(shows('generating'), gone);
    await expect(watch()).rejects.toThrow('there is no video video_1 (not_found, HTTP 404)');
    expect(server.received).toHaveLength(2);
  });

  test('of something that is no Clipyard is told as such', async () => {
    server.script = json(200, { hello: 'world' });
    await expect(watch()).rejects.toThrow(/is CLIPYARD_URL that of a Clipyard\?$/);
  });

  test.each([
    [200, 'text/html; charset=utf-8', '<!doctype html><html><body>Welcome to nginx</body></html>'],
    [404, 'text/html', '<h1>Not found</h1>'],
    [502, 'text/plain', '\n<!DOCTYPE html>\n<html>an error page of hundreds of lines</html>'],
  ])('answered %d with a web page is told in one sentence', async (status, type, page) => {
    server.script = (response) => response.writeHead(status, { 'content-type': type }).end(page);
    const asked = gateway.ask({ method: 'GET', path: '/clipyard/v1/videos' });
    await expect(asked).rejects.toThrow(
      `a web page was answered (HTTP ${status}), and nothing that a gateway says; is CLIPYARD_URL that of a Clipyard?`,
    );
  });
});

describe('a download', () => {
  const clip = Buffer.from('the bytes of a clip');
  const archive = {
    sha256: createHash('sha256').update(clip).digest('hex'),
    sizeBytes: clip.length,
    durationMs: 2000,
    width: 640,
    height: 360,
  };
  const download = () =>
    downloadClip(gateway, { id: 'video_1', archive, file: join(folder, 'clip.mp4'), force: false });
  const sends =
    (bytes: Buffer): Script =>
    (response) =>
      response.end(bytes);

  test('of the archived bytes becomes the file', async () => {
    server.script = sends(clip);
    await download();
    expect(readFileSync(join(folder, 'clip.mp4'))).toEqual(clip);
    expect(readdirSync(folder)).toEqual(['clip.mp4']);
    expect(server.received.map(({ path }) => path)).toEqual(['/openai/v1/videos/video_1/content']);
  });

  test.each([
    ['other bytes of the same length', sends(Buffer.from('the bytes of a CLIP'))],
    ['fewer bytes', sends(clip.subarray(1))],
    ['more bytes', sends(Buffer.concat([clip, clip]))],
    ['a body that is cut', cut(200)],
  ])('of %s fails and leaves nothing', async (_name, script) => {
    server.script = script;
    await expect(download()).rejects.toThrow('video_1');
    expect(readdirSync(folder)).toEqual([]);
  });

  test("that is refused says so in the gateway's words", async () => {
    server.script = json(410, { error: { message: 'the clip was removed', code: 'gone' } });
    await expect(download()).rejects.toThrow('the clip was removed (gone, HTTP 410)');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('that is interrupted leaves nothing', async () => {
    const interrupted = new AbortController();
    const stopped = new GatewayClient({ url: server.origin, apiKey: 'cy_key' }, interrupted.signal);
    server.script = (response) => {
      response.writeHead(200, { 'content-length': clip.length });
      response.write(clip.subarray(1));
    };
    const file = join(folder, 'clip.mp4');
    const failed = expect(downloadClip(stopped, { id: 'video_1', archive, file, force: false })).rejects.toThrow(
      'interrupted',
    );
    const isPartWritten = () => readdirSync(folder).some((name) => statSync(join(folder, name)).size > 0);
    while (!isPartWritten()) await sleep(5);
    interrupted.abort();
    await failed;
    expect(readdirSync(folder)).toEqual([]);
  });
});

test('output that cannot be written is a failure in words', async () => {
  server.script = json(200, { items: [], nextCursor: null });
  // Open for reading alone, so that writing fails as on a full disk.
  const output = openSync(__filename, 'r');
  const child = spawn(process.execPath, [PROGRAM, 'video', 'list', '--json'], {
    stdio: ['ignore', output, 'pipe'],
    env: { ...process.env, CLIPYARD_URL: server.origin, CLIPYARD_API_KEY: 'cy_key' },
  });
  const [said, [exitCode]] = await Promise.all([text(child.stderr as Readable), once(child, 'close')]);
  expect({ exitCode, said }).toEqual({ exitCode: 1, said: expect.stringMatching(/^clipyard: EBADF: .*, write\n$/) });
});
