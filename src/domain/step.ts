/** Where a video's workflow goes on: what its activities answer, and all it has to remember between them. */

import type { VideoFailure } from './failure.ts';
import type { MicroUsd } from './money.ts';
import type { PollTiming } from './poll-schedule.ts';
import type { ProviderName } from './vendor.ts';
import type { EndState } from './video.ts';

/** A task that runs upstream: enough to go on watching it, and to heal its row should the catalog have lost it. */
export interface RunningTask {
  readonly submissionId: string;
  readonly n: number;
  readonly account: string;
  readonly provider: ProviderName;
  readonly baseUrl: string;
  readonly upstreamModel: string;
  readonly taskId: string;
  /** ISO 8601. */
  readonly submittedAt: string;
  /** When the upstream will have forgotten the task and its result, ISO 8601. */
  readonly expiresAt: string;
  readonly timing: PollTiming;
  readonly cancels: boolean;
  readonly polls: number;
  readonly progress: number;
}

/** The end of a video as its row has it. */
export interface EndedVideo {
  readonly state: EndState;
  readonly endedAt: string;
  readonly settledMicroUsd: MicroUsd | null;
  readonly failure: VideoFailure | null;
  readonly sha256: string | null;
  readonly sizeBytes: number | null;
}

/** What a video's workflow does next. */
export type NextStep =
  /** Wait for a slot: the queue's deadline bounds it; `lookAgainMs` when a pause is known to end then. */
  | { readonly step: 'slot'; readonly queueDeadlineAt: string; readonly lookAgainMs?: number | undefined }
  | {
      readonly step: 'submit';
      readonly submissionId: string;
      readonly account: string;
      readonly provider: ProviderName;
    }
  /** Whether a task was made is in doubt: look again after this. */
  | {
      readonly step: 'confirm';
      readonly submissionId: string;
      readonly provider: ProviderName;
      readonly lookAgainMs: number;
      readonly reason: string;
    }
  /** `ended`: the video has its end already, and the task is only watched for its bill. */
  | { readonly step: 'watch'; readonly task: RunningTask; readonly ended: boolean }
  | { readonly step: 'archive'; readonly resultExpiresAt: string }
  | { readonly step: 'end'; readonly state: EndState; readonly failure: VideoFailure | null }
  | { readonly step: 'ended'; readonly end: EndedVideo };

/** When a look may take the task for over although the upstream does not say so: never, when unknown, or in any case. */
export type Finality = 'never' | 'if missing' | 'in any case';

/** What one look at a task means for its workflow. */
export type Look =
  | {
      readonly kind: 'pending';
      readonly progress: number;
      readonly word: string;
      readonly retryAfterMs?: number | undefined;
    }
  /** The look itself failed, which says nothing about the task. */
  | { readonly kind: 'unclear'; readonly message: string; readonly retryAfterMs?: number | undefined }
  | { readonly kind: 'missing' }
  /** The task ended, its slot is free. */
  | { readonly kind: 'over'; readonly next: NextStep };

/** What every run of a video's workflow starts from. */
export interface OpenedVideo {
  readonly next: NextStep;
  readonly callerId: string;
  readonly estimateMicroUsd: MicroUsd;
  readonly submittedAt: string | null;
}
