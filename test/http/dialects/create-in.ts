/** A create in the words of a dialect, as far as the gateway that only writes orders down. */

import { DIALECTS } from '../../../src/dialects/index.ts';
import type { DialectName } from '../../../src/domain/vendor.ts';
import { AUTHORIZATION, makeApp } from '../test-app.ts';

/** What each dialect wants beside a prompt. */
const CREATE: Readonly<Record<DialectName, object>> = {
  airforce: { model: 'wan-2.6' },
  'airforce-2024': { model: 'wan-2.6' },
  infrai: { model: 'wan-2.6' },
  openai: { model: 'wan-2.6' },
  a4f: { model: 'wan-2.6', quality: '720p', duration: 5 },
  'ai-gateway': {},
};

function createOf(name: DialectName) {
  const route = DIALECTS[name].routes.find(({ kind }) => ['create', 'createAndWait', 'createMany'].includes(kind));
  return `/${name}${route?.path}`;
}

/** The answer, and the order that came of it; none for a refusal. */
export async function create(name: DialectName, body: object = {}, headers: object = {}) {
  const { app, gateway } = makeApp({ syncWaitSeconds: 0.001 });
  const answer = await app.inject({
    method: 'POST',
    url: createOf(name),
    headers: { ...AUTHORIZATION, 'ai-model-id': 'wan-2.6', ...headers },
    payload: { ...CREATE[name], prompt: 'a fox', ...body },
  });
  return { answer, order: gateway.orders[0] };
}
