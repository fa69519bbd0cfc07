/** The airforce face: the current revision of that API over the sandbox's tasks. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isJsonObject, type JsonObject } from '../../domain/json.ts';
import {
  AIRFORCE_PATHS,
  type CreateBody,
  createBody,
  LIST_LIMIT,
  MAX_CONCURRENT_TASKS,
  STREAM_EVENTS,
  TASK_LIFETIME_SECONDS,
} from '../../wire/airforce.ts';
import type { SandboxContext } from '../context.ts';
import { authenticate, createTask, raiseHttpError } from '../creation.ts';
import { followTask } from '../follow.ts';
import { priceClip, SANDBOX_MODELS, type SandboxModel } from '../models.ts';
import { SandboxRefusal, toRefusal } from '../refusal.ts';
import { isMissingYet, type SandboxTask } from '../task.ts';
import type { TaskDraft } from '../task-store.ts';
import { renderCreated, renderModels, renderTask } from './airforce-words.ts';

interface TaskRoute {
  Params: { id: string };
}

function parseBody(body: unknown): { parsed: CreateBody; request: JsonObject } {
  if (!isJsonObject(body)) throw new SandboxRefusal(400, 'invalid_request', 'the body must be a JSON object');
  const result = createBody.safeParse(body);
  if (result.success) return { parsed: result.data, request: body };
  const [issue] = result.error.issues;
  throw new SandboxRefusal(400, 'invalid_request', `${issue?.path.join('.') || 'body'}: ${issue?.message}`);
}

function readDraft(body: unknown, key: string): TaskDraft {
  const { parsed, request } = parseBody(body);
  const priced = priceClip({
    model: parsed.model,
    mode: parsed.mode ?? 'text',
    images: parsed.input_images?.length ?? 0,
    seconds: parsed.duration_seconds ?? undefined,
    aspectRatio: parsed.aspect_ratio ?? undefined,
    quality: parsed.quality ?? undefined,
  });
  const seed = request['seed'];
  return {
    key,
    provider: 'airforce',
    model: parsed.model,
    request,
    prompt: parsed.prompt,
    seed: typeof seed === 'number' || typeof seed === 'string' ? String(seed) : null,
    lifetimeMs: TASK_LIFETIME_SECONDS * 1000,
    ...priced,
  };
}

/** The routes of the face over one context. */
class AirforceFace {
  readonly #context: SandboxContext;

  constructor(context: SandboxContext) {
    this.#context = context;
  }

  create(request: FastifyRequest, reply: FastifyReply): unknown {
    const draft = readDraft(request.body, authenticate(request, this.#context));
    return createTask(
      reply,
      { draft, maxConcurrentTasks: MAX_CONCURRENT_TASKS, render: (task) => renderCreated(task) },
      this.#context,
    );
  }

  task(request: FastifyRequest<TaskRoute>): unknown {
    const task = this.#find(request);
    const event = { key: authenticate(request, this.#context), model: task?.model, on: 'task' as const };
    raiseHttpError(this.#context, event);
    return this.#render(this.#require(task), request);
  }

  /** AF-39, AF-40. */
  list(request: FastifyRequest): unknown {
    const key = authenticate(request, this.#context);
    raiseHttpError(this.#context, { key, on: 'list' });
    const tasks = this.#context.store.history(key, Date.now()).slice(0, LIST_LIMIT);
    return { data: tasks.map((task) => this.#render(task, request)) };
  }

  /** AF-42, AF-43: always the same answer; only the record is hidden, and only the key's own. */
  remove(request: FastifyRequest<TaskRoute>): unknown {
    const task = this.#find(request);
    if (task) this.#context.store.hide(task.id);
    return { deleted: true };
  }

  models(request: FastifyRequest, offered: readonly SandboxModel[]): unknown {
    raiseHttpError(this.#context, { key: authenticate(request, this.#context), on: 'models' });
    return renderModels(offered);
  }

  /** AF-35 to AF-38. */
  async stream(request: FastifyRequest<TaskRoute>, reply: FastifyReply): Promise<void> {
    const task = this.#require(this.#find(request));
    reply.hijack();
    const response = reply.raw;
    const closed = new AbortController();
    response.on('close', () => closed.abort());
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    for await (const _look of followTask(task, closed.signal)) {
      writeEvent(response, STREAM_EVENTS.change, JSON.stringify(this.#render(task, request)));
    }
    writeEvent(response, STREAM_EVENTS.done, STREAM_EVENTS.doneData);
    response.end();
  }

  #find(request: FastifyRequest<TaskRoute>): SandboxTask | null {
    return this.#context.store.find(request.params.id, authenticate(request, this.#context), Date.now());
  }

  #require(task: SandboxTask | null): SandboxTask {
    if (task && !isMissingYet(task, Date.now())) return task;
    throw new SandboxRefusal(404, 'not_found', 'there is no such task');
  }

  #render(task: SandboxTask, request: FastifyRequest) {
    const origin = `${request.protocol}://${request.host}`;
    return renderTask(task, { nowMs: Date.now(), resultUrl: `${origin}${this.#context.links.pathOf(task)}` });
  }
}

function writeEvent(response: FastifyReply['raw'], event: string, data: string): void {
  response.write(`event: ${event}\ndata: ${data}\n\n`);
}

/** Registers the face at the root of `app`, with its own error shape: a text and a code. */
export function registerAirforceFace(app: FastifyInstance, context: SandboxContext): void {
  const face = new AirforceFace(context);
  app.setErrorHandler((error, _request, reply) => {
    const { status, code, message, retryAfterSeconds } = toRefusal(error);
    if (retryAfterSeconds !== undefined) void reply.header('retry-after', retryAfterSeconds);
    return reply.code(status).send({ error: message, code });
  });
  app.post(AIRFORCE_PATHS.create, (request, reply) => face.create(request, reply));
  app.get(AIRFORCE_PATHS.tasks, (request) => face.list(request));
  app.get<TaskRoute>(AIRFORCE_PATHS.task, (request) => face.task(request));
  app.delete<TaskRoute>(AIRFORCE_PATHS.task, (request) => face.remove(request));
  app.get<TaskRoute>(AIRFORCE_PATHS.stream, (request, reply) => face.stream(request, reply));
  app.get(AIRFORCE_PATHS.models, (request) => face.models(request, SANDBOX_MODELS));
}
