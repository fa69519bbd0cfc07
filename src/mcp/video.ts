/** A video as agents see it: its facts, a link to the clip and its poster as a picture. */

import type { CallToolResult } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { type GatewayClient, GatewayFailure } from '../client/gateway-client.ts';
import { dollars, shorten } from '../client/output.ts';
import { describeState, lookAt, type Snapshot } from '../client/video-answers.ts';
import { adviceOn } from '../domain/failure.ts';
import { isEnded, VIDEO_STATES } from '../domain/video.ts';
import { VIDEO_PATHS } from '../wire/clipyard/videos.ts';
import { OPENAI_PATHS } from '../wire/openai/videos.ts';
import { pathOf } from '../wire/path.ts';
import { answer, FIELDS, nextOf, type Work } from './work.ts';

const PROMPT_LENGTH = 300;
/** Larger pictures cost a model more than they tell. */
const POSTER_BYTES = 100 * 1024;
const POSTER_PATH = `/openai${OPENAI_PATHS.content}?variant=thumbnail`;

export const videoFacts = z.object({
  id: z.string(),
  state: z.enum(VIDEO_STATES),
  progress: z.int().describe('In percent.'),
  model: z.string(),
  prompt: z.string().describe('Its beginning.'),
  durationSeconds: z.number(),
  queuePosition: z.int().nullable().describe('1 is next; null while it does not wait.'),
  waitingFor: z.string().nullable(),
  price: FIELDS.price,
  estimateMicroUsd: FIELDS.money,
  settledMicroUsd: FIELDS.money.nullable().describe('What was charged; null where nothing was, or not yet.'),
  url: FIELDS.link,
  posterUrl: FIELDS.link,
  expiresAt: z.string().describe('When the clip is removed and its links die.'),
  failure: FIELDS.failure,
  batchId: z.string().nullable(),
  createdAt: z.string(),
  endedAt: z.string().nullable(),
  next: FIELDS.next,
});

/** Nothing is charged for a video that ended without a clip. */
function priceOf({ state, cost: { settledMicroUsd, estimateMicroUsd } }: Snapshot): string {
  if (settledMicroUsd !== null) return `${dollars(settledMicroUsd)}`;
  return isEnded(state) && state !== 'completed' ? '$0.00' : `about ${dollars(estimateMicroUsd)}`;
}

/** The facts of a video. */
export function factsOf(snapshot: Snapshot): z.infer<typeof videoFacts> {
  const { id, state, progress, model, queuePosition, cost, archive, expiresAt, batchId, createdAt, endedAt } = snapshot;
  const { request, waitingFor, failure } = snapshot;
  return {
    ...{ id, state, progress, model, queuePosition, expiresAt, batchId, createdAt, endedAt },
    prompt: shorten(request.prompt, PROMPT_LENGTH),
    durationSeconds: request.durationSeconds,
    waitingFor: waitingFor?.detail ?? null,
    price: priceOf(snapshot),
    estimateMicroUsd: cost.estimateMicroUsd,
    settledMicroUsd: cost.settledMicroUsd,
    url: archive?.url ?? null,
    posterUrl: archive?.posterUrl ?? null,
    failure: failure && { kind: failure.kind, message: failure.message },
    next: isEnded(state) ? null : nextOf(VIDEO, id),
  };
}

/** What it is, what it costs, where it is and what to do, in one line. */
export function describeVideo(snapshot: Snapshot): string {
  const { id, url, expiresAt, failure, waitingFor, price, next } = factsOf(snapshot);
  const words = [
    `${id}: ${describeState(snapshot)}, ${price}`,
    failure && `${failure.message} (${failure.kind})`,
    failure && adviceOn(failure.kind),
    waitingFor && `waiting: ${waitingFor}`,
    url && `the clip, until ${expiresAt}: ${url}`,
    next && `next: ${next}`,
  ];
  return words.filter(Boolean).join('; ');
}

/** Null where there is none, or none that is worth its size: an answer does without. */
async function posterOf(gateway: GatewayClient, id: string) {
  try {
    const picture = await gateway.picture(pathOf(POSTER_PATH, id), POSTER_BYTES);
    return picture && ({ type: 'image', data: picture.bytes.toString('base64'), mimeType: picture.mediaType } as const);
  } catch (error) {
    if (error instanceof GatewayFailure) return null;
    throw error;
  }
}

async function answerVideo(gateway: GatewayClient, snapshot: Snapshot): Promise<CallToolResult> {
  const { id, state, archive } = snapshot;
  const { content, ...rest } = answer(factsOf(snapshot), describeVideo(snapshot));
  if (!archive?.url) return { ...rest, content, isError: isEnded(state) && state !== 'completed' };
  const { url: uri, sizeBytes: size } = archive;
  const link = { type: 'resource_link', uri, name: `${id}.mp4`, mimeType: 'video/mp4', size } as const;
  const poster = archive.posterUrl === null ? null : await posterOf(gateway, id);
  return { ...rest, content: [...content, link, ...(poster ? [poster] : [])] };
}

export const VIDEO: Work<Snapshot> = {
  tool: 'get_video',
  look: async (gateway, id) => (await lookAt(gateway, id)).snapshot,
  idOf: ({ id }) => id,
  estimateOf: ({ cost }) => cost.estimateMicroUsd,
  hasEnded: ({ state }) => isEnded(state),
  isCancelled: ({ state }) => state === 'cancelled',
  progressOf: ({ progress }) => progress,
  describe: (snapshot) => `${describeState(snapshot)}, ${priceOf(snapshot)}`,
  times: ({ createdAt, submittedAt, generatedAt, endedAt, expiresAt }) => ({
    createdAt,
    changedAt: endedAt ?? generatedAt ?? submittedAt ?? createdAt,
    expiresAt,
  }),
  answer: answerVideo,
  cancel: (gateway, id) => gateway.ask({ method: 'POST', path: pathOf(VIDEO_PATHS.cancel, id) }),
};
