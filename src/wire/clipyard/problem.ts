/** How our own routes refuse: RFC 9457. */

import { z } from 'zod';
import { REFUSALS } from '../../domain/failure.ts';
import { named } from './fields.ts';

/** RFC 9457. */
export const problemAnswer = named('Problem', {
  type: z.literal('about:blank'),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.literal(Object.keys(REFUSALS)),
  param: z.string().optional().describe('The parameter at fault.'),
  requestId: z.string().describe('As in the header `x-request-id`.'),
});
