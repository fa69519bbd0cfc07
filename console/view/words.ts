/** What states and ends are called, and what they mean, in words for people. */

import type { Video, VideoState } from '../answers.ts';
import { ago, sentence, spaced } from './format.ts';

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

interface FailureWords {
  readonly words: string;
  readonly advice: string | null;
}

const FAILURES: Readonly<Record<string, FailureWords>> = {
  upstream_failed: {
    words: 'The upstream reports that the task failed.',
    advice: 'Ask for the clip again; where the upstream names the prompt or an image, change that first.',
  },
  upstream_refused: {
    words: 'The upstream refused to make it.',
    advice: 'Change the request as the upstream says; it will refuse the same one again.',
  },
  input_image_unusable: {
    words: 'An input image could not be used.',
    advice: 'Put the image where it can be fetched, or send it as a file.',
  },
  upstream_no_output: {
    words: 'The upstream reports success, and gave no clip.',
    advice: 'Ask for the clip again.',
  },
  answer_lost: {
    words: "The upstream's answer was lost, and nothing tells whether a task was made.",
    advice:
      'Ask for the clip again: nothing is charged for this one. Its upstream may bill it all the same, so who runs the account looks at its list of tasks first.',
  },
  result_expired: {
    words: "The upstream's link was dead before the clip was here.",
    advice: 'Have its link fetched once more, or ask for the clip again.',
  },
  result_invalid: {
    words: "What stands at the upstream's link is not a video.",
    advice: 'Ask for the clip again.',
  },
  deadline_exceeded: {
    words: 'It was not finished in the time it had.',
    advice: 'Ask for the clip again, with more time where it is short.',
  },
  cancelled: { words: 'It was cancelled.', advice: null },
  no_account: { words: 'No account can make it.', advice: 'Ask for the clip again when an account offers the model.' },
  start_refused: {
    words: 'Temporal refused to start it.',
    advice: 'Tell the operator: the words of Temporal name a limit or a defect.',
  },
};

export function failureWords(kind: string): string {
  return FAILURES[kind]?.words ?? spaced(kind);
}

/** What to do about a failure; the buttons of its page do it. */
export function adviceOn(kind: string): string | null {
  return FAILURES[kind]?.advice ?? null;
}

const OPEN: Readonly<Partial<Record<VideoState, string>>> = {
  queued: 'It is accepted and waits for its turn.',
  submitting: 'It has a slot, and is being handed to the upstream.',
  unconfirmed: "The answer to its create was lost; the account's list decides whether a task was made.",
  generating: 'The upstream is making it.',
  archiving: 'The upstream is done; the clip is being downloaded and verified.',
};

/** When a wait ends by itself, in a sentence; null where that is not known. A doubt is judged anew then, and nothing is sent. */
export function waitEnds({ state, waitingFor }: Pick<Video, 'state' | 'waitingFor'>, nowMs: number): string | null {
  if (waitingFor === null || waitingFor.until === null) return null;
  return `It is ${state === 'unconfirmed' ? 'looked at' : 'tried'} again ${ago(waitingFor.until, nowMs)}.`;
}

function placeWords(position: number): string {
  if (position === 1) return 'It is next.';
  return position === 2 ? 'One is before it.' : `${position - 1} are before it.`;
}

/** Why it is where it is, in a sentence; null where its state says all. */
export function whyOf({ state, waitingFor, queuePosition, failure, cost, delivery }: Video): string | null {
  if (failure !== null) return failureWords(failure.kind);
  if (state === 'cancelled')
    return cost.settledMicroUsd ? 'It was cancelled too late: its task completed and is paid.' : null;
  if (state === 'expired') return 'It had no slot in time, or its task outlived its deadline. Nothing is charged.';
  if (delivery?.state === 'failed')
    return `The clip is here, and could not be delivered to its storage: ${sentence(delivery.message ?? 'no reason is known')}`;
  if (delivery?.state === 'waiting' && delivery.message !== null)
    return `The clip is here, and its delivery is tried again: ${sentence(delivery.message)}`;
  const place = queuePosition === null ? '' : ` ${placeWords(queuePosition)}`;
  if (waitingFor !== null) return `${sentence(waitingFor.detail)}${place}`;
  const open = OPEN[state];
  return open === undefined ? null : open + place;
}
