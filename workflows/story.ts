/** What an operator reads of a running video: snapshot query, search attributes and details in Markdown. */

import { patched, setCurrentDetails, setHandler, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { adviceOn } from '../src/domain/failure.ts';
import type { GivenRequest } from '../src/domain/video-request.ts';
import { type VideoSnapshot, videoQuery } from './messages.ts';
import { SEARCH_ATTRIBUTES } from './search-attributes.ts';

/** The story so far, and how to go on with it. */
export interface Story {
  readonly snapshot: VideoSnapshot;
  /** Changes what is known, and says what is being done now. */
  tell(change: Partial<VideoSnapshot>, doing: string): void;
}

const dollars = (microUsd: number | null) => (microUsd === null ? '—' : `$${(microUsd / 1_000_000).toFixed(4)}`);

/** A bill above its bound is decided by an operator; every other clip that is there has its cost by its end. */
function describeCost({ state, endedAt, settledMicroUsd }: VideoSnapshot): string {
  const isHeld = state === 'completed' && endedAt !== null && settledMicroUsd === null;
  return isHeld ? 'held for review, until an operator says what it costs (`settle`)' : dollars(settledMicroUsd);
}

function render(snapshot: VideoSnapshot, doing: string, request: GivenRequest): string {
  const { failure } = snapshot;
  const lines = [
    `**${snapshot.state}** · ${snapshot.progress} % · ${doing}`,
    '',
    `- model: \`${request.model}\`, ${request.mode ?? 'text'}, ${request.durationSeconds ?? 'default'} s`,
    `- account: ${snapshot.account ? `\`${snapshot.account}\` (${snapshot.provider})` : '—'}`,
    `- task: ${snapshot.taskId ? `\`${snapshot.taskId}\`` : '—'}, polls: ${snapshot.polls}`,
    `- estimate: ${dollars(snapshot.estimateMicroUsd)}, settled: ${describeCost(snapshot)}`,
  ];
  if (failure) lines.push(`- failure: \`${failure.kind}\` — ${failure.message}`);
  const advice = failure && adviceOn(failure.kind);
  if (advice) lines.push(`- what to do: ${advice}`);
  return lines.join('\n');
}

/** Older runs did not tell of an account or a failure that came without another state or provider. */
const TELLS_EVERY_CHANGE = 'tells-every-change';

/** Tells those who filter; an upsert is an event in the history, so only what is new, and with what told before. */
function publish(before: VideoSnapshot, { state, provider, account, failure }: VideoSnapshot): void {
  const failureKind = failure?.kind ?? null;
  const news = [
    ...(before.account === account ? [] : [{ key: SEARCH_ATTRIBUTES.account, value: account }]),
    ...((before.failure?.kind ?? null) === failureKind
      ? []
      : [{ key: SEARCH_ATTRIBUTES.failureKind, value: failureKind }]),
  ];
  const isNewState = before.state !== state;
  const isNewProvider = provider !== null && before.provider !== provider;
  if (isNewState) upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.videoState, value: state }, ...news]);
  if (isNewProvider) {
    upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.provider, value: provider }, ...(isNewState ? [] : news)]);
  }
  const isToldBeside = isNewState || isNewProvider || news.length === 0;
  if (!isToldBeside && patched(TELLS_EVERY_CHANGE)) upsertSearchAttributes(news);
}

/** Begins the story of this run; answers the query `video` from now on. */
export function beginStory(request: GivenRequest): Story {
  let snapshot: VideoSnapshot = {
    id: workflowInfo().workflowId,
    state: 'queued',
    progress: 0,
    provider: null,
    account: null,
    taskId: null,
    polls: 0,
    submittedAt: null,
    generatedAt: null,
    endedAt: null,
    estimateMicroUsd: null,
    settledMicroUsd: null,
    failure: null,
  };
  setHandler(videoQuery, () => snapshot);
  return {
    get snapshot() {
      return snapshot;
    },
    tell(change, doing) {
      const before = snapshot;
      snapshot = { ...snapshot, ...change };
      publish(before, snapshot);
      setCurrentDetails(render(snapshot, doing, request));
    },
  };
}
