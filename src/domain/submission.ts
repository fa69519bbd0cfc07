/** A submission's states and what each means, and how a task's end is kept in its row. */

import type { UpstreamWords } from './failure.ts';
import type { ClipPlace } from './provider.ts';
import type { StoredClip } from './video.ts';

/** While open, a submission is a slot. */
export const OPEN_SUBMISSION_STATES = ['granted', 'sending', 'unconfirmed', 'running'] as const;
export type OpenSubmissionState = (typeof OPEN_SUBMISSION_STATES)[number];

/**
 * `granted` the slot is reserved, `sending` a create may be on its way, `unconfirmed` its answer was lost, `running`
 * the task is known; `ended` the task ended, `void` no task was made.
 */
export type SubmissionState = OpenSubmissionState | 'ended' | 'void';

/** Whether a submission in this state is a slot. */
export function isOpenState(state: SubmissionState): boolean {
  return (OPEN_SUBMISSION_STATES as readonly SubmissionState[]).includes(state);
}

/** In doubt: a task may have been made that is not known yet. */
export const DOUBTFUL_SUBMISSION_STATES = ['sending', 'unconfirmed'] as const satisfies readonly SubmissionState[];

/** Whether a task may have been made for it that is not known yet. */
export function isInDoubt({ state }: { readonly state: SubmissionState }): boolean {
  return (DOUBTFUL_SUBMISSION_STATES as readonly SubmissionState[]).includes(state);
}

/** May have a task upstream: what runs, and what is in doubt. */
export const TASK_SUBMISSION_STATES = [
  ...DOUBTFUL_SUBMISSION_STATES,
  'running',
] as const satisfies readonly SubmissionState[];

/** Whether it has a task upstream, or may have one. */
export function mayHaveTask({ state }: { readonly state: SubmissionState }): boolean {
  return (TASK_SUBMISSION_STATES as readonly SubmissionState[]).includes(state);
}

/** How a task ended upstream. */
export type TaskEnd =
  | {
      readonly kind: 'succeeded';
      readonly resultUrl: string | null;
      /** The clip came with the create's answer and lies in the media store under the video's key. */
      readonly stored?: StoredClip;
      readonly needsKey: boolean;
      /** Where else the clip may be. */
      readonly otherwise?: ClipPlace | undefined;
      readonly expiresAt: string;
    }
  | { readonly kind: 'failed'; readonly upstream: UpstreamWords };
