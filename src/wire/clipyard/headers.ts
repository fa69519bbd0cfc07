/** Headers that orders and streams take beside body and query, as they are described; each route reads them by itself. */

import { z } from 'zod';
import { VALID_KEY } from '../../domain/idempotency-key.ts';

const optional = (meaning: string) => z.string().optional().describe(meaning);

/** An instant, or how far it is away. */
const moment = (meaning: string) =>
  z
    .string()
    .regex(/^([1-9]\d{0,8}|\d{4}-\d{2}-\d{2}(T.+)?)$/)
    .optional()
    .describe(`${meaning}: ISO 8601, UTC where it names no zone, or whole seconds from now.`);

/** Of what is made once under a key. */
export const keyedHeaders = z.object({
  'Idempotency-Key': z
    .string()
    .regex(VALID_KEY)
    .optional()
    .describe('The same key with the same request is the same order, made and paid once.'),
});

/** Of a create. */
export const createHeaders = keyedHeaders.extend({
  'x-callback-url': optional('Told of the end, as a webhook.'),
  'x-start-before': moment('Not begun by then is not made'),
  'x-end-before': moment('Not ended by then is cancelled'),
  'x-priority': z.enum(['low', 'normal', 'high']).optional().describe("Among the caller's own videos."),
});

/** Of a create of one clip, which has one place to be delivered to. */
export const clipHeaders = createHeaders.extend({
  'x-deliver-to': optional('A URL that is signed for one `PUT`, where the clip is brought.'),
});

/** Of a stream of events. */
export const followHeaders = z.object({
  'Last-Event-ID': optional('The id of the last event that came: the stream goes on behind it.'),
});
