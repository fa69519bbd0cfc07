/** `ai` with `@ai-sdk/gateway`, unmodified, against a running Clipyard. */

import { joinCallers, type RunningClipyard, runClient } from './running-clipyard.ts';

const ID = expect.stringMatching(/^video_[0-9a-f-]{36}$/);
const CLIP = { mediaType: 'video/mp4', head: expect.stringMatching(/ftyp/) };
const TOO_RED = expect.stringMatching(/too red/);
const unsupported = (feature: string) => ({ type: 'unsupported', feature, details: expect.any(String) });

/** An error as the package's classes show it. */
const refused = (name: string, statusCode: number, isRetryable = false) =>
  expect.objectContaining({ name, statusCode, isRetryable });
const invalid = (statusCode = 400) => refused('GatewayInvalidRequestError', statusCode);

/** Declares the tests; all of them look at one run. */
export function aiSdk(running: () => RunningClipyard): void {
  // biome-ignore lint/suspicious/noExplicitAny: what a program printed
  let found: any;

  const upstream = async (prompt: string) =>
    (await running().requests()).filter((request) => request['prompt'] === prompt);

  beforeAll(async () => {
    const { input } = running();
    const callers = await joinCallers(running());
    found = await runClient(process.execPath, ['ai-sdk.mjs'], { ...input, ...callers });
  }, 150_000);

  test('generateVideo waits on one answer for its clip (GW-01, GW-04)', () => {
    expect(found.long).toEqual({ videos: [CLIP], warnings: [], ids: [ID], header: found.long.ids[0] });
  });

  test('generateVideo with poll starts, asks and gets n clips (GW-02, GW-03, GW-04)', () => {
    expect(found.polled).toMatchObject({ videos: [CLIP, CLIP], warnings: [], ids: [ID, ID] });
  });

  test.each([
    ['withImage', 'from an image', { mode: 'image' }, 1, []],
    ['withFrames', 'from frames', { mode: 'image' }, 1, [unsupported('frameImages')]],
    ['withReferences', 'from references', { mode: 'reference' }, 2, []],
  ])('%s the upstream is sent the images (GW-01, GW-05)', async (call, prompt, request, images, warnings) => {
    expect(found[call]).toMatchObject({ videos: [CLIP], warnings });
    const [sent, ...more] = await upstream(prompt);
    expect(sent).toMatchObject(request);
    expect(sent?.['input_images']).toHaveLength(images);
    expect(more).toEqual([]);
  });

  test('settings arrive upstream, and what cannot be had is a warning (GW-01, GW-05)', async () => {
    expect(found.withOptions.warnings).toEqual([unsupported('fps'), unsupported('providerOptions.gateway')]);
    expect(await upstream('with options')).toEqual([
      expect.objectContaining({
        duration_seconds: 1,
        aspect_ratio: '16:9',
        quality: '720p',
        seed: 7,
        generateAudio: true,
        style: 'film',
      }),
    ]);
  });

  test('generateVideo with webhook is told once of n clips, asks once and has them (GW-02, GW-03, GW-04)', () => {
    const { jobId, ...told } = found.told;
    expect(told).toEqual({
      videos: [CLIP, CLIP],
      requests: [['start'], ['status', 'completed']],
      more: 0,
      isSigned: true,
      event: { type: 'video.completed', data: { jobId, status: 'completed' } },
      deliveryId: `${jobId}-completed`,
    });
  });

  test('startVideo gives an operation whose status leads to a link (GW-02, GW-03, GW-04, GW-05)', () => {
    expect(found.started).toEqual({ operation: { videos: [ID] }, warnings: [] });
    expect(found.settled.videos).toEqual([{ type: 'url', url: expect.any(String), mediaType: 'video/mp4' }]);
    expect(found.settled.seen.at(-1)).toBe('completed');
  });

  test('the models are listed', () => {
    const specification = { specificationVersion: 'v4', provider: 'clipyard', modelId: 'sandbox-mini' };
    expect(found.models).toContainEqual(
      expect.objectContaining({ id: 'sandbox-mini', specification, modelType: 'video' }),
    );
  });

  test('its own download refuses a private address, which docs/routes.md says', () => {
    expect(found.defaultDownload).toMatchObject({ name: 'AI_DownloadError' });
  });

  test('a start that is sent again under its token is the same operation (GW-02)', async () => {
    const { tokens, operations, operation } = found.startedTwice;
    expect(tokens).toEqual([expect.stringMatching(/^aisdk_vid_/), tokens[0]]);
    expect(operations).toEqual([operation, operation]);
    expect(operation.videos).toHaveLength(2);
    expect(found.sameToken[0]).toEqual(found.sameToken[1]);
    expect(found.otherBody).toEqual(invalid(422));
  });

  test('a client that leaves cancels nothing (GW-01)', () => {
    expect(found.left).toMatchObject({ name: 'AbortError', id: ID });
    expect(found.left.seen.at(-1)).toBe('completed');
  });

  test('each refusal has its class and status, before anything is made (GW-06)', () => {
    expect(found.errors).toEqual({
      key: refused('GatewayAuthenticationError', 401),
      startKey: refused('GatewayAuthenticationError', 401),
      model: refused('GatewayModelNotFoundError', 404),
      duration: invalid(),
      count: invalid(),
      foreign: refused('GatewayForbiddenError', 403),
      credit: invalid(402),
      operation: refused('GatewayNotFoundError', 404),
      nonsense: invalid(),
      limit: refused('GatewayRateLimitError', 429, true),
    });
  });

  test('a clip that fails is an error that has no other made (GW-01, GW-03)', async () => {
    const key = await running().join({ creditMicroUsd: 1e9 });
    await running().faults([{ kind: 'failed_task', message: 'too red', rate: 1 }]);
    const failing = await runClient(process.execPath, ['ai-sdk-failing.mjs'], { ...running().input, key });
    await running().faults([]);
    expect(failing).toEqual({
      long: { name: 'GatewayFailedDependencyError', statusCode: 424, isRetryable: false, message: TOO_RED },
      polled: { name: 'Error', message: TOO_RED },
    });
    expect(await upstream('doomed')).toHaveLength(2);
  });
}
