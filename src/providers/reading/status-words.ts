/** What upstreams call the states of a task: one table for all of them. */

import { plainWord } from '../../domain/plain-word.ts';

/** What a word says of a task. */
export type Meaning = 'pending' | 'succeeded' | 'failed';

/**
 * In lower case with `_` between parts. The documented words (AF-29, AO-09, OV-17, X3) are among them; IN-13 documents
 * none, and many servers of one API say another's, so the others are what the trade says for the same.
 */
const WORDS: Readonly<Record<Meaning, readonly string[]>> = {
  pending: [
    'queued',
    'queueing',
    'in_queue',
    'enqueued',
    'pending',
    'new',
    'init',
    'initializing',
    'initialized',
    'submitted',
    'submitting',
    'dispatched',
    'validating',
    'created',
    'accepted',
    'scheduled',
    'waiting',
    'not_start',
    'not_started',
    'throttled',
    'preparing',
    'starting',
    'started',
    'running',
    'active',
    'processing',
    'in_progress',
    'generating',
    'rendering',
    'encoding',
    'uploading',
    'finalizing',
    'retrying',
    'cancelling',
  ],
  succeeded: [
    'completed',
    'complete',
    'succeeded',
    'succeed',
    'success',
    'successful',
    'done',
    'finish',
    'finished',
    'ready',
  ],
  failed: [
    'failed',
    'failure',
    'fail',
    'error',
    'errored',
    'cancelled',
    'canceled',
    'cancel',
    'expired',
    'rejected',
    'denied',
    'refused',
    'deleted',
    'aborted',
    'timeout',
    'timed_out',
    'terminated',
    'killed',
    'stopped',
    'interrupted',
    'blocked',
    'filtered',
    'content_filtered',
    'nsfw',
    'moderated',
    'moderation_failed',
    'content_moderated',
    'request_moderated',
  ],
};

const MEANINGS: ReadonlyMap<string, Meaning> = new Map(
  (['pending', 'succeeded', 'failed'] as const).flatMap((meaning) => WORDS[meaning].map((word) => [word, meaning])),
);

/** What a word says of a task; undefined for one that is not known. */
export function meaningOf(word: string): Meaning | undefined {
  return MEANINGS.get(plainWord(word));
}
