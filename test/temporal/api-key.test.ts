/** The key of a Temporal server that asks for one: it is read from the settings and goes with every call. */

import { once } from 'node:events';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { loadConfig } from '../../src/config/settings.ts';
import { openTemporalClient } from '../../src/temporal/connection.ts';

test('TLS is on with a key', () => {
  const { temporal } = loadConfig({ TEMPORAL_ADDRESS: 'eu.cloud.example:7233', TEMPORAL_API_KEY: 'key-of-the-cloud' });
  expect(temporal).toMatchObject({
    external: true,
    connection: { address: 'eu.cloud.example:7233', apiKey: 'key-of-the-cloud', tls: true },
  });
});

test('a call carries the key', async () => {
  const keys: unknown[] = [];
  const server = createServer().on('stream', (stream, headers) => {
    keys.push(headers['authorization']);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '16' }, { endStream: true });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { temporal } = loadConfig({
    TEMPORAL_ADDRESS: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    TEMPORAL_API_KEY: 'key-of-the-cloud',
    TEMPORAL_TLS: 'false',
  });
  const { connection, close } = openTemporalClient(temporal.connection ?? {}, temporal.namespace);
  await expect(
    connection.withDeadline(Date.now() + 20_000, () => connection.workflowService.describeNamespace({})),
  ).rejects.toMatchObject({ code: 16 });
  await close();
  server.close();
  expect(new Set(keys)).toEqual(new Set(['Bearer key-of-the-cloud']));
});
