/** The loop: every dialect in front of every provider, each against the sandbox's face of the same document. */

import { createHash } from 'node:crypto';
import { syncConfiguredModels } from '../src/catalog/models.ts';
import { accounts } from '../src/catalog/tables/accounts.ts';
import { DIALECTS, type DialectName, DOCUMENTED_PROVIDERS, type DocumentedProvider } from '../src/domain/vendor.ts';
import type { Video } from '../src/domain/video.ts';
import { IMAGE_WAYS, IMAGES, type ImageWay, SECONDS, startImageHost } from './image-ways.ts';
import { type Stack, startStack } from './stack.ts';

interface Create {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: object;
}

/** A create in each dialect's words: the same clip, with a seed that no page documents. */
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
    upstreamModel: 'sandbox-mini',
    body: { model: 'sandbox-mini', seconds: String(SECONDS), size: '1280x720', seed: 7 },
  },
} as const satisfies Record<DocumentedProvider, { upstreamModel: string; body: object }>;

interface Outcome {
  readonly status: number;
  readonly body: string;
  /** As it ended; null where none was made. */
  readonly video: Video | null;
}

type Brought = ImageWay['brings'][number];
type ImageHost = Awaited<ReturnType<typeof startImageHost>>;

const bytesOf = (brought: Brought) =>
  'bytes' in brought ? brought.bytes : (Object.entries(IMAGES).find(([path]) => path === brought.path)?.[1] ?? null);

/** How images must arrive at each upstream, as it documents; null where it has no words for them. */
const IMAGE_ARRIVALS = {
  // AF-11, AF-15
  airforce: (brings, mode, { origin }) => ({
    mode,
    input_images: brings.map((one) =>
      'path' in one ? { url: origin + one.path } : { b64_json: one.bytes.toString('base64') },
    ),
  }),
  // IN-07; what is ours is read back below
  infrai: ([one, ...others], _mode, { origin }) => {
    if (one === undefined || others.length > 0) return null;
    const link = expect.stringMatching(/^http:\/\/127\.0\.0\.1\/input-images\/[0-9a-f]{64}\.(png|jpeg)\?expires=/);
    return { reference_image_url: 'path' in one ? origin + one.path : link };
  },
  a4f: () => null,
  // OV-10
  openai: ([one, ...others]) => {
    const bytes = one && bytesOf(one);
    if (!bytes || others.length > 0) return null;
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { input_reference: expect.objectContaining({ sha256, sizeBytes: bytes.length }) };
  },
} as const satisfies Record<
  DocumentedProvider,
  (brings: readonly Brought[], mode: string, host: ImageHost) => Record<string, unknown> | null
>;

describe.each(DOCUMENTED_PROVIDERS)('provider %s', (provider) => {
  let stack: Stack;
  let host: ImageHost;
  /** All at once, or their polls would be most of the time; by prompt. */
  const outcomes = new Map<string, Promise<Outcome>>();

  beforeAll(async () => {
    host = await startImageHost();
    stack = await startStack({ provider, speed: 50, trustedHosts: [host.hostAndPort] });
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
        modes: ['text', 'image', 'reference'],
      },
    ]);
    for (const dialect of DIALECTS) {
      const prompt = textPrompt(dialect);
      outcomes.set(prompt, make(CREATES[dialect](prompt)));
    }
    for (const [name, way] of IMAGE_WAYS) {
      const prompt = imagePrompt(name);
      outcomes.set(prompt, make({ ...way, body: way.body(prompt, host.origin) }));
    }
    // What goes wrong is told by the test that it belongs to.
    await Promise.allSettled(outcomes.values());
  }, 300_000);

  afterAll(async () => {
    await stack?.close();
    await host?.close();
  });

  const textPrompt = (dialect: DialectName) => `from ${dialect} to ${provider}`;
  const imagePrompt = (name: string) => `${name} to ${provider}`;

  async function make({ url, headers, body: payload }: Create): Promise<Outcome> {
    const answer = await stack.app.inject({ method: 'POST', url, headers: { ...stack.headers, ...headers }, payload });
    const { statusCode: status, body } = answer;
    if (status !== 200) return { status, body, video: null };
    const { task_id, job_id, id, operation } = answer.json();
    const videoId = task_id ?? job_id ?? id ?? operation?.videos[0] ?? String(answer.headers['x-video-id']);
    return { status, body, video: await stack.ended(videoId) };
  }

  async function arrivedWith(prompt: string) {
    const { tasks } = await stack.bill();
    return tasks.map(({ request }) => request).filter((request) => request['prompt'] === prompt);
  }

  test.each(DIALECTS)('makes what the dialect %s asks for', async (dialect) => {
    const prompt = textPrompt(dialect);
    const outcome = await outcomes.get(prompt);
    expect(outcome?.status).toBe(200);
    expect(outcome?.video).toMatchObject({ state: 'completed', provider, dialect, submissions: 1 });
    expect(outcome?.video?.archive).toMatchObject({ durationMs: SECONDS * 1000, codec: 'avc' });
    expect(await arrivedWith(prompt)).toEqual([expect.objectContaining(ARRIVALS[provider].body)]);
  });

  test.each(IMAGE_WAYS)('gets the images that come from %s as it documents, or is not asked', async (name, way) => {
    const prompt = imagePrompt(name);
    const { dialect, mode, brings } = way;
    const outcome = await outcomes.get(prompt);
    const images = IMAGE_ARRIVALS[provider](brings, mode, host);
    if (images === null) {
      expect(outcome?.status).toBe(400);
      expect(outcome?.body).toMatch(new RegExp(`takes (no images|1 input images at ${provider}, not 2)`));
      expect(await arrivedWith(prompt)).toEqual([]);
      return;
    }
    expect(outcome?.status).toBe(200);
    expect(outcome?.video).toMatchObject({ state: 'completed', provider, dialect, submissions: 1, request: { mode } });
    const [request, ...others] = await arrivedWith(prompt);
    expect(others).toEqual([]);
    // In a form everything is text, be it the caller's or ours.
    const isForm = provider === 'openai' || way.headers?.['content-type'] !== undefined;
    const seed = isForm ? '7' : 7;
    expect(request).toEqual(expect.objectContaining({ ...ARRIVALS[provider].body, seed, ...images }));
    await expectReadable(request?.['reference_image_url'], brings[0]);
  });

  /** What the upstream was told to fetch from us is the image, without a key. */
  async function expectReadable(link: unknown, brought: Brought | undefined): Promise<void> {
    if (typeof link !== 'string' || brought === undefined || 'path' in brought) return;
    const { pathname, search } = new URL(link);
    const answer = await stack.app.inject(pathname + search);
    expect(answer.rawPayload.equals(brought.bytes)).toBe(true);
  }

  test('an image that is not where its URL says ends the video where its bytes are needed', async () => {
    const prompt = `a missing image to ${provider}`;
    const body = { model: 'loop', prompt, mode: 'image', input_images: [{ url: `${host.origin}/missing.png` }] };
    const { status, video } = await make({ url: '/airforce/v1/video/generations', body });
    if (provider === 'a4f') return expect(status).toBe(400);
    if (provider !== 'openai') return expect(video?.state).toBe('completed');
    expect(video).toMatchObject({
      state: 'failed',
      submissions: 1,
      settledMicroUsd: 0,
      failure: {
        kind: 'input_image_unusable',
        message: `the input image at ${host.origin} answered 404`,
        upstream: null,
      },
    });
    expect(await arrivedWith(prompt)).toEqual([]);
    // The account is not to blame.
    expect(await stack.db.select().from(accounts)).toMatchObject([{ pausedUntil: null, troubles: 0, lastError: null }]);
  });
});
