/** One request over a connection of its own, whose answer's body is lent chunk by chunk, so that no memory is made for it. */

import type { TcpNetConnectOpts } from 'node:net';
import { type buildConnector, Client, type Dispatcher } from 'undici';
import type { Route } from '../proxy/route.ts';
import { LentReads } from './lent-reads.ts';

const BODY_IDLE_TIMEOUT_MS = 30_000;

/** Takes a chunk, which is lent until the function returns; what it returns is waited for before the next. */
export type TakeChunk = (chunk: Uint8Array) => Promise<void> | undefined;

/** A body as it comes. */
export interface LentBody {
  /** Hands over each chunk. Resolves at the body's end; rejects when that does not come, `take` fails, or it is dropped. */
  read(take: TakeChunk): Promise<void>;
  /** Ends it wherever it is, with this reason for its reader. */
  drop(reason?: Error): void;
}

export interface AnswerHead {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface LentRequest {
  readonly route: Pick<Route, 'origin' | 'path' | 'connect'>;
  readonly method: 'GET' | 'HEAD';
  readonly headers: Readonly<Record<string, string>>;
  /** Makes the connector of this one connection where the route has none of its own, whose reads are not lent. */
  readonly connector: (socketOptions: Pick<TcpNetConnectOpts, 'onread'>) => buildConnector.connector;
  /** Ends the exchange, the body included. */
  readonly signal: AbortSignal;
}

const clients = new Set<Client>();

/** Ends all exchanges and closes their connections. */
export async function closeLentConnections(): Promise<void> {
  await Promise.all([...clients].map((client) => client.destroy()));
}

/** A promise, and the functions that settle it; its rejection may go unheard. */
function deferred<Value>() {
  let resolve: (value: Value) => void = () => undefined;
  let reject: (reason: Error) => void = () => undefined;
  const promise = new Promise<Value>((...functions) => {
    [resolve, reject] = functions;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

/** The exchange of one request: its answer's head, and then, once it is read, its body. */
export class LentAnswer implements LentBody, Dispatcher.DispatchHandler {
  readonly #reads = new LentReads();
  readonly #client: Client;
  readonly #head = deferred<AnswerHead>();
  readonly #end = deferred<void>();
  #controller: Dispatcher.DispatchController | null = null;
  #take: TakeChunk = () => undefined;

  constructor({ route, method, headers, connector, signal }: LentRequest) {
    const { origin, path, connect: tunnel } = route;
    const connect = tunnel ?? connector({ onread: this.#reads.onread });
    this.#client = new Client(origin, {
      connect: (target, callback) =>
        connect(target, (...[error, socket]) => {
          if (error) return callback(error, null);
          if (tunnel === undefined) this.#reads.attach(socket);
          callback(null, socket);
        }),
    });
    clients.add(this.#client);
    const abort = () => this.drop(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    signal.addEventListener('abort', abort, { once: true });
    void this.#end.promise.catch(() => undefined).finally(() => signal.removeEventListener('abort', abort));
    this.#client.dispatch({ path, method, headers, headersTimeout: 0, bodyTimeout: BODY_IDLE_TIMEOUT_MS }, this);
  }

  /** Rejects with what the connector or the network report, or the signal's reason. */
  get head(): Promise<AnswerHead> {
    return this.#head.promise;
  }

  read(take: TakeChunk): Promise<void> {
    this.#take = take;
    this.#controller?.resume();
    return this.#end.promise;
  }

  drop(reason = new Error('the answer was not wanted')): void {
    this.#forget(this.#client.destroy(reason));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    given: Dispatcher.ResponseData['headers'],
  ) {
    // Before the answer itself there may be informational ones.
    if (status < 200) return;
    const headers = Object.entries(given).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, [value].flat().join(', ')]],
    );
    this.#reads.lend();
    controller.pause();
    this.#head.resolve({ status, headers: Object.fromEntries(headers) });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const taken = this.#take(chunk);
    if (taken === undefined) return;
    controller.pause();
    taken.then(
      () => controller.resume(),
      (reason: Error) => controller.abort(reason),
    );
  }

  onResponseEnd(): void {
    this.#end.resolve();
    this.#forget(this.#client.close());
  }

  onResponseError(_controller: Dispatcher.DispatchController, reason: Error): void {
    this.#head.reject(reason);
    this.#end.reject(reason);
    this.drop(reason);
  }

  /** Closing what is being destroyed is refused, and means the same here. */
  #forget(closing: Promise<void>): void {
    void closing.catch(() => undefined).finally(() => clients.delete(this.#client));
  }
}
