/** The resources `clipyard://videos/{id}`: a video's facts as JSON, for clients that attach them to a conversation. */

import { type McpServer, ResourceNotFoundError, ResourceTemplate } from '@modelcontextprotocol/server';
import { GatewayFailure, readAnswer } from '../client/gateway-client.ts';
import { queryOf } from '../client/query.ts';
import { describeState } from '../client/video-answers.ts';
import { VIDEO_PATHS, videoListAnswer } from '../wire/clipyard/videos.ts';
import type { Agent } from './agent.ts';
import { factsOf, VIDEO } from './video.ts';

const LISTED = 50;
const mimeType = 'application/json';

/** Adds them; the newest ones are listed. */
export function addResources(server: McpServer, { gateway }: Agent): void {
  const list = async () => {
    const path = VIDEO_PATHS.videos + queryOf({ limit: LISTED });
    const { items } = readAnswer(videoListAnswer, await gateway.ask({ method: 'GET', path }));
    const resources = items.map((snapshot) => ({
      uri: `clipyard://videos/${snapshot.id}`,
      name: snapshot.id,
      description: `${describeState(snapshot)}: ${factsOf(snapshot).prompt}`,
      mimeType,
    }));
    return { resources };
  };
  server.registerResource(
    'video',
    new ResourceTemplate('clipyard://videos/{id}', { list }),
    { title: 'Video', description: 'A video: its state, its price, the link to its clip.', mimeType },
    async (uri, { id }) => {
      try {
        const text = JSON.stringify(factsOf(await VIDEO.look(gateway, String(id))));
        return { contents: [{ uri: uri.href, mimeType, text }] };
      } catch (error) {
        if (error instanceof GatewayFailure && error.status === 404) throw new ResourceNotFoundError(uri.href);
        throw error;
      }
    },
  );
}
