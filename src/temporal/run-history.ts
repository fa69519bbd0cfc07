/** What the history of a video's workflow tells of the video: what it was accepted for, its task, its end. */

import type { WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { Activities } from '../../activities/index.ts';
import { grantedSignal } from '../../workflows/messages.ts';
import type { GrantedSlot } from '../domain/slot.ts';
import type { AcceptedTerms, Look, NextStep, OpenedVideo } from '../domain/step.ts';
import type { VideoRunFacts } from '../domain/video-runs.ts';

export type RunHistory = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;
type HistoryEvent = NonNullable<RunHistory['events']>[number];

type ActivityName = keyof Activities;
type InputOf<Name extends ActivityName> = Parameters<Activities[Name]>[0];
type Payloads = { readonly payloads?: readonly Parameters<typeof defaultPayloadConverter.fromPayload>[0][] | null };

/** The first value; what wrote it was this program, so its shape is taken as given. */
function decode<Value>(from: Payloads | null | undefined): Value | null {
  const [payload] = from?.payloads ?? [];
  return payload ? defaultPayloadConverter.fromPayload<Value>(payload) : null;
}

class Reading {
  facts: VideoRunFacts = { input: null, accepted: {}, wasOpened: false, memory: null, end: null };
  readonly #slots = new Map<string, GrantedSlot>();
  /** Names of activities by the events that scheduled them. */
  readonly #scheduled = new Map<string, string>();
  #ending: VideoRunFacts['end'] = null;

  read(event: HistoryEvent): void {
    const started = event.workflowExecutionStartedEventAttributes;
    if (started) {
      const accepted = Object.entries(started.memo?.fields ?? {}).map(([name, payload]) => [
        name,
        defaultPayloadConverter.fromPayload(payload),
      ]);
      this.#learn({ input: decode(started.input), accepted: Object.fromEntries(accepted) as Partial<AcceptedTerms> });
    }
    const signal = event.workflowExecutionSignaledEventAttributes;
    if (signal?.signalName === grantedSignal.name) this.#grant(decode(signal.input));
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled) this.#begin(String(event.eventId), scheduled.activityType?.name ?? '', scheduled.input);
    const completed = event.activityTaskCompletedEventAttributes;
    if (completed) this.#finish(this.#scheduled.get(String(completed.scheduledEventId)), completed.result);
  }

  #learn(change: Partial<VideoRunFacts>): void {
    this.facts = { ...this.facts, ...change };
  }

  #grant(slot: GrantedSlot | null): void {
    if (slot === null) return;
    const { submissionId, account, provider } = slot;
    this.#slots.set(submissionId, { submissionId, account, provider });
  }

  #begin(eventId: string, name: string, input: Payloads | null | undefined): void {
    this.#scheduled.set(eventId, name);
    if (name === 'openVideo') {
      const memory = decode<InputOf<'openVideo'>>(input)?.memory;
      if (memory) this.#learn({ memory });
    }
    if (name === 'checkTask') {
      const look = decode<InputOf<'checkTask'>>(input);
      if (look) this.#learn({ memory: { kind: 'running', task: look.task } });
    }
    if (name === 'endVideo') this.#ending = decode<InputOf<'endVideo'>>(input);
    if (name === 'submitTask') {
      const create = this.#slots.get(decode<InputOf<'submitTask'>>(input)?.submissionId ?? '');
      if (create) this.#learn({ memory: { kind: 'sent', create } });
    }
  }

  #finish(name: string | undefined, result: Payloads | null | undefined): void {
    if (name === 'openVideo') {
      this.#learn({ wasOpened: true });
      this.#goOn(decode<OpenedVideo>(result)?.next ?? null);
    }
    if (name === 'checkTask') {
      const look = decode<Look>(result);
      if (look?.kind === 'over') this.#goOn(look.next);
    }
    if (name === 'requestSlot' || name === 'submitTask' || name === 'endVideo') this.#goOn(decode<NextStep>(result));
  }

  #goOn(next: NextStep | null): void {
    if (next?.step === 'slot') this.#learn({ memory: null });
    if (next?.step === 'submit') this.#grant(next);
    if (next?.step === 'confirm' && next.account !== undefined) this.#grant({ ...next, account: next.account });
    if ((next?.step === 'watch' || next?.step === 'archive') && next.task) {
      this.#learn({ memory: { kind: 'running', task: next.task } });
    }
    if ((next?.step === 'watch' || next?.step === 'confirm') && next.ended) this.#end(this.#ending);
    if (next?.step === 'ended') this.#end(next.end);
  }

  #end(end: VideoRunFacts['end']): void {
    if (end) this.#learn({ end: { state: end.state, failure: end.failure } });
  }
}

/** Reads a run's history from its first event to its last. */
export function readRunHistory({ events }: RunHistory): VideoRunFacts {
  const reading = new Reading();
  for (const event of events ?? []) reading.read(event);
  return reading.facts;
}
