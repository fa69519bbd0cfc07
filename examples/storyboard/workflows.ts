/** A workflow of another team: it makes the scenes of a storyboard as clips, each one a child of its own. */

import { generateVideoChild, type VideoEnd } from 'clipyard/workflows';

export interface Storyboard {
  readonly model: string;
  readonly scenes: readonly string[];
}

/** Makes all scenes at once; Clipyard queues what does not fit into its accounts' slots. */
export async function storyboard({ model, scenes }: Storyboard): Promise<readonly VideoEnd[]> {
  return await Promise.all(scenes.map((prompt) => generateVideoChild({ request: { model, prompt } })));
}
