/** The infrai face: jobs that name no model, with idempotency keys, a cancel that stops, and retention. */

import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { JsonObject } from '../../domain/json.ts';
import {
  DEFAULT_PREFERENCE,
  deleteBody,
  type GenerateBody,
  generateBody,
  INFRAI_PATHS,
  LIST_LIMIT,
  type Preference,
  setRetentionBody,
} from '../../wire/infrai.ts';
import type { FaceContext } from '../context.ts';
import { authenticate, createTask, raiseHttpError, readSeed } from '../creation.ts';
import type { Face } from '../face.ts';
import { type PricedClip, priceClip, SANDBOX_MODELS, type WantedClip } from '../models.ts';
import { findTask, lookUpTask, requireTask, resultUrl, type TaskRoute } from '../own-tasks.ts';
import { pageAfter, readLimit } from '../paging.ts';
import { readBody } from '../read-body.ts';
import { SandboxRefusal } from '../refusal.ts';
import { endsAtMs, lookAt, type SandboxTask, type TaskOwner } from '../task.ts';
import { recordedRequest, type TaskDraft } from '../task-store.ts';
import {
  expiryOf,
  renderCapabilities,
  renderDetail,
  renderJob,
  renderRefusal,
  renderRetention,
} from './infrai-words.ts';

/** As long as airforce's; the document says nothing until a retention is set. */
const LIFETIME_MS = 86_400_000;
const DAY_MS = 86_400_000;

/** Where among the models that take a request, from the cheapest to the dearest, each preference looks (X16). */
const PLACE_OF: Readonly<Record<Preference, (count: number) => number>> = {
  cheapest: () => 0,
  balanced: (count) => Math.floor((count - 1) / 2),
  smartest: (count) => count - 1,
};

type Chosen = PricedClip & { readonly model: string };

/** The model that suits best, and the clip as it makes it. */
function chooseModel(wanted: Omit<WantedClip, 'model'>, prefer: Preference): Chosen {
  const models = [...SANDBOX_MODELS].sort((a, b) => a.centsPerSecond - b.centsPerSecond);
  const able: Chosen[] = [];
  let refusal: unknown;
  for (const { id } of models) {
    try {
      able.push({ model: id, ...priceClip({ ...wanted, model: id }) });
    } catch (error) {
      refusal ??= error;
    }
  }
  const chosen = able[PLACE_OF[prefer](able.length)];
  if (chosen) return chosen;
  throw refusal;
}

function readDraft({ parsed, request }: { parsed: GenerateBody; request: JsonObject }, owner: TaskOwner): TaskDraft {
  const hasImage = parsed.reference_image_url != null;
  const wanted = {
    mode: hasImage ? 'image' : 'text',
    images: hasImage ? 1 : 0,
    seconds: parsed.duration_seconds ?? undefined,
    // X13
    aspectRatio: parsed.aspect ?? parsed.aspect_ratio ?? undefined,
    quality: parsed.resolution ?? undefined,
  } as const;
  return {
    id: `job_${randomUUID().replaceAll('-', '')}`,
    ...owner,
    ...chooseModel(wanted, parsed.prefer ?? DEFAULT_PREFERENCE),
    request,
    prompt: parsed.prompt,
    seed: readSeed(request),
    lifetimeMs: LIFETIME_MS,
  };
}

/** The routes of the face over one context. */
class InfraiFace {
  readonly #context: FaceContext;

  constructor(context: FaceContext) {
    this.#context = context;
  }

  generate(request: FastifyRequest, reply: FastifyReply): unknown {
    const owner = authenticate(request, this.#context);
    const body = readBody(generateBody, request.body);
    const known = this.#findKnown(owner, body.request);
    const creation = { draft: readDraft(body, owner), known };
    return createTask(reply, { ...creation, render: (task) => this.#render(task, request) }, this.#context);
  }

  /** IN-12, IN-32: the same key means the same job; with another body it is refused, as the trade does. */
  #findKnown(owner: TaskOwner, request: JsonObject): SandboxTask | null {
    const key = request['idempotency_key'] ?? null;
    if (key === null) return null;
    const known = this.#context.store.findAccepted(owner, (task) => task.request['idempotency_key'] === key);
    if (!known) return null;
    if (!isDeepStrictEqual(known.request, recordedRequest(request))) {
      throw new SandboxRefusal(422, 'idempotency_key_reused', 'the idempotency_key was used with another body');
    }
    const nowMs = Date.now();
    // Who asks again for a job that is yet to be recorded has it recorded.
    return known.createdAtMs > nowMs ? this.#context.store.change(known, { createdAtMs: nowMs }) : known;
  }

  status(request: FastifyRequest<TaskRoute>): unknown {
    return this.#render(lookUpTask(request, this.#context), request);
  }

  detail(request: FastifyRequest<TaskRoute>): unknown {
    const task = lookUpTask(request, this.#context);
    return renderDetail(task, this.#look(task, request));
  }

  /** IN-16, X15: false for a job that has ended. IN-17: what the body says is ignored. */
  cancel(request: FastifyRequest<TaskRoute>): unknown {
    return { ok: this.#stop(requireTask(findTask(request, this.#context))) };
  }

  #stop(task: SandboxTask): boolean {
    const nowMs = Date.now();
    if (endsAtMs(task) <= nowMs) return false;
    this.#context.store.change(task, { cancelledAtMs: nowMs });
    this.#context.log(`task ${task.id}: cancelled`);
    return true;
  }

  /** IN-19 to IN-21. */
  list(request: FastifyRequest<{ Querystring: { cursor?: string; limit?: string } }>): unknown {
    const owner = authenticate(request, this.#context);
    raiseHttpError(this.#context, { ...owner, on: 'list' });
    const limit = readLimit(request.query.limit, LIST_LIMIT);
    const tasks = this.#context.store.history(owner, Date.now());
    const { page, hasMore } = pageAfter(tasks, { after: request.query.cursor, limit, field: 'cursor' });
    const last = page.at(-1);
    return {
      items: page.map((task) => this.#render(task, request)),
      ...(hasMore && last && { next_cursor: last.id }),
    };
  }

  /** IN-22, X9: a job with its result, stopped if it runs; the same answer for what is not there. */
  remove(request: FastifyRequest<TaskRoute>): unknown {
    const task = findTask(request, this.#context);
    // IN-23: it may carry a key, and a delete is the same however often it is said.
    if (request.body != null) readBody(deleteBody, request.body);
    this.#delete(task);
    return { ok: true };
  }

  /** IN-24. */
  removeAll(request: FastifyRequest): unknown {
    const tasks = this.#context.store.history(authenticate(request, this.#context), Date.now());
    for (const task of tasks) this.#delete(task);
    return { deleted: tasks.length };
  }

  #delete(task: SandboxTask | null): void {
    if (!task) return;
    const nowMs = Date.now();
    const stop = endsAtMs(task) > nowMs && { cancelledAtMs: nowMs };
    this.#context.store.change(task, { isPurged: true, ...stop });
    this.#context.store.hide(task.id);
  }

  /** IN-25: what is not completed is a conflict. */
  downloadUrl(request: FastifyRequest<TaskRoute>): unknown {
    const task = lookUpTask(request, this.#context);
    const { state } = lookAt(task, Date.now());
    if (state !== 'completed') throw new SandboxRefusal(409, 'not_completed', `the job is ${state}`);
    return { url: resultUrl(task, request, this.#context), expires_at: expiryOf(task) };
  }

  /** IN-26, IN-27: counted from the job's creation. */
  setRetention(request: FastifyRequest<TaskRoute>): unknown {
    const task = requireTask(findTask(request, this.#context));
    const { days } = readBody(setRetentionBody, request.body).parsed;
    return renderRetention(this.#context.store.change(task, { lifetimeMs: days * DAY_MS }));
  }

  capabilities(request: FastifyRequest): unknown {
    raiseHttpError(this.#context, { ...authenticate(request, this.#context), on: 'models' });
    return renderCapabilities(SANDBOX_MODELS);
  }

  #render(task: SandboxTask, request: FastifyRequest) {
    return renderJob(task, this.#look(task, request));
  }

  #look(task: SandboxTask, request: FastifyRequest) {
    return { nowMs: Date.now(), resultUrl: resultUrl(task, request, this.#context) };
  }
}

export const infrai: Face = {
  name: 'infrai',
  renderRefusal,
  register(app: FastifyInstance, context: FaceContext): void {
    const face = new InfraiFace(context);
    app.post(INFRAI_PATHS.generate, (request, reply) => face.generate(request, reply));
    app.get<TaskRoute>(INFRAI_PATHS.status, (request) => face.status(request));
    app.get<TaskRoute>(INFRAI_PATHS.get, (request) => face.detail(request));
    app.post<TaskRoute>(INFRAI_PATHS.cancel, (request) => face.cancel(request));
    app.get<{ Querystring: { cursor?: string; limit?: string } }>(INFRAI_PATHS.list, (request) => face.list(request));
    app.delete<TaskRoute>(INFRAI_PATHS.delete, (request) => face.remove(request));
    app.post(INFRAI_PATHS.deleteAll, (request) => face.removeAll(request));
    app.get<TaskRoute>(INFRAI_PATHS.downloadUrl, (request) => face.downloadUrl(request));
    app.post<TaskRoute>(INFRAI_PATHS.setRetention, (request) => face.setRetention(request));
    app.get(INFRAI_PATHS.capabilities, (request) => face.capabilities(request));
  },
};
