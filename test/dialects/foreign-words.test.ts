/** Other APIs' words for what is paid, which would have no effect: refused by name where unknown keys are not handed on (AF-17). */

import { DIALECTS } from '../../src/dialects/index.ts';
import { Refusal } from '../../src/domain/failure.ts';
import type { DialectName } from '../../src/domain/vendor.ts';

const LENGTH_OF = {
  infrai: 'duration_seconds',
  openai: 'seconds',
  a4f: 'duration',
  'ai-gateway': 'duration',
} as const satisfies Partial<Record<DialectName, string>>;
type Name = keyof typeof LENGTH_OF;

function create(name: Name, more: object) {
  const route = DIALECTS[name].routes.find(({ kind }) => kind.startsWith('create'));
  if (route === undefined || !('parse' in route)) throw new Error(`${name} has no create`);
  const body = { model: 'm', prompt: 'p', quality: '720p', [LENGTH_OF[name]]: 5, ...more };
  return () =>
    (route.parse as (request: object) => unknown)({ params: {}, query: {}, headers: { 'ai-model-id': 'm' }, body });
}

const NAMES = Object.keys(LENGTH_OF) as Name[];
const OTHERS = NAMES.flatMap((name) =>
  ['seconds', 'duration', 'duration_seconds']
    .filter((word) => word !== LENGTH_OF[name])
    .map((word) => [name, word] as const),
);

test.each(OTHERS)('%s refuses %s and says its own word', (name, word) => {
  expect(create(name, { [word]: 8 })).toThrow(
    expect.objectContaining({
      kind: 'invalid_request',
      param: word,
      message: `${word}: is called ${LENGTH_OF[name]} here`,
    }),
  );
  expect(create(name, { [word]: null })).not.toThrow();
});

test.each(OTHERS.filter(([name]) => name !== 'infrai'))('%s names %s where it shows that refusal', (name, word) => {
  const refusal = new Refusal('invalid_request', `${word}: is called ${LENGTH_OF[name]} here`, { param: word });
  expect(DIALECTS[name].renderRefusal(refusal).body).toMatchObject({ error: { param: word } });
});

test.each(NAMES.filter((name) => name !== 'ai-gateway'))('%s makes one clip of a request, and says so', (name) => {
  for (const n of [4, true, [1], '1.0']) {
    expect(create(name, { n })).toThrow(expect.objectContaining({ kind: 'invalid_request', param: 'n' }));
  }
  for (const n of [1, '1', null]) expect(create(name, { n })).not.toThrow();
});
