/** What all faces do alike: know the key, raise the errors that were asked for, create a task or lose its answer. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FaultEvent } from './conditions.ts';
import type { SandboxContext } from './context.ts';
import type { FaultOf } from './fault-kinds.ts';
import { SandboxRefusal } from './refusal.ts';
import { endsAtMs, type SandboxTask } from './task.ts';
import type { TaskDraft } from './task-store.ts';

/** The key of a request. */
export function authenticate(request: FastifyRequest, { keys }: SandboxContext): string {
  const key = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
  if (key === undefined) throw new SandboxRefusal(401, 'unauthorized', 'an Authorization: Bearer key is required');
  if (keys && !keys.has(key)) throw new SandboxRefusal(401, 'unauthorized', 'the API key is not valid');
  return key;
}

/** Throws the HTTP error that a fault asks for at this event, if one does. */
export function raiseHttpError({ conditions, log }: SandboxContext, event: FaultEvent): void {
  const fault = conditions.draw('http_error', event);
  if (!fault) return;
  log(`fault: ${fault.status} on ${fault.on}`);
  throw new SandboxRefusal(fault.status, 'sandbox_fault', `the sandbox was told to answer ${fault.status} here`, fault);
}

/** What a face makes of one create. */
export interface Creation {
  readonly draft: TaskDraft;
  /** Tasks a key may have at once. */
  readonly maxConcurrentTasks: number;
  /** The answer in the face's words. */
  render(task: SandboxTask): unknown;
}

/** Creates the task of a checked request and answers, or loses the answer as a fault asks. */
export function createTask(reply: FastifyReply, creation: Creation, context: SandboxContext): unknown {
  const { draft } = creation;
  const { store, conditions, log } = context;
  raiseHttpError(context, { ...draft, on: 'create' });
  requireRoom(creation, context);
  const lost = conditions.draw('lost_create_answer', draft);
  if (!lost) {
    const task = store.accept(draft);
    log(`task ${task.id}: ${task.model}, ${task.seconds} s, ready in ${task.generationMs} ms`);
    return creation.render(task);
  }
  if (lost.recorded === 'now') store.accept(draft);
  if (typeof lost.recorded === 'object') store.accept(draft, lost.recorded.afterMs);
  log(`fault: create answer lost by ${lost.answer}`);
  return loseAnswer(reply, lost);
}

/** AF-49, with the answer that is nowhere documented (X17): 429 and when the next place will be free. */
function requireRoom({ draft, maxConcurrentTasks }: Creation, { store }: SandboxContext): void {
  const nowMs = Date.now();
  const running = store.unended(draft.key, nowMs);
  if (running.length < maxConcurrentTasks) return;
  const freeInMs = Math.min(...running.map(endsAtMs)) - nowMs;
  throw new SandboxRefusal(
    429,
    'concurrency_limit_exceeded',
    `this key already has ${running.length} video tasks, and ${maxConcurrentTasks} are allowed`,
    { retryAfterSeconds: Math.max(1, Math.ceil(freeInMs / 1000)) },
  );
}

function loseAnswer(reply: FastifyReply, { answer }: FaultOf<'lost_create_answer'>): unknown {
  switch (answer) {
    case '5xx':
      throw new SandboxRefusal(502, 'bad_gateway', 'the upstream of the sandbox did not answer');
    case 'garbage':
      return reply.type('text/html').send('<html><body>OK</body></html>');
    case 'reset':
      reply.hijack();
      reply.raw.socket?.resetAndDestroy();
      return reply;
    case 'timeout':
      // Nothing more is ever said; the connection stays until the other side, or the sandbox, closes it.
      reply.hijack();
      return reply;
  }
}
