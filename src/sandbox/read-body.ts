/** Checks a body against a documented schema, and keeps it as it was received. */

import type { z } from 'zod';
import { isJsonObject, type JsonObject } from '../domain/json.ts';
import { firstProblem, problemWords } from '../domain/schema-problems.ts';
import { SandboxRefusal } from './refusal.ts';

/** @throws SandboxRefusal 400 that names the first field at fault. */
export function readBody<T>(schema: z.ZodType<T>, body: unknown): { parsed: T; request: JsonObject } {
  if (!isJsonObject(body)) throw new SandboxRefusal(400, 'invalid_request', 'the body must be a JSON object');
  const result = schema.safeParse(body, { error: problemWords });
  if (result.success) return { parsed: result.data, request: body };
  const { path, problem } = firstProblem(result.error.issues);
  const [field] = path.split('.');
  throw new SandboxRefusal(400, 'invalid_request', `${path || 'body'}: ${problem}`, { ...(field && { field }) });
}
