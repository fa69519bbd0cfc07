/** A new `CLIPYARD_SECRET_KEY`, as docs/recipes.md has it: what was sealed before is unreadable, and given anew. */

import { renewCallbackSecret } from '../../src/catalog/callback-secrets.ts';
import { createSecretBox } from '../../src/catalog/secret-box.ts';
import { activeSecrets, createEndpoint, listEndpoints, newestHint, rotateSecret } from '../../src/catalog/webhooks.ts';
import { EVENT_TYPES } from '../../src/domain/webhook.ts';
import { openMemoryCatalog } from '../catalog/memory-catalog.ts';

test('an endpoint signs again once it was given another secret, without the old one', async () => {
  const { db, close } = await openMemoryCatalog();
  const [before, after] = ['old', 'new'].map((key) => ({ db, secrets: createSecretBox(`${key}-key-of-the-tests`) }));
  if (!before || !after) throw new Error('there are two');
  const wanted = { callerId: 'caller_1', url: 'https://a.example/hook', words: 'own', description: null } as const;
  const { endpoint } = await createEndpoint(before, { ...wanted, events: EVENT_TYPES });
  await expect(activeSecrets(after, endpoint.id)).rejects.toThrow('CLIPYARD_SECRET_KEY');
  expect(await listEndpoints(after, 'caller_1')).toEqual([{ ...endpoint, secretHint: 'unreadable, to be replaced' }]);
  const { secret } = await rotateSecret(after, { callerId: 'caller_1', id: endpoint.id }, 0);
  expect(await activeSecrets(after, endpoint.id)).toEqual([secret]);
  expect(await listEndpoints(after, 'caller_1')).toMatchObject([{ secretHint: `whsec_…${secret.slice(-4)}` }]);
  await close();
});

test('a caller sees that its callback secret has to be given anew', async () => {
  const { db, close } = await openMemoryCatalog();
  const [before, after] = ['old', 'new'].map((key) => ({ db, secrets: createSecretBox(`${key}-key-of-the-tests`) }));
  if (!before || !after) throw new Error('there are two');
  await renewCallbackSecret(before, 'caller_1', 0);
  expect(await newestHint(after, 'caller_1')).toBe('unreadable, to be replaced');
  const secret = await renewCallbackSecret(after, 'caller_1', 0);
  expect(await newestHint(after, 'caller_1')).toBe(`whsec_…${secret.slice(-4)}`);
  await close();
});
