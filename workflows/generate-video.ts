/** `generateVideo`: one clip from its acceptance to its end; every run of it is a resume. */

import {
  ActivityFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  patched,
  workflowInfo,
} from '@temporalio/workflow';
import type { ArchiveResult } from '../activities/archive-video.ts';
import {
  type ActivityFailureType,
  failureOf,
  isVideoFailureKind,
  type UpstreamWords,
  type VideoFailure,
} from '../src/domain/failure.ts';
import { type AcceptedTerms, type EndedVideo, type NextStep, remember } from '../src/domain/step.ts';
import { PROVIDER_FACTS } from '../src/domain/vendor.ts';
import { failureKindOf } from '../src/domain/video.ts';
import { archiving, clipDelivery, submission, transactions } from './activity-options.ts';
import type { GenerateVideoInput, VideoEnd } from './messages.ts';
import { beginRun, continueWhereLong, end, endCancelled, failureOfRun, findActivityFailure, type Run } from './run.ts';
import { cancelTask, followBill, watch } from './watch-task.ts';

/**
 * Opens the video, waits for a slot, submits the task, watches it, archives the clip and ends. Each step answers
 * where to go on, so a run that starts anywhere (a reset, a resume, a second start) continues where the rows stand.
 */
export async function generateVideo(input: GenerateVideoInput): Promise<VideoEnd> {
  const run = beginRun(input);
  // A cancellation from the Temporal UI becomes a wish as well: no step is torn apart by it.
  const ended = await CancellationScope.nonCancellable(() => toItsEnd(run));
  return close(run, ended);
}

/** The steps before the end; each does one thing and answers the next one. */
const STEPS: { readonly [Name in StepName]: (run: Run, next: Step<Name>) => Promise<NextStep> } = {
  open,
  slot: waitForSlot,
  submit,
  confirm,
  cancel: (run, { task }) => cancelTask(run, task),
  watch: (run, next) => (next.ended ? followBill(run, next) : watch(run, next.task)),
  archive,
  end: (run, { state, failure }) => end(run, state, { failure }),
};

type StepName = Exclude<NextStep['step'], 'ended'>;
type Step<Name extends NextStep['step']> = Extract<NextStep, { step: Name }>;

async function toItsEnd(run: Run): Promise<EndedVideo> {
  let next: NextStep = { step: 'open' };
  while (next.step !== 'ended') {
    if (workflowInfo().continueAsNewSuggested && patched(CONTINUES_AT_EACH_STEP)) await continueWhereLong(run);
    run.memory = remember(run.memory, next);
    next = await take(next.step, run, next);
    // The end that it has seen stood in a newer copy of the catalog than the one that is there now.
    if (next.step === 'ended' && run.wishes.reopen) next = { step: 'open' };
  }
  const { state, endedAt, settledMicroUsd, failure } = next.end;
  const progress = state === 'completed' ? { progress: 100 } : {};
  run.story.tell({ state, endedAt, settledMicroUsd, failure, ...progress }, 'ended');
  return next.end;
}

/** Older runs went on as a new one only while a task was polled. */
const CONTINUES_AT_EACH_STEP = 'continues-at-each-step';

function take<Name extends StepName>(name: Name, run: Run, next: Step<Name>): Promise<NextStep> {
  return STEPS[name](run, next);
}

/** Completed is the result; every other end fails the workflow under its kind, so that the UI's filters tell the truth. */
function close({ videoId: id }: Run, { state, settledMicroUsd, sha256, sizeBytes, failure }: EndedVideo): VideoEnd {
  if (state === 'completed') return { id, state, settledMicroUsd, sha256, sizeBytes };
  const message = failure?.message ?? state;
  if (state === 'cancelled' && CancellationScope.current().consideredCancelled) throw new CancelledFailure(message);
  throw failureOfRun(failureKindOf({ state, failure }), message, { details: [failure?.upstream] });
}

/** A request that is refused here came from another team's workflow: the run fails under the refusal's kind. */
async function open({ input, videoId, story, wishes, memory }: Run): Promise<NextStep> {
  const { request, callerId = 'root' } = input;
  const accepted = workflowInfo().memo as Partial<AcceptedTerms> | undefined;
  wishes.reopen = false;
  try {
    const opened = await transactions.openVideo({ videoId, request, callerId, accepted, memory: memory ?? undefined });
    const { next, estimateMicroUsd, submittedAt } = opened;
    story.tell({ estimateMicroUsd, submittedAt }, 'accepted');
    return next;
  } catch (error) {
    const refusal = findActivityFailure(error);
    throw refusal ? failureOfRun(refusal.type, refusal.message) : error;
  }
}

async function waitForSlot(run: Run, { isQueued, ...given }: Step<'slot'>): Promise<NextStep> {
  const { videoId, wishes, story } = run;
  if (wishes.cancel) return await endCancelled(run);
  const next = isQueued ? given : await transactions.requestSlot({ videoId });
  if (next.step !== 'slot') return next;
  story.tell({ state: 'queued', account: null, provider: null }, 'waiting for a slot');
  const deadlineMs = Date.parse(next.queueDeadlineAt);
  const leftMs = deadlineMs - Date.now();
  const waitMs = Math.max(Math.min(leftMs, next.lookAgainMs ?? leftMs), 1);
  const isWoken = () => wishes.granted !== null || wishes.cancel || wishes.reopen || wishes.recheck;
  await condition(isWoken, waitMs, { summary: 'until a slot comes free' });
  wishes.recheck = false;
  if (wishes.cancel) return await endCancelled(run);
  const granted = wishes.takeGranted();
  if (granted) return { step: 'submit', ...granted };
  if (wishes.reopen) return { step: 'open' };
  if (Date.now() < deadlineMs) return { ...next, isQueued: undefined };
  if (next.onDeadline === 'cancelled') return await endCancelled(run);
  return await end(run, 'expired', {
    failure: failureOf('deadline_exceeded', 'no slot came free in the time it had'),
  });
}

async function submit(run: Run, { submissionId, account, provider }: Step<'submit'>): Promise<NextStep> {
  const { videoId, wishes, story } = run;
  if (wishes.cancel) return await endCancelled(run);
  wishes.granted = null;
  const state = PROVIDER_FACTS[provider].answersAtEnd ? 'generating' : 'submitting';
  story.tell({ state, account, provider }, `creating the task at ${account}`);
  return await submission(provider, `create at ${account}`).submitTask({ videoId, submissionId });
}

/** The create's answer was lost: its rows bound how long, and how often, it is asked what became of it. */
async function confirm(run: Run, next: Step<'confirm'>): Promise<NextStep> {
  const { submissionId, provider, lookAgainMs, reason, ended = false } = next;
  const { videoId, wishes, story } = run;
  if (!ended) story.tell({ state: 'unconfirmed' }, reason);
  if (lookAgainMs > 0) {
    const isWoken = () => (wishes.cancel && !ended) || wishes.reopen || wishes.recheck;
    await condition(isWoken, lookAgainMs, { summary: 'before it is asked what became of the create' });
    wishes.recheck = false;
  }
  if (wishes.cancel && !ended) return await endCancelled(run);
  if (wishes.reopen) return { step: 'open' };
  return await submission(provider, 'what became of the create').submitTask({ videoId, submissionId });
}

async function archive(run: Run, { resultExpiresAt }: Step<'archive'>): Promise<NextStep> {
  const { videoId, wishes, story } = run;
  if (wishes.cancel) return await endCancelled(run);
  const generatedAt = new Date().toISOString();
  story.tell({ state: 'archiving', progress: 99, generatedAt }, 'archiving the clip');
  const leftMs = Date.parse(resultExpiresAt) - Date.now();
  const scope = new CancellationScope();
  const download = scope.run(() => archiving(leftMs).archiveVideo({ videoId }));
  // The other way out of the race is a wish, which may never come: the condition is then left behind.
  const cancelled = condition(() => wishes.cancel).then(() => scope.cancel());
  cancelled.catch(() => undefined);
  let archived: ArchiveResult;
  try {
    archived = await download;
  } catch (error) {
    if (wishes.cancel) return await endCancelled(run);
    // The catalog is an older copy of itself, in which the task has not ended.
    if (findActivityFailure(error)?.type === ('no_result' satisfies ActivityFailureType)) return { step: 'open' };
    return await end(run, 'failed', { failure: archiveFailure(error) });
  }
  const { deliver = false, ...clip } = archived;
  if (deliver) await deliverClip(run);
  return await end(run, 'completed', { archive: clip });
}

/** The clip is made and kept whether it arrives there or not: an end without it is said in the video's row. */
async function deliverClip({ videoId, story }: Run): Promise<void> {
  story.tell({}, 'delivering the clip');
  await clipDelivery.deliverClip({ videoId }).catch(() => undefined);
}

/** The archive names the kind under which the video ends; a link that outlived its time is an expired one. */
function archiveFailure(error: unknown): VideoFailure {
  const failure = findActivityFailure(error);
  if (failure?.type && isVideoFailureKind(failure.type)) {
    const [upstream = null] = (failure.details ?? []) as readonly (UpstreamWords | undefined)[];
    return { ...failureOf(failure.type, failure.message), upstream };
  }
  const cause = error instanceof ActivityFailure ? error.cause : error;
  return failureOf('result_expired', `the clip could not be archived before its link expired: ${String(cause)}`);
}
