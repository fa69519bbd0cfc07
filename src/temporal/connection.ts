/** Connections of clients to Temporal: made at once, and at work when the server is. */

import { Client, Connection, isGrpcServiceError } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { defined } from '../domain/defined.ts';

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
  const connection = Connection.lazy(defined({ address, tls, apiKey, metadata, channelArgs: CHANNEL_ARGS }));
  const client = new Client({ connection, namespace, ...(dataConverter && { dataConverter }) });
  return { connection, client, close: () => connection.close() };
}

/** What the server, or the way to it, says of a call that failed; null for what is no failure of a call. */
export function findCallFailure(error: unknown): { readonly code: number; readonly details: string } | null {
  return isGrpcServiceError(error) ? { code: error.code, details: error.details } : null;
}
