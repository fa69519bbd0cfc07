/** Connections to Temporal: a client's that is made at once and works when the server does, and a worker's that waits. */

import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker';
import type { Log } from '../domain/log.ts';

/** Where the server is and how to be let in. */
export type ConnectionSettings = Pick<NativeConnectionOptions, 'address' | 'tls' | 'apiKey' | 'metadata'>;

export interface TemporalClient {
  readonly connection: Connection;
  readonly client: Client;
  close(): Promise<void>;
}

/**
 * gRPC would wait up to two minutes before it tries a server again; callers would find Temporal away long after its
 * return. And it would go through the proxy that the environment names for upstreams, as no other part does.
 */
export const CHANNEL_ARGS = {
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 2_000,
  'grpc.enable_http_proxy': 0,
};

/** A client that connects on its first call, so it can be made while Temporal is away. Deadlines are the caller's. */
export function openTemporalClient(
  settings: ConnectionSettings,
  namespace: string,
  dataConverter?: DataConverter,
): TemporalClient {
  const { address, tls, apiKey, metadata } = settings;
  const connection = Connection.lazy({
    ...(address === undefined ? {} : { address }),
    ...(tls === undefined ? {} : { tls }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(metadata === undefined ? {} : { metadata }),
    channelArgs: CHANNEL_ARGS,
  });
  const client = new Client({ connection, namespace, ...(dataConverter && { dataConverter }) });
  return { connection, client, close: () => connection.close() };
}

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5_000;

/**
 * The connection that workers poll through: tried until the server answers.
 * @throws the signal's reason when it is aborted first.
 */
export async function connectWorker(
  settings: ConnectionSettings,
  log: Log,
  signal: AbortSignal,
): Promise<NativeConnection> {
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    signal.throwIfAborted();
    try {
      return await NativeConnection.connect(settings);
    } catch (error) {
      log.warn({ err: error, address: settings.address, retryMs: waitMs }, 'Temporal cannot be reached yet');
    }
    await sleep(waitMs, undefined, { signal });
  }
}
