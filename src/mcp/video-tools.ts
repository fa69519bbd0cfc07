/** Tools for videos: making one, seeing how it is, listing, cancelling. */

import type { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { createVideo } from '../client/create-video.ts';
import { readAnswer } from '../client/gateway-client.ts';
import { queryOf } from '../client/query.ts';
import { VIDEO_STATES } from '../domain/video.ts';
import { PAGE_LIMIT, text } from '../wire/clipyard/fields.ts';
import { VIDEO_PATHS, videoListAnswer } from '../wire/clipyard/videos.ts';
import type { Agent } from './agent.ts';
import { argumentsOf, bodyOf, createShape, idempotencyKey } from './create-arguments.ts';
import { answerOrder } from './made.ts';
import { estimate, READS } from './offer-tools.ts';
import { describeVideo, factsOf, VIDEO, videoFacts } from './video.ts';
import { answer } from './work.ts';

/** Of tools that have something made, and pay for it, once. */
export const CREATES = {
  readOnlyHint: false,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: true,
} as const;

const id = text.describe('As it was answered by create_video, list_videos or get_batch.');

/** Without a schema of its output: with one the answer could not be a task. */
function addCreate(server: McpServer, agent: Agent): void {
  const { gateway } = agent;
  server.registerTool(
    'create_video',
    {
      title: 'Create a video',
      description:
        'Has one video made, which costs money (ask `estimate` first). It takes minutes and goes on by itself: the ' +
        'answer is the clip, or after 50 seconds its id, for get_video. A lost connection loses nothing: call it again ' +
        'with the same idempotencyKey.',
      inputSchema: argumentsOf({ ...createShape(agent.readsFiles), idempotencyKey }),
      annotations: CREATES,
    },
    async ({ idempotencyKey: key, ...asked }, context) =>
      await answerOrder(agent, context, {
        work: VIDEO,
        idempotencyKey: `video ${key}`,
        price: async () => {
          const { model, durationSeconds, aspectRatio, quality } = asked;
          return (await estimate(gateway, { model, durationSeconds, aspectRatio, quality })).estimateMicroUsd;
        },
        make: async () => await createVideo(gateway, await bodyOf(asked), key),
      }),
  );
}

function addGet(server: McpServer, { gateway }: Agent): void {
  server.registerTool(
    'get_video',
    {
      title: 'Get a video',
      description:
        'How a video is: its state, its price, and once it is completed a signed link to the clip and its first picture.',
      inputSchema: argumentsOf({ id }),
      outputSchema: videoFacts,
      annotations: READS,
    },
    async ({ id: asked }) => {
      const { isError: _ended, ...told } = await VIDEO.answer(gateway, await VIDEO.look(gateway, asked));
      return told;
    },
  );
}

function addList(server: McpServer, { gateway }: Agent): void {
  server.registerTool(
    'list_videos',
    {
      title: 'List videos',
      description: "The caller's videos, the newest first, with those that were made in other ways.",
      inputSchema: argumentsOf({
        state: z.enum(VIDEO_STATES).optional(),
        limit: z.int().min(1).max(PAGE_LIMIT.max).optional().describe('20 when left out.'),
        cursor: z.string().max(1000).optional().describe('The nextCursor of the page before.'),
      }),
      outputSchema: z.object({ items: z.array(videoFacts), nextCursor: z.string().nullable() }),
      annotations: READS,
    },
    async ({ state, limit = 20, cursor }) => {
      const path = VIDEO_PATHS.videos + queryOf({ state, limit, cursor });
      const { items, nextCursor } = readAnswer(videoListAnswer, await gateway.ask({ method: 'GET', path }));
      const lines = [...items.map(describeVideo), ...(nextCursor === null ? [] : [`more: cursor ${nextCursor}`])];
      return answer({ items: items.map(factsOf), nextCursor }, lines.join('\n') || 'no videos');
    },
  );
}

function addCancel(server: McpServer, { gateway }: Agent): void {
  server.registerTool(
    'cancel_video',
    {
      title: 'Cancel a video',
      description:
        'Cancels a video. Where its upstream cannot stop it is charged all the same if it completes; one that has ended stays as it is.',
      inputSchema: argumentsOf({ id }),
      outputSchema: videoFacts,
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
    },
    async ({ id: asked }) => {
      await VIDEO.cancel(gateway, asked);
      const snapshot = await VIDEO.look(gateway, asked);
      return answer(factsOf(snapshot), describeVideo(snapshot));
    },
  );
}

/** Adds them. */
export function addVideoTools(server: McpServer, agent: Agent): void {
  addCreate(server, agent);
  addGet(server, agent);
  addList(server, agent);
  addCancel(server, agent);
}
