/** The table of dialects; at a path that several document, the first is the one that answers by default. */

import type { DialectName } from '../domain/vendor.ts';
import { airforce } from './airforce.ts';
import type { Dialect } from './dialect.ts';

/** One row for each inbound face. */
export const DIALECTS = { airforce } as const satisfies Record<DialectName, Dialect>;
