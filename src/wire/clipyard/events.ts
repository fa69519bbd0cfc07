/** Our own routes of live events: paths and queries. */

import { z } from 'zod';
import { VIDEO_STATES } from '../../domain/video.ts';
import { instant, listOf, named, ofCaller, text, V1, WITH_COMMAS } from './fields.ts';

export const EVENT_PATHS = {
  video: `${V1}/videos/:id/events`,
  all: `${V1}/events`,
  tokens: `${V1}/stream-tokens`,
} as const;

const token = z.string().optional().describe('A stream token, in place of the key.');

export const videoEventsQuery = z.strictObject({ token });

export const eventsQuery = z.strictObject({
  token,
  caller: ofCaller,
  batchId: text.optional(),
  state: listOf(VIDEO_STATES).optional().meta(WITH_COMMAS),
});

export const streamTokenBody = z
  .strictObject({ videoId: text.optional().describe('Opens the streams of this video alone.') })
  .prefault({});

export const streamTokenAnswer = named('StreamToken', { token: z.string(), expiresAt: instant });
