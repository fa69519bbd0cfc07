/** A clip that is received in several goes. */

import { createHash } from 'node:crypto';
import { type FileHandle, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GatewayClient, GatewayFailure } from '../../src/client/gateway-client.ts';
import { isClip, receiveClip } from '../../src/client/receive-clip.ts';
import { type Script, type ScriptedServer, startScriptedServer } from '../net/scripted-server.ts';

const BYTES = Buffer.from('the bytes of a clip');
const sha256 = createHash('sha256').update(BYTES).digest('hex');
const CLIP = { id: 'video_1', archive: { sha256, sizeBytes: BYTES.length } };

let server: ScriptedServer;
let gateway: GatewayClient;
let folder = '';

beforeEach(async () => {
  server = await startScriptedServer();
  server.script = ranges;
  gateway = new GatewayClient({ url: server.origin, apiKey: 'cy_key' }, new AbortController().signal);
  folder = await mkdtemp(join(tmpdir(), 'clipyard-receive-'));
});
afterEach(async () => {
  await gateway.close();
  await server.close();
  await rm(folder, { recursive: true });
});

/** As the gateway answers. */
const ranges: Script = (response, { headers }) => {
  const [, from] = /^bytes=(\d+)-$/.exec(headers.range ?? '') ?? [];
  if (from === undefined) return response.end(BYTES);
  response.writeHead(206, { 'content-range': `bytes ${from}-${BYTES.length - 1}/${BYTES.length}` });
  response.end(BYTES.subarray(Number(from)));
};
const asked = () => server.received.map(({ headers }) => headers.range);

/** What becomes of a part with this in it. */
async function complete(begun: string | Buffer): Promise<Buffer> {
  const name = join(folder, 'clip.part');
  await writeFile(name, begun);
  const part: FileHandle = await open(name, 'r+');
  try {
    await receiveClip(gateway, CLIP, part);
  } finally {
    await part.close();
  }
  expect(await isClip(name, CLIP)).toBe(true);
  return await readFile(name);
}

test('goes on where it broke off', async () => {
  expect(await complete(BYTES.subarray(0, 7))).toEqual(BYTES);
  expect(asked()).toEqual(['bytes=7-']);
});

test('that is whole is not asked for again', async () => {
  expect(await complete(BYTES)).toEqual(BYTES);
  expect(asked()).toEqual([]);
});

test.each([
  ['a damaged beginning', 'THE bytes', ['bytes=9-', undefined]],
  ['too many bytes', `${BYTES} and more`, [undefined]],
])('with %s begins anew', async (_name, begun, requests) => {
  expect(await complete(begun)).toEqual(BYTES);
  expect(asked()).toEqual(requests);
});

test('begins anew where the gateway sends it from its beginning', async () => {
  server.script = (response) => response.end(BYTES);
  expect(await complete(BYTES.subarray(0, 7))).toEqual(BYTES);
  expect(asked()).toEqual(['bytes=7-']);
});

test('keeps what came before its connection broke, and nothing of other bytes', async () => {
  server.script = (response) => {
    response.writeHead(200, { 'content-length': BYTES.length });
    response.write(BYTES.subarray(0, 5), () => response.socket?.destroy());
  };
  await expect(complete('')).rejects.toBeInstanceOf(GatewayFailure);
  expect(await readFile(join(folder, 'clip.part'))).toEqual(BYTES.subarray(0, 5));
  server.script = (response) => response.end(Buffer.from('the bytes of a CLIP'));
  await expect(complete('')).rejects.toThrow('what was received of video_1 is not what the gateway archived');
  expect(await readFile(join(folder, 'clip.part'), 'utf8')).toBe('');
});

test('a file that is not there is no clip', async () => {
  expect(await isClip(join(folder, 'nowhere.mp4'), CLIP)).toBe(false);
});
