/** What the tests of the airforce provider start from: a request, the task made of it, and a call. */

import type { VideoRequest } from '../../src/domain/video-request.ts';
import type { StartCall } from '../../src/providers/provider.ts';
import type { ScriptedServer } from '../net/scripted-server.ts';

/** Eight seconds of video from words alone. */
export const REQUEST: VideoRequest = {
  model: 'wan',
  mode: 'text',
  prompt: 'a lighthouse',
  durationSeconds: 8,
  aspectRatio: '16:9',
  quality: '720p',
  images: [],
  extra: {},
};
/** The task as its create shows it (AF-20 to AF-26). */
export const CREATED = {
  task_id: 'task-1',
  status: 'queued',
  model: 'wan-2.6',
  created: 1_700_000_000,
  expires_at: 1_700_086_400,
  progress: 0,
  cost_cents: 320,
};

/** A call of an airforce account at an upstream. */
export function callTo(server: ScriptedServer, overrides: Partial<StartCall> = {}): StartCall {
  return {
    baseUrl: server.origin,
    apiKey: 'sk-air-test',
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
