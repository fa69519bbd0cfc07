/** What an offer takes, which values a draft resolves to, and what the clip costs. */

import { chooseOffer, estimateMicroUsd, type ModelOffer, resolveDraft } from '../../src/domain/models.ts';
import type { VideoDraft } from '../../src/domain/video-request.ts';

const OFFER: ModelOffer = {
  model: 'wan-2.6',
  account: 'airforce-1',
  provider: 'airforce',
  upstreamModel: 'wan-2.6',
  pricePerSecondMicroUsd: 400_000,
  capabilities: {
    modes: ['text', 'image'],
    aspectRatios: ['16:9', '9:16'],
    qualities: ['720p', '1080p'],
    minDurationSeconds: 5,
    maxDurationSeconds: 10,
    durationsSeconds: null,
  },
};
const DRAFT: VideoDraft = { model: 'wan-2.6', mode: 'text', prompt: 'a lighthouse', images: [], extra: {} };

const offerWith = (capabilities: Partial<ModelOffer['capabilities']>): ModelOffer => ({
  ...OFFER,
  capabilities: { ...OFFER.capabilities, ...capabilities },
});

describe('a draft at an offer', () => {
  test('without values takes the defaults of the model (AF-12)', () => {
    expect(resolveDraft(DRAFT, OFFER)).toEqual({ durationSeconds: 5, aspectRatio: '16:9', quality: '720p' });
  });

  test('keeps the values that the model takes', () => {
    const draft = { ...DRAFT, durationSeconds: 10, aspectRatio: '9:16', quality: '1080p' };
    expect(resolveDraft(draft, OFFER)).toEqual({ durationSeconds: 10, aspectRatio: '9:16', quality: '1080p' });
  });

  test('takes the shortest of certain durations as default', () => {
    const offer = offerWith({ durationsSeconds: [12, 4, 8], minDurationSeconds: 1, maxDurationSeconds: 60 });
    expect(resolveDraft(DRAFT, offer).durationSeconds).toBe(4);
  });

  test('is free where the model states no restriction', () => {
    const offer = offerWith({ modes: [], aspectRatios: [], qualities: [] });
    const draft: VideoDraft = { ...DRAFT, mode: 'reference', aspectRatio: '21:9' };
    expect(resolveDraft(draft, offer)).toEqual({ durationSeconds: 5, aspectRatio: '21:9', quality: null });
  });

  test.each<[string, Partial<VideoDraft>, ModelOffer]>([
    ['mode', { mode: 'reference' }, OFFER],
    ['duration_seconds', { durationSeconds: 4 }, OFFER],
    ['duration_seconds', { durationSeconds: 11 }, OFFER],
    ['duration_seconds', { durationSeconds: 6 }, offerWith({ durationsSeconds: [5, 8] })],
    ['aspect_ratio', { aspectRatio: '1:1' }, OFFER],
    ['quality', { quality: '4k' }, OFFER],
  ])('with a bad %s is refused by its name (AF-11 to AF-14, A4-22)', (param, change, offer) => {
    expect(() => resolveDraft({ ...DRAFT, ...change }, offer)).toThrow(
      expect.objectContaining({ kind: 'invalid_request', param }),
    );
  });
});

describe('the offer of a draft', () => {
  const short = { ...offerWith({ maxDurationSeconds: 6 }), account: 'short' };

  test('is the first that takes it', () => {
    expect(chooseOffer({ ...DRAFT, durationSeconds: 5 }, [short, OFFER]).offer).toBe(short);
    expect(chooseOffer({ ...DRAFT, durationSeconds: 8 }, [short, OFFER]).offer).toBe(OFFER);
  });

  test('is missing for the reason of the first', () => {
    expect(() => chooseOffer({ ...DRAFT, durationSeconds: 60 }, [short, OFFER])).toThrow('5 to 6 seconds');
    expect(() => chooseOffer(DRAFT, [])).toThrow(expect.objectContaining({ kind: 'unknown_model' }));
  });
});

test.each([
  ['a4f', 'image', 0, 'takes no images'],
  ['a4f', 'image', 1, 'takes no images'],
  ['openai', 'reference', 2, 'takes 1 input images at openai, not 2'],
  ['infrai', 'reference', 2, 'takes 1 input images at infrai, not 2'],
] as const)('%s is not offered %s with %i images', (provider, mode, count, problem) => {
  const images = Array(count).fill({ kind: 'url', url: 'https://example.com/a.png' });
  const draft: VideoDraft = { ...DRAFT, mode, images };
  const offer = { ...offerWith({ modes: ['text', 'image', 'reference'] }), provider };
  expect(() => resolveDraft(draft, offer)).toThrow(problem);
  const other = { ...offer, account: 'airforce-2', provider: 'airforce' } as const;
  expect(chooseOffer(draft, [offer, other]).offer.account).toBe('airforce-2');
});

test('a clip costs its seconds times the price (AF-05, AF-26, AF-47)', () => {
  expect(estimateMicroUsd(OFFER, 8)).toBe(3_200_000);
  expect(estimateMicroUsd({ ...OFFER, pricePerSecondMicroUsd: 33_333 }, 0.5)).toBe(16_667);
});
