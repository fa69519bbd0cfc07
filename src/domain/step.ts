/** Where a video's workflow goes on: what its activities answer, and all it has to remember between them. */

import type { VideoFailure } from './failure.ts';
import type { MicroUsd } from './money.ts';
import type { PollTiming } from './poll-schedule.ts';
import type { DialectName, ProviderName } from './vendor.ts';
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

/** A create that was sent, or may have been, and whose task is not known. */
export interface SentCreate {
  readonly submissionId: string;
  readonly account: string;
  readonly provider: ProviderName;
}

/** What a workflow knows of its video's task, whatever an older copy of the catalog has lost of it. */
export type TaskMemory =
  | { readonly kind: 'running'; readonly task: RunningTask }
  | { readonly kind: 'sent'; readonly create: SentCreate };

/** What was said at a video's acceptance and cannot be worked out again from its request. */
export interface AcceptedTerms {
  readonly dialect: DialectName;
  readonly estimateMicroUsd: MicroUsd;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly expiresAt: string;
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
  /** The catalog is an older copy that has lost rows of the video: enter again what the workflow knows of it. */
  | { readonly step: 'open' }
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
      readonly account?: string | undefined;
      readonly provider: ProviderName;
      readonly lookAgainMs: number;
      readonly reason: string;
      /** The video has its end already. */
      readonly ended?: boolean | undefined;
    }
  /** `ended`: the video has its end already, and the task is only watched for its bill. */
  | { readonly step: 'watch'; readonly task: RunningTask; readonly ended: boolean }
  | { readonly step: 'archive'; readonly resultExpiresAt: string; readonly task?: RunningTask | undefined }
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
  /** The looking is over: the task ended and its slot is free, or the video has to be opened again. */
  | { readonly kind: 'over'; readonly next: NextStep };

/** What every run of a video's workflow starts from. */
export interface OpenedVideo {
  readonly next: NextStep;
  readonly callerId: string;
  readonly estimateMicroUsd: MicroUsd;
  readonly submittedAt: string | null;
}
