/** A local HTTP server that a test scripts request by request, and that remembers what it was asked. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { closeUpstreamConnections } from '../../src/net/trusted/request-json.ts';

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly remotePort: number | undefined;
}

export type Script = (response: ServerResponse, request: ReceivedRequest) => void;

export interface ScriptedServer {
  readonly origin: string;
  /** As operators write it. */
  readonly hostAndPort: string;
  readonly received: ReceivedRequest[];
  script: Script;
  close(): Promise<void>;
}

/** Answers with JSON. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): Script {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
}

/** Answers with text. */
export function text(status: number, body: string, headers: Record<string, string> = {}): Script {
  return (response) => {
    response.writeHead(status, headers);
    response.end(body);
  };
}

/** Cuts the connection, after the head of an answer if a status is given. */
export function cut(status?: number): Script {
  return (response) => {
    if (status === undefined) {
      response.socket?.resetAndDestroy();
      return;
    }
    response.writeHead(status, { 'content-length': '1000' });
    response.write('{"task_id":"task-1",', () => response.socket?.destroy());
  };
}

/** Takes the request and never answers. */
export const silence: Script = () => {};

async function readBody(message: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

export async function startScriptedServer(host = '127.0.0.1'): Promise<ScriptedServer> {
  const http = createServer(async (message, response) => {
    const { method = '', url = '', headers, socket } = message;
    const request = { method, path: url, headers, body: await readBody(message), remotePort: socket.remotePort };
    server.received.push(request);
    server.script(response, request);
  });
  await new Promise<void>((resolve) => http.listen(0, host, resolve));
  const { port } = http.address() as AddressInfo;
  const server: ScriptedServer = {
    origin: `http://${host}:${port}`,
    hostAndPort: `${host}:${port}`,
    received: [],
    script: silence,
    close: () => {
      http.closeAllConnections();
      return new Promise((resolve) => http.close(() => resolve()));
    },
  };
  return server;
}

/** Hands over one for all tests of a file, which has received nothing when a test begins. */
export function useScriptedServer(take: (server: ScriptedServer) => void): void {
  let server: ScriptedServer;
  beforeAll(async () => {
    server = await startScriptedServer();
    take(server);
  });
  beforeEach(() => {
    server.received.length = 0;
  });
  afterAll(async () => {
    await closeUpstreamConnections();
    await server.close();
  });
}
