/** What a team has to know of Clipyard's Nexus service, to be copied: names, and the parts of inputs and results that it uses. */

import { operation, service } from 'nexus-rpc';

interface ClipInput {
  readonly request: { readonly model: string; readonly prompt: string; readonly durationSeconds?: number };
  readonly idempotencyKey?: string;
}

export const clipyard = service('clipyard', {
  generateVideo: operation<ClipInput, { readonly id: string; readonly state: string }>(),
  runBatch: operation<{ readonly batchId: string }, { readonly state: string }>(),
});
