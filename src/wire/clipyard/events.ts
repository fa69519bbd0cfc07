/** Our own routes of live events: paths and queries. */

import { z } from 'zod';
import { VIDEO_STATES } from '../../domain/video.ts';
import { listOf, ofCaller, text, V1, WITH_COMMAS } from './fields.ts';

export const EVENT_PATHS = {
  video: `${V1}/videos/:id/events`,
  all: `${V1}/events`,
} as const;

export const videoEventsQuery = z.strictObject({});

export const eventsQuery = z.strictObject({
  caller: ofCaller,
  batchId: text.optional(),
  state: listOf(VIDEO_STATES).optional().meta(WITH_COMMAS),
});
