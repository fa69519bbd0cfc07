/** Which model is chosen for a request that names none. */

import { choose } from '../../src/domain/prefer.ts';
import type { Preference, VideoDraft } from '../../src/domain/video-request.ts';
import { makeOffer } from '../builders.ts';

const DRAFT: VideoDraft = { model: null, mode: 'text', prompt: 'a lighthouse', images: [], extra: {} };
const { capabilities } = makeOffer();
const OFFERS = [
  makeOffer({ model: 'dear', pricePerSecondMicroUsd: 900_000 }),
  makeOffer({ model: 'plain', pricePerSecondMicroUsd: 200_000 }),
  makeOffer({ model: 'cheap', pricePerSecondMicroUsd: 100_000 }),
  makeOffer({ model: 'cheap', pricePerSecondMicroUsd: 50_000, account: 'airforce-2' }),
  makeOffer({
    model: 'grand',
    pricePerSecondMicroUsd: 2_000_000,
    capabilities: { ...capabilities, modes: ['text'], qualities: ['4k'], maxDurationSeconds: 6 },
  }),
];

function chosen(prefer: Preference, more: Partial<VideoDraft> = {}, offers = OFFERS) {
  return choose({ ...DRAFT, prefer, ...more }, offers).offer.model;
}

test.each([
  ['cheapest', 'cheap'],
  ['balanced', 'plain'],
  ['smartest', 'grand'],
] as const)('%s takes %s by the price of a second (IN-11, X16)', (prefer, model) => {
  expect(chosen(prefer)).toBe(model);
});

test.each([
  ['the mode', { mode: 'image' }, 'dear'],
  ['the duration', { durationSeconds: 10 }, 'dear'],
  ['the resolution', { quality: '720p' }, 'dear'],
  ['a resolution that one has', { quality: '4k' }, 'grand'],
] as const)('only models that take %s are chosen from (IN-10, X16)', (_, more, model) => {
  expect(chosen('smartest', more)).toBe(model);
});

test('a single model suits every preference', () => {
  const [only] = OFFERS;
  for (const prefer of ['cheapest', 'balanced', 'smartest'] as const) {
    expect(chosen(prefer, {}, only === undefined ? [] : [only])).toBe('dear');
  }
});

test('the preferred account of a model speaks for it', () => {
  const { offer } = choose({ ...DRAFT, prefer: 'cheapest' }, OFFERS);
  expect(offer).toMatchObject({ account: 'airforce-1', pricePerSecondMicroUsd: 100_000 });
});

test('a model that is named is taken under every preference', () => {
  expect(chosen('cheapest', { model: 'dear' })).toBe('dear');
  expect(() => chosen('cheapest', { model: 'none' })).toThrow(expect.objectContaining({ kind: 'unknown_model' }));
});

test('what no model takes is refused with a reason', () => {
  const refused = () => chosen('balanced', { durationSeconds: 99 });
  expect(refused).toThrow(/model dear makes .*; model plain makes .*; model cheap makes .*; model grand makes /);
  expect(refused).toThrow(expect.objectContaining({ kind: 'invalid_request', param: 'duration_seconds' }));
  expect(() => chosen('balanced', {}, [])).toThrow(expect.objectContaining({ kind: 'invalid_request' }));
});
