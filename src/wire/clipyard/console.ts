/** Our own routes of the console's session: path, body and answer. */

import { z } from 'zod';
import { instant, named } from './fields.ts';

export const CONSOLE_PATHS = { session: '/console/session' } as const;

const LONGEST_KEY = 500;
const secret = z.string().min(1).max(LONGEST_KEY);

/** By a key, or by the code of a link that signs in once. */
export const signInBody = z.union([z.strictObject({ key: secret }), z.strictObject({ code: secret })]);

export const sessionAnswer = named('Session', {
  caller: z.object({ id: z.string(), name: z.string(), isRoot: z.boolean() }),
  expiresAt: instant,
});
