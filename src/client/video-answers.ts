/** A video's snapshot as people see it; what is not shown of it is printed as JSON only. */

import type { z } from 'zod';
import { adviceOn } from '../domain/failure.ts';
import { type EndState, isEnded, type VideoState } from '../domain/video.ts';
import { VIDEO_PATHS, videoAnswer, videoListAnswer } from '../wire/clipyard/videos.ts';
import { pathOf } from '../wire/path.ts';
import { CommandFailure, type GatewayClient, readAnswer } from './gateway-client.ts';
import { dollars, instant, renderFacts, renderTable, shorten } from './output.ts';

export type Snapshot = z.infer<typeof videoAnswer>;
export type Archive = NonNullable<Snapshot['archive']>;

/** A snapshot with the words it came in. */
export interface SnapshotAnswer {
  readonly answer: unknown;
  readonly snapshot: Snapshot;
}

export function readSnapshot(answer: unknown): SnapshotAnswer {
  return { answer, snapshot: readAnswer(videoAnswer, answer) };
}

/** @throws GatewayFailure for an id that is not the caller's. */
export async function lookAt(gateway: GatewayClient, id: string): Promise<SnapshotAnswer> {
  return readSnapshot(await gateway.ask({ method: 'GET', path: pathOf(VIDEO_PATHS.video, id) }));
}

/** @throws CommandFailure unless the video is completed. */
export function requireCompleted({ id, state, failure }: Snapshot): void {
  if (state === 'completed') return;
  const why = failure === null ? '' : `: ${failure.message} (${failure.kind})`;
  throw new CommandFailure(isEnded(state) ? `${id} is ${state}${why}` : `${id} is not completed, it is ${state}`);
}

/** What the video costs, as far as that is known. */
function costOf({ state, cost }: Snapshot): string | null {
  if (typeof cost.settledMicroUsd === 'number') return dollars(cost.settledMicroUsd);
  return isEnded(state) ? null : `about ${dollars(cost.estimateMicroUsd)}`;
}

function describeArchive({ sizeBytes, durationMs, width, height }: Archive): string {
  return `${width}x${height}, ${(durationMs / 1000).toFixed(1)} s, ${sizeBytes} bytes`;
}

/** Whether how far a video is says something in this state. */
const SHOWS_PROGRESS: Readonly<Record<Exclude<VideoState, EndState>, boolean>> = {
  queued: false,
  submitting: false,
  unconfirmed: false,
  generating: true,
  archiving: true,
};

/** `generating 40 %`: the state, and how far it is while that says something. */
export function describeState({ state, progress, queuePosition }: Snapshot): string {
  if (state === 'queued') return queuePosition ? `queued, ${queuePosition} in line` : 'queued';
  return !isEnded(state) && SHOWS_PROGRESS[state] ? `${state} ${progress} %` : state;
}

/** A video, a line for each fact. */
export function renderSnapshot(snapshot: Snapshot): string {
  const { id, request, archive, delivery, failure, waitingFor } = snapshot;
  return renderFacts({
    id,
    state: describeState(snapshot),
    failure: failure && `${failure.message} (${failure.kind})`,
    'what to do': failure && adviceOn(failure.kind),
    'waiting for': waitingFor?.detail,
    model: snapshot.model,
    prompt: request.prompt,
    seconds: request.durationSeconds,
    account: snapshot.account,
    task: snapshot.taskId,
    created: instant(snapshot.createdAt),
    ended: instant(snapshot.endedAt),
    'kept until': instant(snapshot.expiresAt),
    cost: costOf(snapshot),
    clip: archive && describeArchive(archive),
    sha256: archive?.sha256,
    delivery: delivery && [delivery.state, delivery.message].filter(Boolean).join(': '),
    link: archive?.url,
    workflow: snapshot.workflowUrl,
  });
}

const PROMPT_LENGTH = 40;

/** A page of videos, a row for each, and how to see the next one. */
export function renderVideos(answer: unknown): string {
  const { items, nextCursor } = readAnswer(videoListAnswer, answer);
  const rows = items.map((snapshot) => [
    snapshot.id,
    describeState(snapshot),
    snapshot.model,
    instant(snapshot.createdAt),
    costOf(snapshot),
    shorten(snapshot.request.prompt, PROMPT_LENGTH),
  ]);
  const table = renderTable(['id', 'state', 'model', 'created', 'cost', 'prompt'], rows, 'no videos');
  return nextCursor ? `${table}\nmore: --cursor ${nextCursor}` : table;
}
