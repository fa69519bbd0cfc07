/** What activities work with: handed in, so that a test can hand in its own. */

import type { Db } from '../src/catalog/database.ts';
import type { Grant } from '../src/catalog/slots.ts';
import type { SubmissionRow } from '../src/catalog/submissions.ts';
import type { AccountConfig } from '../src/config.ts';
import type { PollTiming } from '../src/domain/poll-schedule.ts';
import type { ProviderName } from '../src/domain/vendor.ts';
import type { Provider } from '../src/providers/provider.ts';
import type { ArchiveClip, InspectClip } from '../src/storage/archive-clip.ts';
import type { LinkInputImage } from '../src/storage/link-input-image.ts';
import type { LoadInputImage } from '../src/storage/load-input-image.ts';
import type { MediaStore } from '../src/storage/media-store.ts';
import type { WorkflowControl } from '../src/temporal/workflow-control.ts';
import type { TaskFollower } from './task-follower.ts';

/** A log as activities use it; fields first, as pino has it. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface ActivityDependencies {
  readonly db: Db;
  readonly store: MediaStore;
  readonly archiveClip: ArchiveClip;
  /** Reads back a clip that lies in the store already. */
  readonly inspectClip: InspectClip;
  readonly loadImage: LoadInputImage;
  readonly linkImage: LinkInputImage;
  readonly providers: Readonly<Record<ProviderName, Provider>>;
  readonly accounts: readonly AccountConfig[];
  readonly follower: Pick<TaskFollower, 'follow' | 'leave'>;
  readonly workflows: Pick<WorkflowControl, 'start' | 'signalGranted' | 'standing' | 'listClosedSince'>;
  readonly log: Log;
  /** How long a create may take (milliseconds). */
  readonly createTimeoutMs: number;
  /** The same where the answer comes only when the clip is done. */
  readonly deliveryTimeoutMs: number;
  /** How long any other exchange with an upstream may take (milliseconds). */
  readonly exchangeTimeoutMs: number;
}

/** An account as configured now; null when it has vanished, and then nothing is asked in its name. */
export function findAccount({ accounts }: ActivityDependencies, id: string): AccountConfig | null {
  return accounts.find((account) => account.id === id) ?? null;
}

/** The provider's documented timing with the account's overrides. */
export function timingOf(
  dependencies: ActivityDependencies,
  submission: Pick<SubmissionRow, 'account' | 'provider'>,
): PollTiming {
  const account = findAccount(dependencies, submission.account);
  return { ...dependencies.providers[submission.provider].facts.timing, ...account?.timing };
}

/** Tells every winner of a slot; who cannot be told is found by the sweep. */
export async function announceGrants(
  { workflows, log }: ActivityDependencies,
  grants: readonly Grant[],
): Promise<void> {
  const tell = async ({ videoId, ...slot }: Grant) => {
    try {
      await workflows.signalGranted(videoId, slot);
    } catch (error) {
      log.warn({ videoId, error: String(error) }, 'a granted slot could not be announced; the sweep will');
    }
  };
  await Promise.all(grants.map(tell));
}
