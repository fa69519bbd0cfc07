/** The server of `/metrics`, on a port of its own: a client that reaches it may read them, and nothing else. */

import { createServer, type RequestListener, type Server } from 'node:http';

export interface MetricsServerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly contentType: string;
  /** All metrics in Prometheus' text format. */
  render(): Promise<string>;
  onProblem(error: unknown): void;
}

const REQUEST_TIMEOUT_MS = 10_000;

function listenerOf({ contentType, render, onProblem }: MetricsServerOptions): RequestListener {
  return (request, response) => {
    const [path] = (request.url ?? '').split('?');
    if (path !== '/metrics') return void response.writeHead(404).end();
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return void response.writeHead(405, { allow: 'GET, HEAD' }).end();
    }
    render().then(
      (text) => response.writeHead(200, { 'content-type': contentType }).end(text),
      (error: unknown) => {
        onProblem(error);
        response.writeHead(500).end();
      },
    );
  };
}

export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Starts to listen. @throws what `listen` fails with: EADDRINUSE for a port that is taken. */
export async function serveMetrics(options: MetricsServerOptions): Promise<MetricsServer> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, listenerOf(options));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return { port: portOf(server), close: () => closed(server) };
}

function portOf(server: Server): number {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the metrics are served at no port');
  return address.port;
}

async function closed(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
