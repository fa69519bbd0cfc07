/** What all faces do alike: know the key, raise the errors that were asked for, create a task or lose its answer. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { JsonObject } from '../domain/json.ts';
import { MAX_CONCURRENT_TASKS } from '../wire/airforce.ts';
import type { FaultEvent } from './conditions.ts';
import type { FaceContext, SandboxContext } from './context.ts';
import type { FaultOf } from './fault-kinds.ts';
import { SandboxRefusal } from './refusal.ts';
import { endsAtMs, type SandboxTask, type TaskOwner } from './task.ts';
import type { TaskDraft } from './task-store.ts';

/** Whose request it is, by its key. */
export function authenticate(request: FastifyRequest, { keys, provider }: FaceContext): TaskOwner {
  const key = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
  if (key === undefined) throw new SandboxRefusal(401, 'unauthorized', 'an Authorization: Bearer key is required');
  if (keys && !keys.has(key)) throw new SandboxRefusal(401, 'unauthorized', 'the API key is not valid');
  return { key, provider };
}

/** The seed that a body names: numbers and texts count, and only the clip's picture depends on it. */
export function readSeed({ seed }: JsonObject): string | null {
  return typeof seed === 'number' || typeof seed === 'string' ? String(seed) : null;
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
  /** The task that the same create made before, where the face knows one again. */
  readonly known?: SandboxTask | null;
}

/** What became of a create: its task, if it has one by now, and how its answer is lost, if it is. */
export interface Acceptance {
  readonly task: SandboxTask | null;
  readonly lost: FaultOf<'lost_create_answer'> | null;
}

/** Accepts the task of a checked request, as far as limits and faults let it. */
export function acceptTask(creation: Creation, context: SandboxContext): Acceptance {
  const { draft, known } = creation;
  const { conditions, log } = context;
  raiseHttpError(context, { ...draft, on: 'create' });
  if (!known) requireRoom(draft, context);
  const lost = conditions.draw('lost_create_answer', draft);
  const task = recordTask(creation, lost, context);
  if (lost) log(`fault: create answer lost by ${lost.answer}`);
  else if (task) log(`task ${task.id}: ${task.model}, ${task.seconds} s, ready in ${task.generationMs} ms`);
  return { task, lost };
}

function recordTask(
  { draft, known }: Creation,
  lost: Acceptance['lost'],
  { store }: SandboxContext,
): SandboxTask | null {
  if (known) return known;
  if (!lost || lost.recorded === 'now') return store.accept(draft);
  if (lost.recorded !== 'never') store.accept(draft, lost.recorded.afterMs);
  return null;
}

/** Creates a task and answers in the face's words, or loses the answer as a fault asks. */
export function createTask(
  reply: FastifyReply,
  creation: Creation & { render(task: SandboxTask): unknown },
  context: SandboxContext,
): unknown {
  const { task, lost } = acceptTask(creation, context);
  if (lost) return loseAnswer(reply, lost);
  return task && creation.render(task);
}

/** AF-49, in all faces, with the answer that is nowhere documented (X17): 429 and when the next place will be free. */
function requireRoom({ key }: TaskDraft, { store }: SandboxContext): void {
  const nowMs = Date.now();
  const running = store.unended(key, nowMs);
  if (running.length < MAX_CONCURRENT_TASKS) return;
  const freeInMs = Math.min(...running.map(endsAtMs)) - nowMs;
  throw new SandboxRefusal(
    429,
    'concurrency_limit_exceeded',
    `this key already has ${running.length} video tasks, and ${MAX_CONCURRENT_TASKS} are allowed`,
    { retryAfterSeconds: Math.max(1, Math.ceil(freeInMs / 1000)) },
  );
}

/** Answers a create in one of the ways that name no task. */
export function loseAnswer(reply: FastifyReply, { answer }: FaultOf<'lost_create_answer'>): unknown {
  switch (answer) {
    case '5xx':
      throw new SandboxRefusal(503, 'unavailable', 'the sandbox does not say what became of it');
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
