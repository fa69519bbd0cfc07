/** What an outbound adapter can do: every call is one HTTP exchange, and the adapter keeps nothing between calls. */

import type { ListedTask } from './adoption.ts';
import type { UpstreamWords } from './failure.ts';
import type { PublishedModel } from './models.ts';
import type { MicroUsd } from './money.ts';
import type { Passage } from './passage.ts';
import type { ProviderFacts, ProviderName } from './vendor.ts';
import type { StoredClip } from './video.ts';
import type { ImageReference, StoredImage, VideoRequest } from './video-request.ts';

/** Where a call goes and with whose key; the worker reads the key from its environment. */
export interface ProviderCall {
  /** What stands before `/v1`, without a trailing slash. */
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly passage?: Passage | undefined;
  /** Cancels the exchange; every call also has its own timeout. */
  readonly signal: AbortSignal;
}

export interface StartCall extends ProviderCall {
  readonly upstreamModel: string;
  /** Derived from the submission, the same in every try of it. */
  readonly idempotencyKey: string;
  /** How long to wait for the create's answer. */
  readonly timeoutMs: number;
  /** Stores the clip that the answer carries; replaces what an earlier try stored, and leaves nothing when it throws. */
  storeClip(pieces: AsyncIterable<Uint8Array>): Promise<StoredClip>;
  /** Fetches an input image, from the store or from its URL. @throws UnusableImage */
  loadImage(image: ImageReference): Promise<{ readonly bytes: Uint8Array; readonly mediaType: string }>;
  /** A URL at which the upstream can fetch a stored image; the same in every try of the submission. @throws UnusableImage */
  linkImage(image: StoredImage): string;
}

/**
 * Why a create was refused: `request` and `image` (which never got as far as the upstream) are about the video itself,
 * `undecided` may be about the clip or about the account, the others are about the account.
 */
export type RefusalReason =
  | 'rate limited'
  | 'unauthenticated'
  | 'no credit'
  | 'model not allowed'
  /** Nothing at the account's base URL takes creates. */
  | 'no route'
  /** It may be about the clip or about the account: the status says one, and no word says which. */
  | 'undecided'
  | 'request'
  | 'image';

/** How a create ended. Nothing is thrown: what is not known is said. */
export type StartOutcome =
  | { readonly kind: 'started'; readonly taskId: string; readonly costMicroUsd: MicroUsd | null }
  /** The clip came with the answer; null where the answer carried none. */
  | { readonly kind: 'delivered'; readonly clip: StoredClip | null }
  /** The answer says that a task was made and failed. */
  | { readonly kind: 'failed'; readonly upstream: UpstreamWords }
  | {
      readonly kind: 'refused';
      readonly reason: RefusalReason;
      readonly upstream: UpstreamWords;
      readonly retryAfterMs?: number | undefined;
    }
  /** DNS, connect or TLS failed: certainly no task. */
  | { readonly kind: 'not sent'; readonly message: string }
  /**
   * Sent, and no usable answer: perhaps a task. `answered` when the upstream itself, and not a proxy, said something;
   * `isPage` when that was a page, as websites show them, with a good status code.
   */
  | { readonly kind: 'lost'; readonly answered: boolean; readonly upstream: UpstreamWords; readonly isPage?: true };

/** One place of a clip. */
export interface ClipPlace {
  readonly url: string;
  /** True where the link is the provider's own and needs the account's key. */
  readonly needsKey: boolean;
}

/** Where a finished clip's bytes are. */
export interface ResultLink extends ClipPlace {
  /** Where else they may be, should they not be there. */
  readonly otherwise?: ClipPlace | undefined;
  /** When the link dies; null where the upstream does not say. */
  readonly expiresAtMs: number | null;
}

/** What one poll of a task showed. */
export type TaskStatus =
  | {
      readonly kind: 'pending';
      /** 0 to 100; null where the upstream shows none. */
      readonly progress: number | null;
      /** The upstream's own word; an unknown word keeps the previous state. */
      readonly word: string;
      readonly known: boolean;
      /** Where the clip would be, should a word that is not known say that it is done. */
      readonly result?: ResultLink | undefined;
      readonly retryAfterMs?: number | undefined;
    }
  | { readonly kind: 'succeeded'; readonly result: ResultLink | null; readonly costMicroUsd: MicroUsd | null }
  | { readonly kind: 'failed'; readonly upstream: UpstreamWords; readonly costMicroUsd: MicroUsd | null }
  /** The upstream does not know the task (404); right after a create that can pass. */
  | { readonly kind: 'missing' };

/** An account's recent tasks, and the upstream's clock when it listed them; undefined where it did not tell. */
export interface TaskList {
  readonly tasks: readonly (ListedTask & { readonly costMicroUsd: MicroUsd | null })[];
  readonly upstreamNowMs: number | undefined;
}

/** Except for `start`, a call throws `UpstreamError` when the exchange itself failed. */
export interface Provider {
  readonly name: ProviderName;
  readonly facts: ProviderFacts;
  /** Creates the task. Billable. */
  start(request: VideoRequest, call: StartCall): Promise<StartOutcome>;
  /** Polls the task once. */
  poll(taskId: string, call: ProviderCall): Promise<TaskStatus>;
  /**
   * Listens until the upstream pushes that the task is over, which is a hint and no more: only a poll tells. Throws
   * `UpstreamError` when it stops pushing before that; without a timeout of its own but for silence.
   */
  follow?(taskId: string, call: ProviderCall): Promise<void>;
  cancel?(taskId: string, call: ProviderCall): Promise<void>;
  /** The account's recent tasks, newest first. */
  list?(call: ProviderCall): Promise<TaskList>;
  /** The models that the upstream publishes. */
  models?(call: ProviderCall): Promise<readonly PublishedModel[]>;
  /** A free GET that shows whether the key is still good; throws `UpstreamError` with the status if not. */
  probe?(call: ProviderCall): Promise<void>;
  /** The headers in which its result links take the key, by names in lower case; as a bearer token where absent. */
  keyHeaders?(apiKey: string): Readonly<Record<string, string>>;
  /** The provider of one account, where each account has its own. */
  forAccount?(id: string): Provider;
}

/** The providers of a process. */
export type ProviderTable = Readonly<Record<ProviderName, Provider>>;

/** The provider that an account's calls are made with. */
export function providerOf(
  providers: ProviderTable,
  { account, provider }: { readonly account: string; readonly provider: ProviderName },
): Provider {
  const named = providers[provider];
  return named.forAccount?.(account) ?? named;
}
