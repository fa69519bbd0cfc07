/** The table of dialects; at a path that several document, the first is the one that answers by default. */

import type { DialectName } from '../domain/vendor.ts';
import { a4f } from './a4f.ts';
import { aiGateway } from './ai-gateway.ts';
import { airforce } from './airforce.ts';
import { airforce2024 } from './airforce-2024.ts';
import type { Dialect } from './dialect.ts';
import { infrai } from './infrai.ts';
import { openai } from './openai.ts';

/** One row for each inbound face. */
export const DIALECTS = {
  airforce,
  'airforce-2024': airforce2024,
  infrai,
  openai,
  a4f,
  'ai-gateway': aiGateway,
} as const satisfies Record<DialectName, Dialect>;
