/** api.airforce, older revision: only what differs from the current one, each rule above what obeys it. */

import { z } from 'zod';

/** AO-03, AO-04: named here, while the current revision forwards them as it does every unknown key. */
export const namedKeys = z.looseObject({ seed: z.int().nullish(), sound: z.boolean().nullish() });

/** AO-09: a task that is worked on is `running`. */
export const STATUSES = ['queued', 'running', 'completed', 'failed', 'expired'] as const;
export type Airforce2024Status = (typeof STATUSES)[number];

/** AO-16: the list's `limit`. */
export const LIST_LIMIT = { default: 50, max: 200 } as const;

/** AO-15: every change before the end; an end's event is named after its status, and nothing follows it. */
export const PROGRESS_EVENT = 'progress';
