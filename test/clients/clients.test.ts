/** Clients as their users install them, all against one running Clipyard. */

import { aiSdk } from './ai-sdk.ts';
import { openaiBatches } from './openai-batches.ts';
import { openaiNode } from './openai-node.ts';
import { openaiPython } from './openai-python.ts';
import { openaiWebhooks } from './openai-webhooks.ts';
import { type RunningClipyard, startClipyardForClients } from './running-clipyard.ts';
import { tanstack } from './tanstack.ts';

let clipyard: RunningClipyard;
const running = () => clipyard;

beforeAll(async () => {
  clipyard = await startClipyardForClients();
}, 300_000);
afterAll(async () => {
  await clipyard?.close();
});

describe('openai for Node', () => openaiNode(running));
describe('openai for Python', () => openaiPython(running));
describe('batches by openai', () => openaiBatches(running));
describe('webhooks by openai', () => openaiWebhooks(running));
describe('the AI SDK', () => aiSdk(running));
describe('TanStack AI', () => tanstack(running));
