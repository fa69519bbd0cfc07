/** The states of a submission, and how a task's end is kept in its row. */

import type { UpstreamWords } from '../domain/failure.ts';

/** While open, a submission is a slot. */
export const OPEN_SUBMISSION_STATES = ['granted', 'sending', 'unconfirmed', 'running'] as const;

/**
 * `granted` the slot is reserved, `sending` a create may be on its way, `unconfirmed` its answer was lost, `running`
 * the task is known; `ended` the task ended, `void` no task was made.
 */
export type SubmissionState = (typeof OPEN_SUBMISSION_STATES)[number] | 'ended' | 'void';

/** How a task ended upstream. */
export type TaskEnd =
  | {
      readonly kind: 'succeeded';
      readonly resultUrl: string | null;
      /** The clip came with the create's answer and lies in the media store under the video's key. */
      readonly stored?: { readonly sha256: string; readonly sizeBytes: number };
      readonly needsKey: boolean;
      readonly expiresAt: string;
    }
  | { readonly kind: 'failed'; readonly upstream: UpstreamWords };
