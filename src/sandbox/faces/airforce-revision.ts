/** Both revisions of the airforce API over the sandbox's tasks: one set of routes, and what each revision says. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { AIRFORCE_PATHS, type CreateBody, TASK_LIFETIME_SECONDS } from '../../wire/airforce.ts';
import type { FaceContext } from '../context.ts';
import { authenticate, createTask, raiseHttpError, readSeed } from '../creation.ts';
import type { Face } from '../face.ts';
import { followTask } from '../follow.ts';
import { priceClip } from '../models.ts';
import { findTask, lookUpTask, requireTask, resultUrl, type TaskRoute } from '../own-tasks.ts';
import { readBody } from '../read-body.ts';
import type { SandboxTask, TaskLook, TaskOwner } from '../task.ts';
import type { TaskDraft } from '../task-store.ts';
import { renderModels } from './airforce-words.ts';

/** When a task is shown, and where its result would be. */
export interface Look {
  readonly nowMs: number;
  readonly resultUrl: string;
}

/** Everything in which the revisions differ. */
export interface AirforceRevision extends Pick<Face, 'name' | 'renderRefusal'> {
  readonly createBody: z.ZodType<CreateBody>;
  makeTaskId(): string;
  renderCreated(task: SandboxTask): unknown;
  renderTask(task: SandboxTask, at: Look): { readonly status: string };
  /** What the list's query asks for; no status means every one. */
  readListQuery(query: unknown): { readonly limit: number; readonly status?: string };
  /** The event that tells a change in the stream. */
  streamEvent(look: TaskLook): string;
  /** What ends the stream; null where its last change does. */
  readonly streamEnd: { readonly event: string; readonly data: string } | null;
  /** Whether a delete takes the clip as well. */
  readonly deletesResult: boolean;
}

/** The routes of one revision over one context. */
class AirforceFace {
  readonly #revision: AirforceRevision;
  readonly #context: FaceContext;

  constructor(revision: AirforceRevision, context: FaceContext) {
    this.#revision = revision;
    this.#context = context;
  }

  create(request: FastifyRequest, reply: FastifyReply): unknown {
    const draft = this.#readDraft(request.body, authenticate(request, this.#context));
    return createTask(reply, { draft, render: this.#revision.renderCreated }, this.#context);
  }

  #readDraft(body: unknown, owner: TaskOwner): TaskDraft {
    const { parsed, request } = readBody(this.#revision.createBody, body);
    const clip = {
      model: parsed.model,
      mode: parsed.mode ?? 'text',
      images: parsed.input_images?.length ?? 0,
      seconds: parsed.duration_seconds ?? undefined,
      aspectRatio: parsed.aspect_ratio ?? undefined,
      quality: parsed.quality ?? undefined,
    };
    return {
      id: this.#revision.makeTaskId(),
      ...owner,
      model: parsed.model,
      request,
      prompt: parsed.prompt,
      seed: readSeed(request),
      lifetimeMs: TASK_LIFETIME_SECONDS * 1000,
      ...priceClip(clip, this.#context.models),
    };
  }

  task(request: FastifyRequest<TaskRoute>): unknown {
    return this.#render(lookUpTask(request, this.#context), request);
  }

  /** AF-39, AO-16, AO-17. */
  list(request: FastifyRequest): unknown {
    const owner = authenticate(request, this.#context);
    raiseHttpError(this.#context, { ...owner, on: 'list' });
    const { limit, status } = this.#revision.readListQuery(request.query);
    const tasks = this.#context.store.history(owner, Date.now()).map((task) => this.#render(task, request));
    return { data: tasks.filter((task) => status === undefined || task.status === status).slice(0, limit) };
  }

  /** AF-42: always the same answer, and only the key's own is touched. */
  remove(request: FastifyRequest<TaskRoute>): unknown {
    const { store } = this.#context;
    const task = findTask(request, this.#context);
    if (task && this.#revision.deletesResult) store.change(task, { isPurged: true });
    if (task) store.hide(task.id);
    return { deleted: true };
  }

  models(request: FastifyRequest): unknown {
    raiseHttpError(this.#context, { ...authenticate(request, this.#context), on: 'models' });
    return renderModels(this.#context.models);
  }

  /** AF-35 to AF-38, AO-15. */
  async stream(request: FastifyRequest<TaskRoute>, reply: FastifyReply): Promise<void> {
    const { streamEnd } = this.#revision;
    const task = requireTask(findTask(request, this.#context));
    raiseHttpError(this.#context, { ...task, on: 'stream' });
    reply.hijack();
    const response = reply.raw;
    const closed = new AbortController();
    response.on('close', () => closed.abort());
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    for await (const look of followTask(task, closed.signal)) {
      const data = JSON.stringify(this.#render(task, request));
      response.write(`event: ${this.#revision.streamEvent(look)}\ndata: ${data}\n\n`);
    }
    if (streamEnd) response.write(`event: ${streamEnd.event}\ndata: ${streamEnd.data}\n\n`);
    response.end();
  }

  #render(task: SandboxTask, request: FastifyRequest) {
    const at = { nowMs: Date.now(), resultUrl: resultUrl(task, request, this.#context) };
    return this.#revision.renderTask(task, at);
  }
}

/** The face of one revision. */
export function airforceFace(revision: AirforceRevision): Face {
  return {
    name: revision.name,
    renderRefusal: revision.renderRefusal,
    register(app: FastifyInstance, context: FaceContext): void {
      const face = new AirforceFace(revision, context);
      app.post(AIRFORCE_PATHS.create, (request, reply) => face.create(request, reply));
      app.get(AIRFORCE_PATHS.tasks, (request) => face.list(request));
      app.get<TaskRoute>(AIRFORCE_PATHS.task, (request) => face.task(request));
      app.delete<TaskRoute>(AIRFORCE_PATHS.task, (request) => face.remove(request));
      app.get<TaskRoute>(AIRFORCE_PATHS.stream, (request, reply) => face.stream(request, reply));
      app.get(AIRFORCE_PATHS.models, (request) => face.models(request));
    },
  };
}
