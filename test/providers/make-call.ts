/** A call of an account at an upstream, as the tests of providers make it. */

import type { StartCall } from '../../src/domain/provider.ts';
import type { ScriptedServer } from '../net/scripted-server.ts';

/** Its secrets and times are the same in all tests. */
export function makeCall(server: Pick<ScriptedServer, 'origin'>, overrides: Partial<StartCall> = {}): StartCall {
  return {
    baseUrl: server.origin,
    apiKey: 'sk-upstream-test',
    signal: new AbortController().signal,
    upstreamModel: 'wan-2.6',
    idempotencyKey: 'submission-1',
    timeoutMs: 10_000,
    storeClip: async () => {
      throw new Error('the answer carries no clip');
    },
    loadImage: async () => ({ bytes: Buffer.from('png'), mediaType: 'image/png' }),
    linkImage: ({ sha256 }) => `https://clips.example/input-images/${sha256}.png`,
    ...overrides,
  };
}
