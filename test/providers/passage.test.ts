/** Every call of every provider goes out as its account says: with its headers, and what they hold is shown nowhere. */

import type { ProviderCall } from '../../src/domain/provider.ts';
import { makeRequest } from '../builders.ts';
import { json, type ScriptedServer, useScriptedServer } from '../net/scripted-server.ts';
import { CREATING_UPSTREAMS } from './contract-upstreams.ts';
import { makeCall } from './make-call.ts';

let server: ScriptedServer;
useScriptedServer((started) => {
  server = started;
});

const passage = {
  headers: { 'x-tenant': 'one', 'cf-access-client-secret': 'a-secret-value' },
  secrets: ['a-secret-value'],
  proxies: { http: null, https: null, except: [] },
};

describe.each(CREATING_UPSTREAMS)('$name', ({ provider, request, keyHeader = ['authorization', 'Bearer '] }) => {
  const [keyName, beginning] = keyHeader;
  const calls: readonly (readonly [string, (call: ProviderCall) => Promise<unknown> | undefined])[] = [
    ['a create', () => provider.start(makeRequest(request), makeCall(server, { passage }))],
    ['a poll', (call) => provider.poll('task-1', call)],
    ['a cancel', (call) => provider.cancel?.('task-1', call)],
    ['a list', (call) => provider.list?.(call)],
    ['a reading of models', (call) => provider.models?.(call)],
    ['a probe', (call) => provider.probe?.(call)],
    ['a stream', (call) => provider.follow?.('task-1', call)],
  ];

  test.each(calls)('%s has the headers of its account, and shows none of their secrets', async (_name, make) => {
    server.script = json(403, { error: { message: 'the secret a-secret-value is not known' } });
    const said = await Promise.resolve(make(makeCall(server, { passage }))).catch((error: Error) => error);
    for (const { headers } of server.received) {
      expect(headers).toMatchObject({ ...passage.headers, [keyName]: expect.stringContaining(beginning) });
    }
    expect(said instanceof Error ? said.message : JSON.stringify(said ?? null)).not.toContain('a-secret-value');
  });

  test('creates reach the upstream', async () => {
    server.script = json(403, {});
    await provider.start(makeRequest(request), makeCall(server, { passage }));
    expect(server.received).toHaveLength(1);
  });
});
