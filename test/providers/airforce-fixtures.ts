/** What the tests of the airforce provider start from: a request, and the task made of it. */

import type { VideoRequest } from '../../src/domain/video-request.ts';

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
