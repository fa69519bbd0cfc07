/** A server that closes each connection after its answer, and a reader slower than it: some HTTP clients break here. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import { requestStream } from '../../../src/net/trusted/request-stream.ts';
import { fetchUntrusted } from '../../../src/net/untrusted/fetch.ts';

const SIZE_BYTES = 8_000_000;

let server: Server;
let host: string;

beforeAll(async () => {
  server = createServer((_request, response) => {
    response.writeHead(200, { connection: 'close', 'content-length': String(SIZE_BYTES) });
    response.end(Buffer.alloc(SIZE_BYTES));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.close();
});

/** Lets the socket fill up first, then takes a piece a turn. */
async function readSlowly(body: AsyncIterable<Uint8Array>): Promise<number> {
  let sizeBytes = 0;
  await wait(50);
  for await (const piece of body) {
    sizeBytes += piece.byteLength;
    await turn();
  }
  return sizeBytes;
}

const signal = () => AbortSignal.timeout(20_000);
const rounds = Array.from({ length: 10 }, (_, round) => [round]);

test.each(rounds)('a result is read to its end, round %d', async () => {
  const answer = await fetchUntrusted({
    url: `http://${host}/`,
    trustedHosts: [host],
    signal: signal(),
    timeoutMs: 5000,
  });
  let sizeBytes = 0;
  await wait(50);
  await answer.body.read((piece) => {
    sizeBytes += piece.byteLength;
    return turn();
  });
  expect(sizeBytes).toBe(SIZE_BYTES);
});

test.each(rounds)('a streamed answer is read to its end, round %d', async () => {
  const answer = await requestStream({
    method: 'POST',
    accept: 'application/json',
    url: `http://${host}/`,
    apiKey: 'key',
    body: {},
    signal: signal(),
  });
  expect(await readSlowly(answer.body)).toBe(SIZE_BYTES);
  await answer.close();
});

test('a streamed answer is read to its end when its last piece fills the reader, and the close was not announced', async () => {
  const bytes = Buffer.alloc(80_000);
  const silent = createTcpServer((socket) => {
    socket.once('data', async () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${bytes.length}\r\n\r\n`);
      socket.write(bytes.subarray(0, 40_000));
      await wait(50);
      socket.end(bytes.subarray(40_000));
    });
  }).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const answer = await requestStream({
    method: 'POST',
    accept: 'application/json',
    url: `http://127.0.0.1:${port}/`,
    apiKey: 'key',
    body: {},
    signal: signal(),
  });
  try {
    await wait(200);
    expect(await readSlowly(answer.body)).toBe(bytes.length);
  } finally {
    await answer.close();
    silent.close();
  }
});
