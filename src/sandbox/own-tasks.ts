/** What faces do with the task that a path names: find it among the own ones, show it, link to its result. */

import type { FastifyRequest } from 'fastify';
import type { FaceContext } from './context.ts';
import { authenticate, raiseHttpError } from './creation.ts';
import { SandboxRefusal } from './refusal.ts';
import { isMissingYet, type SandboxTask } from './task.ts';

/** A path with a task's id. */
export interface TaskRoute {
  Params: { id: string };
}

/** The task in the history of the key that asks. */
export function findTask(request: FastifyRequest<TaskRoute>, context: FaceContext): SandboxTask | null {
  return context.store.find(request.params.id, authenticate(request, context), Date.now());
}

/** The same, as a poll of it: with the faults of polls. */
export function lookUpTask(request: FastifyRequest<TaskRoute>, context: FaceContext): SandboxTask {
  const task = findTask(request, context);
  raiseHttpError(context, { ...authenticate(request, context), model: task?.model, on: 'task' });
  return requireTask(task);
}

/** @throws SandboxRefusal 404 for no task, and for one that does not show itself yet. */
export function requireTask(task: SandboxTask | null): SandboxTask {
  if (task && !isMissingYet(task, Date.now())) return task;
  throw new SandboxRefusal(404, 'not_found', 'there is no such task');
}

/** The link to a task's result, under the origin that was asked. */
export function resultUrl(task: SandboxTask, request: FastifyRequest, { links }: FaceContext): string {
  return `${request.protocol}://${request.host}${links.pathOf(task)}`;
}
