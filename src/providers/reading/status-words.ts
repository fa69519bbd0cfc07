/** What upstreams call the states of a task: one table for all of them. */

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
    'pending',
    'submitted',
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
  ],
  succeeded: ['completed', 'complete', 'succeeded', 'succeed', 'success', 'successful', 'done', 'finished', 'ready'],
  failed: [
    'failed',
    'failure',
    'fail',
    'error',
    'errored',
    'cancelled',
    'canceled',
    'expired',
    'rejected',
    'refused',
    'deleted',
    'aborted',
    'timeout',
    'timed_out',
    'terminated',
    'interrupted',
    'blocked',
    'moderated',
    'content_moderated',
    'request_moderated',
  ],
};

const MEANINGS: ReadonlyMap<string, Meaning> = new Map(
  (['pending', 'succeeded', 'failed'] as const).flatMap((meaning) => WORDS[meaning].map((word) => [word, meaning])),
);

/** A word as the table spells it: its case and what stands between its parts do not count. */
export function plainWord(word: string): string {
  const plain = word
    .trim()
    .toLowerCase()
    .replaceAll(/[\s-]+/g, '_');
  return plain === 'canceled' ? 'cancelled' : plain;
}

/** What a word says of a task; undefined for one that is not known. */
export function meaningOf(word: string): Meaning | undefined {
  return MEANINGS.get(plainWord(word));
}
