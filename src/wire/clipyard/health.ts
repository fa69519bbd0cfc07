/** What the routes of health answer. */

import { z } from 'zod';
import { named } from './fields.ts';

export const livenessAnswer = named('Liveness', { status: z.literal('ok') });

const part = z.enum(['up', 'down']);

export const readinessAnswer = named('Readiness', {
  status: z.enum(['ready', 'degraded', 'unavailable']),
  catalog: part,
  storage: part,
  temporal: part,
  workers: part,
  notice: z.string().optional().describe('What an operator has to do, where there is something.'),
});
