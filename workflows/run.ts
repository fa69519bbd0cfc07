/** A run of `generateVideo`: what it was given, what is wished of it meanwhile, and how it ends or goes on as a new one. */

import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  continueAsNew,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { failureOf, type VideoFailure } from '../src/domain/failure.ts';
import type { GrantedSlot } from '../src/domain/slot.ts';
import type { NextStep, TaskMemory } from '../src/domain/step.ts';
import type { ArchivedClip, EndState } from '../src/domain/video.ts';
import { transactions } from './activity-options.ts';
import {
  cancelSignal,
  type GenerateVideoInput,
  grantedSignal,
  recheckSignal,
  reopenSignal,
  upstreamEventSignal,
  type VideoEnd,
} from './messages.ts';
import { beginStory, type Story } from './story.ts';

/** What others want of this run; the steps act on it when they can. */
export class Wishes {
  cancel: boolean;
  /** The upstream has pushed news. */
  news = false;
  recheck = false;
  /** The catalog may be an older copy of itself. */
  reopen = false;
  granted: GrantedSlot | null = null;

  constructor(cancel: boolean) {
    this.cancel = cancel;
  }

  /** The slot that was granted meanwhile, once. */
  takeGranted(): GrantedSlot | null {
    const { granted } = this;
    this.granted = null;
    return granted;
  }
}

export interface Run {
  readonly input: GenerateVideoInput;
  readonly videoId: string;
  readonly wishes: Wishes;
  readonly story: Story;
  /** Told to the catalog when it turns out to be an older copy of itself: no task is made twice for that. */
  memory: TaskMemory | null;
}

/** Begins a run: from here on it hears what is wished of it. Other teams may start one with nothing, which is refused later. */
export function beginRun(given: GenerateVideoInput | null | undefined): Run {
  const input = given ?? ({} as GenerateVideoInput);
  const wishes = listen(input.stop ?? false);
  return {
    input,
    videoId: workflowInfo().workflowId,
    wishes,
    story: beginStory(input.request),
    memory: input.memory ?? null,
  };
}

function listen(cancel: boolean): Wishes {
  const wishes = new Wishes(cancel);
  setHandler(cancelSignal, () => {
    wishes.cancel = true;
  });
  setHandler(grantedSignal, (slot) => {
    wishes.granted = slot;
  });
  setHandler(upstreamEventSignal, () => {
    wishes.news = true;
  });
  setHandler(recheckSignal, () => {
    wishes.recheck = true;
  });
  setHandler(reopenSignal, () => {
    wishes.reopen = true;
  });
  CancellationScope.current().cancelRequested.catch(() => {
    wishes.cancel = true;
  });
  return wishes;
}

/**
 * A failure of the run under this type, whose message opens with it. Where in our code it was told says nothing to those
 * who read it.
 */
export function failureOfRun(
  type: string | null | undefined,
  message: string,
  { details = [], cause }: { readonly details?: unknown[]; readonly cause?: Error } = {},
): ApplicationFailure {
  const failure = ApplicationFailure.create({
    ...(type ? { type, message: `${type}: ${message}` } : { message }),
    ...{ nonRetryable: true, details },
    ...(cause && { cause }),
  });
  failure.stack = '';
  return failure;
}

/** The kind with which an activity failed for good; null where it failed in another way. */
export function findActivityFailure(error: unknown): ApplicationFailure | null {
  const cause = error instanceof ActivityFailure ? error.cause : null;
  return cause instanceof ApplicationFailure ? cause : null;
}

/** Gives the video an end, or finds the one that it has. */
export function end(
  { story, videoId }: Run,
  state: EndState,
  {
    failure = null,
    archive = null,
  }: { readonly failure?: VideoFailure | null; readonly archive?: ArchivedClip | null },
): Promise<NextStep> {
  story.tell({ state, failure }, 'settling');
  return transactions.endVideo({ videoId, state, failure, archive });
}

/** The same for one that is cancelled. */
export function endCancelled(run: Run): Promise<NextStep> {
  return end(run, 'cancelled', { failure: failureOf('cancelled') });
}

/** A long wait outgrows one history: the run goes on as a new one, with what it remembers. */
export async function continueWhereLong({ input, wishes, memory }: Run): Promise<void> {
  if (!workflowInfo().continueAsNewSuggested) return;
  await continueAsNew<(input: GenerateVideoInput) => Promise<VideoEnd>>({
    ...input,
    ...(wishes.cancel && { stop: true }),
    ...(memory && { memory }),
  });
}
