/** What states and ends are called, and what they mean, in words for people. */

import type { Video, VideoState } from '../answers.ts';
import { sentence } from './format.ts';

export const STATE_WORDS: Readonly<Record<VideoState, string>> = {
  queued: 'Queued',
  submitting: 'Submitting',
  unconfirmed: 'Unconfirmed',
  generating: 'Generating',
  archiving: 'Archiving',
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Cancelled',
  expired: 'Expired',
};

const FAILURES: Readonly<Record<string, string>> = {
  upstream_failed: 'The upstream reports that the task failed.',
  upstream_refused: 'The upstream refused to make it.',
  input_image_unusable: 'An input image could not be used.',
  upstream_no_output: 'The upstream reports success, and gave no clip.',
  answer_lost: "The upstream's answer was lost, and nothing tells whether a task was made.",
  result_expired: "The upstream's link was dead before the clip was here.",
  result_invalid: "What stands at the upstream's link is not a video.",
  deadline_exceeded: 'It was not finished in the time it had.',
  cancelled: 'It was cancelled.',
  no_account: 'No account can make it.',
  start_refused: 'Temporal refused to start it.',
};

export function failureWords(kind: string): string {
  return FAILURES[kind] ?? kind.replaceAll('_', ' ');
}

const OPEN: Readonly<Partial<Record<VideoState, string>>> = {
  queued: 'It is accepted and waits for its turn.',
  submitting: 'It has a slot, and is being handed to the upstream.',
  unconfirmed: "The answer to its create was lost; the account's list decides whether a task was made.",
  generating: 'The upstream is making it.',
  archiving: 'The upstream is done; the clip is being downloaded and verified.',
};

/** Why it is where it is, in a sentence; null where its state says all. */
export function whyOf({ state, waitingFor, queuePosition, failure, cost }: Video): string | null {
  if (failure !== null) return failureWords(failure.kind);
  if (state === 'cancelled')
    return cost.settledMicroUsd ? 'It was cancelled too late: its task completed and is paid.' : null;
  if (state === 'expired') return 'It had no slot in time, or its task outlived its deadline. Nothing is charged.';
  const place =
    queuePosition === null ? '' : ` ${queuePosition === 1 ? 'It is next.' : `${queuePosition - 1} are before it.`}`;
  if (waitingFor !== null) return `${sentence(waitingFor.detail)}${place}`;
  const open = OPEN[state];
  return open === undefined ? null : open + place;
}
