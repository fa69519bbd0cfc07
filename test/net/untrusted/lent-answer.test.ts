/** Bodies that are lent: every byte arrives in its place, however it comes and however slowly it is taken. */

import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { buildConnector } from 'undici';
import { closeLentConnections, LentAnswer } from '../../../src/net/untrusted/lent-answer.ts';
import { readText } from '../read-body.ts';

const SIZE_BYTES = 12_000_000;
const bytes = randomBytes(SIZE_BYTES);
const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
const WHOLE = sha256(bytes);

let answer: (response: ServerResponse) => void = () => undefined;
const listener: RequestListener = (_request, response) => answer(response);
let plain: Server;
let secure: Server;

/** A key and a certificate that no client trusts. */
function makeCertificate() {
  const folder = mkdtempSync(join(tmpdir(), 'clipyard-tls-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-days', '1'];
  const files = ['-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject, ...files], { stdio: 'ignore' });
  const pair = { key: readFileSync(key), cert: readFileSync(cert) };
  rmSync(folder, { recursive: true });
  return pair;
}

beforeAll(async () => {
  plain = createServer(listener).listen(0, '127.0.0.1');
  secure = createTlsServer(makeCertificate(), listener).listen(0, '127.0.0.1');
  await Promise.all([once(plain, 'listening'), once(secure, 'listening')]);
});

afterAll(async () => {
  await closeLentConnections();
  for (const server of [plain, secure]) server.closeAllConnections();
  for (const server of [plain, secure]) server.close();
});

function ask(scheme: string): LentAnswer {
  const { port } = (scheme === 'https' ? secure : plain).address() as AddressInfo;
  return new LentAnswer({
    route: { origin: `${scheme}://127.0.0.1:${port}`, path: '/clip' },
    method: 'GET',
    headers: {},
    connector: (socketOptions) => buildConnector({ ...socketOptions, rejectUnauthorized: false }),
    signal: AbortSignal.timeout(60_000),
  });
}

/** Sends all of it in pieces of this size, as long as it is taken. */
async function send(response: ServerResponse, pieceBytes: number): Promise<void> {
  for (let at = 0; at < SIZE_BYTES; at += pieceBytes) {
    if (!response.write(bytes.subarray(at, at + pieceBytes))) await once(response, 'drain');
  }
  response.end();
}

const ways = ['http', 'https'].flatMap((scheme) =>
  ['content-length', 'chunked'].flatMap((framing) =>
    [777, 70_000, SIZE_BYTES].map((piece) => ({ scheme, framing, piece })),
  ),
);

/** Takes a chunk at once, or only after a while: `taken` counts them. */
const PACES: Readonly<Record<string, (taken: number) => Promise<void> | undefined>> = {
  'at once': () => undefined,
  'after a turn': () => turn(),
  'now and then after a few turns': (taken) => (taken % 3 === 0 ? turn().then(() => turn()) : undefined),
};

describe.each(ways)('$scheme, $framing, pieces of $piece bytes', ({ scheme, framing, piece }) => {
  test.each(Object.keys(PACES))('taken %s', async (pace) => {
    answer = (response) => {
      response.writeHead(200, framing === 'content-length' ? { 'content-length': SIZE_BYTES } : {});
      void send(response, piece);
    };
    const lent = ask(scheme);
    expect((await lent.head).status).toBe(200);
    const hash = createHash('sha256');
    let [sizeBytes, taken] = [0, 0];
    await lent.read((chunk) => {
      hash.update(chunk);
      sizeBytes += chunk.byteLength;
      taken += 1;
      return PACES[pace]?.(taken);
    });
    expect(sizeBytes).toBe(SIZE_BYTES);
    expect(hash.digest('hex')).toBe(WHOLE);
  });
});

test('headers that come in pieces are kept whole', async () => {
  answer = (response) => {
    const { socket } = response;
    const head = `HTTP/1.1 200 OK\r\nx-first: ${'a'.repeat(3000)}\r\nx-last: ${'z'.repeat(3000)}\r\ncontent-length: 4\r\n\r\nclip`;
    const pieces = head.match(/.{1,500}/gs) ?? [];
    const next = () => {
      const piece = pieces.shift();
      if (piece !== undefined) socket?.write(piece, () => setTimeout(next, 2));
    };
    next();
  };
  const lent = ask('http');
  const { headers } = await lent.head;
  expect(headers).toMatchObject({ 'x-first': 'a'.repeat(3000), 'x-last': 'z'.repeat(3000) });
  expect(await readText(lent)).toBe('clip');
});

test.each([
  [
    'throws',
    () => {
      throw new Error('no room');
    },
  ],
  ['rejects', () => Promise.reject(new Error('no room'))],
] as const)('a taker that %s ends the body with its error', async (_how, take) => {
  answer = (response) => void send(response.writeHead(200), 70_000).catch(() => undefined);
  const lent = ask('http');
  await lent.head;
  await expect(lent.read(take)).rejects.toThrow('no room');
});

test('a body that is cut is an error, and what came before it is lent', async () => {
  answer = (response) => {
    response.writeHead(200, { 'content-length': SIZE_BYTES });
    response.write(bytes.subarray(0, 1_000_000), () => response.socket?.destroy());
  };
  const lent = ask('http');
  await lent.head;
  let sizeBytes = 0;
  const read = lent.read((chunk) => {
    sizeBytes += chunk.byteLength;
    return turn();
  });
  await expect(read).rejects.toThrow();
  expect(sizeBytes).toBe(1_000_000);
});

test('a body that is dropped as it ends does no harm', async () => {
  answer = (response) => response.writeHead(200, { connection: 'close', 'content-length': 4 }).end('clip');
  for (let round = 0; round < 20; round += 1) {
    const lent = ask('http');
    await lent.head;
    const read = lent.read(() => {
      lent.drop(new Error('not wanted any more'));
      return undefined;
    });
    // Either may come first.
    await read.catch((error: Error) => expect(error.message).toBe('not wanted any more'));
  }
});

test('an answer without a body ends', async () => {
  answer = (response) => response.writeHead(204).end();
  const lent = ask('http');
  expect((await lent.head).status).toBe(204);
  await expect(lent.read(() => undefined)).resolves.toBeUndefined();
});
