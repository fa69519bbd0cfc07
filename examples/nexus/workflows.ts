/** A workflow of another team in a namespace of its own: it has clips made by Clipyard's Nexus operation. */

import { createNexusServiceClient } from '@temporalio/workflow';
import { clipyard } from './contract.ts';

export interface Trailer {
  readonly model: string;
  readonly scenes: readonly string[];
}

/** Makes all scenes at once and returns the ids of their clips; its cancel cancels them. */
export async function trailer({ model, scenes }: Trailer): Promise<readonly string[]> {
  const client = createNexusServiceClient({ service: clipyard, endpoint: 'clipyard' });
  const clips = scenes.map((prompt) => client.executeOperation('generateVideo', { request: { model, prompt } }));
  return (await Promise.all(clips)).map(({ id }) => id);
}
