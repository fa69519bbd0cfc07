/** What a poll is answered with: a task, and when to ask again as long as it runs. */

import type { JsonObject } from '../domain/json.ts';
import { isEnded, type Video } from '../domain/video.ts';
import type { DialectAnswer } from './dialect.ts';

/** The task as its dialect shows it; `pollSeconds` is the dialect's own interval. */
export function pollAnswer({ state }: Video, body: JsonObject, pollSeconds: number): DialectAnswer {
  return isEnded(state)
    ? { status: 200, body }
    : { status: 200, body, headers: { 'retry-after': String(pollSeconds) } };
}
