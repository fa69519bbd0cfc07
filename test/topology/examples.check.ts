/** The documented APIs' own examples against the production topology. */

import { TOPOLOGY } from '../examples/running-clipyard.ts';

process.env[TOPOLOGY] = 'on';

await import('../examples/airforce.test.ts');
await import('../examples/infrai.test.ts');
await import('../examples/a4f.test.ts');
await import('../examples/openai.test.ts');
