/** `generateVideo`: one clip from its acceptance to its end; every run of it is a resume. */

import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  continueAsNew,
  isCancellation,
  patched,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { VideoFailure } from '../src/domain/failure.ts';
import { nextPollDelayMs } from '../src/domain/poll-schedule.ts';
import type { GrantedSlot } from '../src/domain/slot.ts';
import type {
  AcceptedTerms,
  EndedVideo,
  Finality,
  Look,
  NextStep,
  OpenedVideo,
  RunningTask,
  TaskMemory,
} from '../src/domain/step.ts';
import { ANSWERS_AT_END } from '../src/domain/vendor.ts';
import type { ArchivedClip, EndState } from '../src/domain/video.ts';
import { archiveFailure, failureOf, hasNoResult } from './activity-failures.ts';
import { archiving, looks, submission, transactions } from './activity-options.ts';
import {
  cancelSignal,
  type GenerateVideoInput,
  grantedSignal,
  upstreamEventSignal,
  type VideoEnd,
} from './messages.ts';
import { beginStory, type Story } from './story.ts';

type Step<Name extends NextStep['step']> = Extract<NextStep, { step: Name }>;

/** What others want of this run; the steps act on it when they can. */
interface Wishes {
  cancel: boolean;
  granted: GrantedSlot | null;
  lookNow: boolean;
}

/** Looks that find the task unknown before that is believed, and how old the task must be then. */
const MISSING_LOOKS = 3;
const MISSING_AFTER_MS = 60_000;

/** After an end that came before the task's, the task is watched this much longer than the upstream keeps it. */
const LATE_WATCH_MS = 60 * 60_000;

/** Past the time of an ended video's task the looks themselves may fail, and are not to be repeated at once. */
const WAITS_AT_ITS_END = 'waits-between-last-looks';

/** A create that cannot be confirmed for this long is given up. */
const CONFIRM_FOR_MS = 24 * 60 * 60_000;

/**
 * Opens the video, waits for a slot, submits the task, watches it, archives the clip and ends. Each step answers
 * where to go on, so a run that starts anywhere (a reset, a resume, a second start) continues where the rows stand.
 */
export async function generateVideo(input: GenerateVideoInput): Promise<VideoEnd> {
  const wishes = listen(input.stop ?? false);
  const story = beginStory(input.request);
  // A cancellation from the Temporal UI becomes a wish as well: no step is torn apart by it.
  const end = await CancellationScope.nonCancellable(() => new Run(input, wishes, story).toItsEnd());
  return close(story.snapshot.id, end);
}

function listen(cancel: boolean): Wishes {
  const wishes: Wishes = { cancel, granted: null, lookNow: false };
  setHandler(cancelSignal, () => {
    wishes.cancel = true;
  });
  setHandler(grantedSignal, (slot) => {
    wishes.granted = slot;
  });
  setHandler(upstreamEventSignal, () => {
    wishes.lookNow = true;
  });
  CancellationScope.current().cancelRequested.catch(() => {
    wishes.cancel = true;
  });
  return wishes;
}

/** Completed is the result; every other end fails the workflow under its kind, so that the UI's filters tell the truth. */
function close(id: string, { state, settledMicroUsd, sha256, sizeBytes, failure }: EndedVideo): VideoEnd {
  if (state === 'completed') return { id, state, settledMicroUsd, sha256, sizeBytes };
  const message = failure?.message ?? state;
  if (state === 'cancelled' && CancellationScope.current().consideredCancelled) throw new CancelledFailure(message);
  throw ApplicationFailure.nonRetryable(message, failure?.kind ?? state, failure?.upstream);
}

class Run {
  readonly #input: GenerateVideoInput;
  readonly #wishes: Wishes;
  readonly #story: Story;
  #confirmingSinceMs: number | null = null;
  /** Told to the catalog when it turns out to be an older copy of itself: no task is made twice for that. */
  #memory: TaskMemory | null = null;
  #isEnded = false;

  constructor(input: GenerateVideoInput, wishes: Wishes, story: Story) {
    this.#input = input;
    this.#wishes = wishes;
    this.#story = story;
  }

  get #videoId(): string {
    return this.#story.snapshot.id;
  }

  async toItsEnd(): Promise<EndedVideo> {
    const { next: first, estimateMicroUsd, submittedAt } = await this.#open();
    this.#story.tell({ estimateMicroUsd, submittedAt }, 'accepted');
    let next = first;
    while (next.step !== 'ended') next = await this.#take(next);
    const { state, endedAt, settledMicroUsd, failure } = next.end;
    this.#story.tell(
      { state, endedAt, settledMicroUsd, failure, ...(state === 'completed' && { progress: 100 }) },
      'ended',
    );
    return next.end;
  }

  /** A request that is refused here came from another team's workflow: the run fails under the refusal's kind. */
  async #open(): Promise<OpenedVideo> {
    const { request, callerId = 'root' } = this.#input;
    const accepted = workflowInfo().memo as Partial<AcceptedTerms> | undefined;
    const memory = this.#memory ?? undefined;
    try {
      return await transactions.openVideo({ videoId: this.#videoId, request, callerId, accepted, memory });
    } catch (error) {
      const cause = error instanceof ActivityFailure ? error.cause : undefined;
      if (cause instanceof ApplicationFailure) throw ApplicationFailure.nonRetryable(cause.message, cause.type);
      throw error;
    }
  }

  #take(next: Exclude<NextStep, Step<'ended'>>): Promise<NextStep> {
    this.#remember(next);
    switch (next.step) {
      case 'open':
        return this.#open().then((opened) => opened.next);
      case 'slot':
        return this.#waitForSlot(next);
      case 'submit':
        return this.#submit(next);
      case 'confirm':
        return this.#confirm(next);
      case 'watch':
        return this.#watch(next);
      case 'archive':
        return this.#archive(next);
      case 'end':
        return this.#end(next.state, { failure: next.failure });
    }
  }

  #remember(next: Exclude<NextStep, Step<'ended'>>): void {
    if (next.step === 'slot') this.#memory = null;
    if (next.step === 'submit' || (next.step === 'confirm' && next.account !== undefined)) {
      const { submissionId, account = '', provider } = next;
      this.#memory = { kind: 'sent', create: { submissionId, account, provider } };
    }
    if ((next.step === 'watch' || next.step === 'archive') && next.task) {
      this.#memory = { kind: 'running', task: next.task };
    }
  }

  async #waitForSlot({ queueDeadlineAt }: Step<'slot'>): Promise<NextStep> {
    if (this.#wishes.cancel) return await this.#cancelled();
    this.#wishes.granted = null;
    const next = await transactions.requestSlot({ videoId: this.#videoId });
    if (next.step !== 'slot') return next;
    this.#story.tell({ state: 'queued', account: null, provider: null }, 'waiting for a slot');
    const leftMs = Date.parse(queueDeadlineAt) - Date.now();
    const waitMs = Math.max(Math.min(leftMs, next.lookAgainMs ?? leftMs), 1);
    const isWoken = () => this.#wishes.granted !== null || this.#wishes.cancel;
    await condition(isWoken, waitMs, { summary: 'until a slot comes free' });
    const granted = this.grantedSlot();
    if (this.#wishes.cancel) return await this.#cancelled();
    if (granted) return { step: 'submit', ...granted };
    if (Date.now() < Date.parse(queueDeadlineAt)) return next;
    return await this.#end('expired', {
      failure: failureOf('deadline_exceeded', 'no slot came free in the time it had'),
    });
  }

  /** Read through a method: signals change it while a step waits, which the compiler cannot see. */
  grantedSlot(): GrantedSlot | null {
    return this.#wishes.granted;
  }

  async #submit({ submissionId, account, provider }: Step<'submit'>): Promise<NextStep> {
    if (this.#wishes.cancel) return await this.#cancelled();
    const state = ANSWERS_AT_END[provider] ? 'generating' : 'submitting';
    this.#story.tell({ state, account, provider }, `creating the task at ${account}`);
    this.#confirmingSinceMs = null;
    return await submission(provider, `create at ${account}`).submitTask({ videoId: this.#videoId, submissionId });
  }

  async #confirm({ submissionId, provider, lookAgainMs, reason, ended }: Step<'confirm'>): Promise<NextStep> {
    this.#confirmingSinceMs ??= Date.now();
    this.#isEnded ||= ended ?? false;
    if (!this.#isEnded) this.#story.tell({ state: 'unconfirmed' }, reason);
    if (Date.now() - this.#confirmingSinceMs > CONFIRM_FOR_MS) {
      return await this.#end('failed', { failure: failureOf('answer_lost') });
    }
    if (lookAgainMs > 0) await sleep(lookAgainMs, { summary: 'before the account’s list is read again' });
    return await submission(provider, 'what became of the create').submitTask({ videoId: this.#videoId, submissionId });
  }

  /** Looks until the task is over. A failed look says nothing about the task; only time does, at the deadline. */
  async #watch({ task, ended }: Step<'watch'>): Promise<NextStep> {
    const { account, provider, taskId, submittedAt, timing } = task;
    if (!ended)
      this.#story.tell({ state: 'generating', account, provider, taskId, submittedAt }, 'generating upstream');
    const submittedMs = Date.parse(submittedAt);
    const untilMs = ended ? Date.parse(task.expiresAt) + LATE_WATCH_MS : submittedMs + timing.deadlineMs;
    let { progress, polls } = task;
    let failuresInARow = 0;
    let missingInARow = 0;
    let retryAfterMs: number | undefined;
    for (;;) {
      if (this.#wishes.cancel && !ended) return await this.#cancelTask(task);
      if (workflowInfo().continueAsNewSuggested) await this.#continueAsNew();
      const elapsedMs = Date.now() - submittedMs;
      const pacedMs = nextPollDelayMs(timing, { elapsedMs, progress, polls, failuresInARow, retryAfterMs });
      const leastMs = failuresInARow > 0 && Date.now() >= untilMs && patched(WAITS_AT_ITS_END) ? pacedMs : 0;
      const waitMs = Math.max(Math.min(ended ? timing.maxPollMs : pacedMs, untilMs - Date.now()), leastMs);
      if (await this.#wait(waitMs, ended)) continue;
      const last = Date.now() >= untilMs;
      const missingIsFinal = missingInARow >= MISSING_LOOKS - 1 && elapsedMs > MISSING_AFTER_MS;
      const finality = ended && last ? 'in any case' : missingIsFinal ? 'if missing' : 'never';
      polls++;
      const look = await this.#look(task, { finality, polls, progress });
      if (look.kind === 'over') return look.next;
      // An ended video keeps its end; as long as its last look fails there is another one.
      if (last && !(ended && patched(WAITS_AT_ITS_END))) {
        return await this.#end('expired', { failure: failureOf('deadline_exceeded') });
      }
      if (look.kind === 'pending') progress = look.progress;
      failuresInARow = look.kind === 'pending' ? 0 : failuresInARow + 1;
      missingInARow = look.kind === 'missing' ? missingInARow + 1 : 0;
      retryAfterMs = look.kind === 'missing' ? undefined : look.retryAfterMs;
      if (!ended)
        this.#story.tell(
          { progress, polls },
          look.kind === 'pending' ? `upstream says “${look.word}”` : describe(look),
        );
    }
  }

  /** Waits for the next look; true when a cancel came in between. */
  async #wait(waitMs: number, ended: boolean): Promise<boolean> {
    const isWoken = () => this.#wishes.lookNow || (this.#wishes.cancel && !ended);
    if (waitMs > 0) await condition(isWoken, waitMs, { summary: 'until the next look' });
    this.#wishes.lookNow = false;
    return this.#wishes.cancel && !ended;
  }

  async #look(task: RunningTask, at: { finality: Finality; polls: number; progress: number }): Promise<Look> {
    const { finality } = at;
    try {
      return await looks(`look ${at.polls}, at ${at.progress} %`).checkTask({ videoId: this.#videoId, task, finality });
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      return { kind: 'unclear', message: error.cause?.message ?? error.message };
    }
  }

  /** The video has its end at once; its task, if it cannot be stopped, is watched on for its bill. */
  async #cancelTask(task: RunningTask): Promise<NextStep> {
    if (task.cancels) {
      try {
        await looks('cancel the task').cancelTask({ task });
      } catch (error) {
        if (!(error instanceof ActivityFailure)) throw error;
      }
    }
    return await this.#cancelled();
  }

  async #archive({ resultExpiresAt }: Step<'archive'>): Promise<NextStep> {
    if (this.#wishes.cancel) return await this.#cancelled();
    const generatedAt = new Date().toISOString();
    this.#story.tell({ state: 'archiving', progress: 99, generatedAt }, 'archiving the clip');
    const videoId = this.#videoId;
    const leftMs = Date.parse(resultExpiresAt) - Date.now();
    const scope = new CancellationScope();
    const download = scope.run(() => archiving(leftMs).archiveVideo({ videoId }));
    // The other way out of the race is a wish, which may never come: the condition is then left behind.
    const cancelled = condition(() => this.#wishes.cancel).then(() => scope.cancel());
    cancelled.catch(() => undefined);
    let archive: ArchivedClip;
    try {
      archive = await download;
    } catch (error) {
      if (isCancellation(error) && this.#wishes.cancel) return await this.#cancelled();
      if (hasNoResult(error)) return { step: 'open' };
      return await this.#end('failed', { failure: archiveFailure(error) });
    }
    return await this.#end('completed', { archive });
  }

  #cancelled(): Promise<NextStep> {
    return this.#end('cancelled', { failure: failureOf('cancelled') });
  }

  #end(
    state: EndState,
    { failure = null, archive = null }: { failure?: VideoFailure | null; archive?: ArchivedClip | null },
  ) {
    this.#story.tell({ state, failure }, 'settling');
    return transactions.endVideo({ videoId: this.#videoId, state, failure, archive });
  }

  /** A task that is watched for hours outgrows one history; nothing has to be carried over but a wish to cancel. */
  #continueAsNew(): Promise<never> {
    return continueAsNew<typeof generateVideo>({ ...this.#input, ...(this.#wishes.cancel && { stop: true }) });
  }
}

function describe(look: Look): string {
  return look.kind === 'unclear' ? `the last look failed: ${look.message}` : 'the upstream does not know the task yet';
}
