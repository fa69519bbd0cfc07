/** Where a video's workflow goes on: what its activities answer, and all it has to remember between them. */

import type { VideoFailure } from './failure.ts';
import type { MicroUsd } from './money.ts';
import type { PollTiming } from './poll-schedule.ts';
import type { GrantedSlot } from './slot.ts';
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
  /** When the video's time is over, ISO 8601; absent in what older runs remember, where `timing` alone bounds it. */
  readonly deadlineAt?: string | undefined;
  /** How the video ends then; `expired` when absent. */
  readonly onDeadline?: 'expired' | 'cancelled' | undefined;
  readonly cancels: boolean;
  readonly polls: number;
  readonly progress: number;
}

/** What a workflow knows of its video's task, also where an older copy of the catalog has lost it. */
export type TaskMemory =
  | { readonly kind: 'running'; readonly task: RunningTask }
  /** A create that was sent, or may have been, and whose task is not known. */
  | { readonly kind: 'sent'; readonly create: GrantedSlot };

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
  /**
   * Wait for a slot: the queue's deadline bounds it, at which the video is expired where `onDeadline` is absent;
   * `lookAgainMs` when a pause is known to end then. A video that is not queued yet asks for its slot first.
   */
  | {
      readonly step: 'slot';
      readonly queueDeadlineAt: string;
      readonly onDeadline?: 'cancelled' | undefined;
      readonly lookAgainMs?: number | undefined;
      readonly isQueued?: boolean | undefined;
    }
  | ({ readonly step: 'submit' } & GrantedSlot)
  /** Whether a task was made is in doubt: it is asked again after this. */
  | {
      readonly step: 'confirm';
      readonly submissionId: string;
      readonly account?: string | undefined;
      /** Absent in the answers of a version without providers that answer at the end, which runs still hold. */
      readonly provider?: ProviderName | undefined;
      readonly lookAgainMs: number;
      readonly reason: string;
      /** The video has its end already. */
      readonly ended?: boolean | undefined;
    }
  /** The video is to be cancelled, and its task stopped where that can be. */
  | { readonly step: 'cancel'; readonly task: RunningTask }
  /**
   * `ended`: the video has its end already, and the task is only watched for its bill; `stops`: its upstream is asked
   * to stop it; `end`: which one it has, absent in what older runs were told.
   */
  | {
      readonly step: 'watch';
      readonly task: RunningTask;
      readonly ended: boolean;
      readonly stops?: boolean | undefined;
      readonly end?: EndedVideo | undefined;
    }
  | {
      readonly step: 'archive';
      readonly resultExpiresAt: string;
      readonly task?: RunningTask | undefined;
    }
  | { readonly step: 'end'; readonly state: EndState; readonly failure: VideoFailure | null }
  | { readonly step: 'ended'; readonly end: EndedVideo };

/** What every run of a video's workflow starts from. */
export interface OpenedVideo {
  readonly next: NextStep;
  readonly callerId: string;
  readonly estimateMicroUsd: MicroUsd;
  readonly submittedAt: string | null;
}

/** What a run remembers when it has been told where to go on; `before` where that changes nothing. */
export function remember(before: TaskMemory | null, next: NextStep): TaskMemory | null {
  switch (next.step) {
    case 'slot':
      return null;
    case 'submit':
      return { kind: 'sent', create: next };
    case 'confirm': {
      const { account, provider } = next;
      return account && provider ? { kind: 'sent', create: { ...next, account, provider } } : before;
    }
    case 'watch':
    case 'cancel':
    case 'archive':
      return next.task ? { kind: 'running', task: next.task } : before;
    default:
      return before;
  }
}
