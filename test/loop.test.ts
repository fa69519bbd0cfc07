/** The loop: every dialect in front of every provider, each against the sandbox's face of the same document. */

import { syncConfiguredModels } from '../src/catalog/models.ts';
import { DIALECTS, type DialectName, PROVIDERS, type ProviderName } from '../src/domain/vendor.ts';
import { type Stack, startStack } from './stack.ts';

const SECONDS = 4;

interface Create {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: object;
}

/** A create in each dialect's words: the same clip, with a seed that nobody documents. */
const CREATES = {
  airforce: (prompt) => ({
    url: '/airforce/v1/video/generations',
    body: { model: 'loop', prompt, duration_seconds: SECONDS, aspect_ratio: '16:9', quality: '720p', seed: 7 },
  }),
  'airforce-2024': (prompt) => ({
    url: '/airforce-2024/v1/video/generations',
    body: { model: 'loop', prompt, duration_seconds: SECONDS, aspect_ratio: '16:9', quality: '720p', seed: 7 },
  }),
  infrai: (prompt) => ({
    url: '/infrai/v1/video/generate',
    body: { model: 'loop', prompt, duration_seconds: SECONDS, aspect: '16:9', resolution: '720p', seed: 7 },
  }),
  a4f: (prompt) => ({
    url: '/a4f/v1/video/generations',
    body: { model: 'loop', prompt, duration: SECONDS, ratio: '16:9', quality: '720p', seed: 7 },
  }),
  'ai-gateway': (prompt) => ({
    url: '/ai-gateway/v4/ai/video-model/start',
    headers: { 'ai-model-id': 'loop' },
    body: { prompt, n: 1, duration: SECONDS, aspectRatio: '16:9', resolution: '1280x720', seed: 7 },
  }),
  openai: (prompt) => ({
    url: '/openai/v1/videos',
    body: { model: 'loop', prompt, seconds: String(SECONDS), size: '1280x720', seed: 7 },
  }),
} as const satisfies Record<DialectName, (prompt: string) => Create>;

/** What the model is called at each upstream, and how the clip's words must arrive there. */
const ARRIVALS = {
  airforce: {
    upstreamModel: 'sandbox-mini',
    body: { model: 'sandbox-mini', duration_seconds: SECONDS, aspect_ratio: '16:9', quality: '720p', seed: 7 },
  },
  infrai: {
    upstreamModel: 'cheapest',
    body: { prefer: 'cheapest', duration_seconds: SECONDS, aspect: '16:9', resolution: '720p', seed: 7 },
  },
  a4f: {
    upstreamModel: 'provider-2/kling-v2.1',
    body: { model: 'provider-2/kling-v2.1', duration: SECONDS, ratio: '16:9', quality: '720p', seed: 7 },
  },
  openai: {
    upstreamModel: 'sora-2',
    body: { model: 'sora-2', seconds: String(SECONDS), size: '1280x720', seed: 7 },
  },
} as const satisfies Record<ProviderName, { upstreamModel: string; body: object }>;

describe.each(PROVIDERS)('provider %s', (provider) => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({ provider, speed: 50 });
    await syncConfiguredModels(stack.db, [
      {
        id: 'loop',
        accounts: ['sandbox'],
        upstreamModel: ARRIVALS[provider].upstreamModel,
        pricePerSecondMicroUsd: 10_000,
        durationsSeconds: null,
        minDurationSeconds: 1,
        maxDurationSeconds: 8,
        aspectRatios: ['16:9', '9:16'],
        qualities: ['720p', '1080p'],
        modes: ['text'],
      },
    ]);
  }, 300_000);

  afterAll(async () => {
    await stack?.close();
  });

  test.each(DIALECTS)('makes what the dialect %s asks for', async (dialect) => {
    const prompt = `from ${dialect} to ${provider}`;
    const { url, headers, body }: Create = CREATES[dialect](prompt);
    const answer = await stack.app.inject({
      method: 'POST',
      url,
      headers: { ...stack.headers, ...headers },
      payload: body,
    });
    expect(answer.statusCode).toBe(200);
    const { task_id, job_id, id, operation } = answer.json();
    const videoId = task_id ?? job_id ?? id ?? operation?.videos[0] ?? String(answer.headers['x-video-id']);
    const video = await stack.ended(videoId);
    expect(video).toMatchObject({ state: 'completed', provider, dialect, submissions: 1 });
    expect(video.archive).toMatchObject({ durationMs: SECONDS * 1000, codec: 'avc' });
    const { tasks } = await stack.bill();
    const arrived = tasks.filter(({ request }) => request['prompt'] === prompt);
    expect(arrived).toHaveLength(1);
    expect(arrived[0]?.request).toEqual(expect.objectContaining(ARRIVALS[provider].body));
  });
});
