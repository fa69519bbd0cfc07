/** What is done at accounts is done with: handed in, so that a test can hand in its own. */

import type { Db } from '../catalog/driver/database.ts';
import type { SubmissionRow } from '../catalog/submissions.ts';
import { type AccountConfig, accountNamed } from '../domain/account.ts';
import type { CountIncident } from '../domain/incident.ts';
import type { Log } from '../domain/log.ts';
import { type AccountTiming, RESULT_RETRY_MS } from '../domain/poll-schedule.ts';
import { type ProviderCall, type ProviderTable, providerOf, type StartCall } from '../domain/provider.ts';
import type { RunningTask } from '../domain/step.ts';
import { PROVIDER_FACTS, type ProviderName } from '../domain/vendor.ts';
import type { ImageReference, StoredImage } from '../domain/video-request.ts';
import type { VideoWorkflows } from '../domain/video-workflows.ts';
import type { MediaStore } from '../media/media-store.ts';
import type { TaskFollower } from './follow.ts';

export interface SubmissionDependencies {
  readonly db: Db;
  readonly store: MediaStore;
  readonly providers: ProviderTable;
  readonly accounts: readonly AccountConfig[];
  readonly follower: Pick<TaskFollower, 'follow' | 'leave'>;
  readonly workflows: Pick<VideoWorkflows, 'signalGranted'>;
  readonly log: Log;
  readonly countIncident: CountIncident;
  /** The bytes of an input image. @throws UnusableImage */
  loadImage(image: ImageReference, signal: AbortSignal): ReturnType<StartCall['loadImage']>;
  /** A URL of a stored image for this submission. @throws UnusableImage */
  linkImage(image: StoredImage, submission: Pick<SubmissionRow, 'grantedAt' | 'baseUrl'>): string;
  /** How long a create may take (milliseconds). */
  readonly createTimeoutMs: number;
  /** The same where the answer comes only when the clip is done. */
  readonly deliveryTimeoutMs: number;
  /** How long any other exchange with an upstream may take (milliseconds). */
  readonly exchangeTimeoutMs: number;
}

/** An account as configured now; null when it has vanished, and then nothing is asked in its name. */
export function findAccount({ accounts }: Pick<SubmissionDependencies, 'accounts'>, id: string): AccountConfig | null {
  return accountNamed(accounts, id);
}

/** The provider's documented timing with the account's overrides. */
export function timingOf(
  dependencies: SubmissionDependencies,
  submission: Pick<SubmissionRow, 'account' | 'provider'>,
): AccountTiming {
  const account = findAccount(dependencies, submission.account);
  const { timing } = providerOf(dependencies.providers, submission).facts;
  return { resultRetryMs: RESULT_RETRY_MS, ...timing, ...account?.timing };
}

type Place = Pick<RunningTask, 'account' | 'baseUrl'>;

/** The account of a task; null where it has vanished, or is configured for another place: a key stays with its own. */
function accountAt(dependencies: SubmissionDependencies, { account: id, baseUrl }: Place): AccountConfig | null {
  const account = findAccount(dependencies, id);
  return account?.baseUrl === baseUrl ? account : null;
}

/** Whether a task can be asked about. */
export function isConfigured(dependencies: SubmissionDependencies, place: Place): boolean {
  return accountAt(dependencies, place) !== null;
}

/** A call about a task; null where nothing can be asked. */
export function callFor(dependencies: SubmissionDependencies, place: Place): ProviderCall | null {
  const account = accountAt(dependencies, place);
  return account && callOf(account, AbortSignal.timeout(dependencies.exchangeTimeoutMs));
}

/** A call of an account until the signal ends it. */
export function callOf(
  { baseUrl, apiKey, passage }: Pick<AccountConfig, 'baseUrl' | 'apiKey' | 'passage'>,
  signal: AbortSignal,
): ProviderCall {
  return { baseUrl, apiKey, passage, signal };
}

/** Whether a create that is sent again is the same create for this provider. */
export function honoursKey(
  { providers }: Pick<SubmissionDependencies, 'providers'>,
  submission: Pick<SubmissionRow, 'account' | 'provider'>,
): boolean {
  return providerOf(providers, submission).facts.honoursIdempotencyKey;
}

/** How long a create at this provider may take (milliseconds). */
export function createTimeoutOf(dependencies: SubmissionDependencies, provider: ProviderName): number {
  return PROVIDER_FACTS[provider].answersAtEnd ? dependencies.deliveryTimeoutMs : dependencies.createTimeoutMs;
}
