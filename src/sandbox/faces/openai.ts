/** The openai face: `/v1/videos` as apifree documents it and OpenAI's SDKs speak it. */

import { randomUUID } from 'node:crypto';
import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Frame, frameOf, KNOWN_SIZES } from '../../domain/frame.ts';
import type { JsonObject } from '../../domain/json.ts';
import {
  type CreateBody,
  createBody,
  DEFAULT_FRAME,
  DEFAULT_SECONDS,
  LIST_LIMIT,
  OPENAI_ALIAS,
  OPENAI_PATHS,
  remixBody,
} from '../../wire/openai/videos.ts';
import type { FaceContext } from '../context.ts';
import { authenticate, createTask, raiseHttpError, readSeed } from '../creation.ts';
import type { Face } from '../face.ts';
import { findModel, priceClip, SANDBOX_MODELS, type SandboxModel } from '../models.ts';
import { findTask, lookUpTask, requireTask, type TaskRoute } from '../own-tasks.ts';
import { pageAfter, readLimit } from '../paging.ts';
import { readBody } from '../read-body.ts';
import { readForm } from '../read-form.ts';
import { SandboxRefusal } from '../refusal.ts';
import { requireResult, sendResult } from '../send-result.ts';
import { endsAtMs, faultOf, lookAt, type SandboxTask, type TaskOwner } from '../task.ts';
import type { TaskDraft } from '../task-store.ts';
import { renderRefusal, renderVideo } from './openai-words.ts';

const LIFETIME_MS = 86_400_000;
const MAX_FILE_BYTES = 32 * 1024 * 1024;

/** Contract, 3.3: with the sizes that only this one makes. */
const SORA: SandboxModel = {
  id: 'sora-2',
  centsPerSecond: 10,
  minSeconds: 4,
  maxSeconds: 12,
  modes: ['text', 'image'],
  aspectRatios: ['9:16', '16:9', '4:7', '7:4'],
  qualities: ['720p', '1024p', '1080p'],
};
const MODELS: readonly SandboxModel[] = [...SANDBOX_MODELS, SORA];

interface ListRoute {
  Querystring: { after?: string; limit?: string; order?: string };
}
interface ContentRoute extends TaskRoute {
  Querystring: { variant?: string };
}

function makeTaskId(): string {
  return `video_${randomUUID().replaceAll('-', '')}`;
}

/** OV-08 */
function readFrame({ size }: CreateBody): Frame {
  const frame = size == null ? DEFAULT_FRAME : frameOf(size);
  if (frame) return frame;
  const problem = `size must be one of ${KNOWN_SIZES.join(', ')}`;
  throw new SandboxRefusal(400, 'invalid_request', problem, { field: 'size' });
}

/** OV-03: JSON, or a form in which an image is a file. */
async function readVideoBody(
  request: FastifyRequest,
): Promise<{ body: unknown; hasFile: boolean; record: JsonObject }> {
  if (!request.isMultipart()) return { body: request.body, hasFile: false, record: {} };
  const { fields, files } = await readForm(request);
  return { body: fields, hasFile: files['input_reference'] !== undefined, record: files };
}

async function readDraft(request: FastifyRequest, owner: TaskOwner): Promise<TaskDraft> {
  const { body, hasFile, record } = await readVideoBody(request);
  const { parsed, request: fields } = readBody(createBody, body);
  const { model, prompt } = parsed;
  const hasImage = hasFile || parsed.input_reference != null;
  const clip = {
    ...readFrame(parsed),
    model,
    mode: hasImage ? 'image' : 'text',
    images: hasImage ? 1 : 0,
    // Contract, 3.3; a model that makes only longer clips makes its shortest.
    seconds: parsed.seconds ?? Math.max(DEFAULT_SECONDS, findModel(model, MODELS).minSeconds),
  } as const;
  return {
    id: makeTaskId(),
    ...owner,
    model,
    request: { ...fields, ...record },
    prompt,
    seed: readSeed(fields),
    lifetimeMs: LIFETIME_MS,
    ...priceClip(clip, MODELS),
  };
}

/** The routes of the face over one context. */
class OpenaiFace {
  readonly #context: FaceContext;

  constructor(context: FaceContext) {
    this.#context = context;
  }

  async create(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const owner = authenticate(request, this.#context);
    return this.#create(reply, await readDraft(request, owner));
  }

  /** Contract, 3.2: the settings of another video with a new prompt. */
  remix(request: FastifyRequest<TaskRoute>, reply: FastifyReply): unknown {
    const source = requireTask(findTask(request, this.#context));
    const { parsed, request: fields } = readBody(remixBody, request.body);
    const { key, provider, model, seconds, aspectRatio, quality, seed, lifetimeMs, estimateMicroUsd } = source;
    return this.#create(reply, {
      ...{ key, provider, model, seconds, aspectRatio, quality, seed, lifetimeMs, estimateMicroUsd },
      id: makeTaskId(),
      prompt: parsed.prompt,
      request: { ...fields, remixed_from_video_id: source.id },
    });
  }

  #create(reply: FastifyReply, draft: TaskDraft): unknown {
    const render = (task: SandboxTask) => renderVideo(task, task.createdAtMs);
    return createTask(reply, { draft, render }, this.#context);
  }

  video(request: FastifyRequest<TaskRoute>): unknown {
    return renderVideo(lookUpTask(request, this.#context), Date.now());
  }

  /** Contract, 3.2 and 3.3: newest first unless asked otherwise. */
  list(request: FastifyRequest<ListRoute>): unknown {
    const owner = authenticate(request, this.#context);
    raiseHttpError(this.#context, { ...owner, on: 'list' });
    const { after, order = 'desc' } = request.query;
    if (order !== 'asc' && order !== 'desc') {
      throw new SandboxRefusal(400, 'invalid_request', 'order must be asc or desc', { field: 'order' });
    }
    const limit = readLimit(request.query.limit, LIST_LIMIT);
    const tasks = this.#context.store.history(owner, Date.now());
    if (order === 'asc') tasks.reverse();
    const { page, hasMore } = pageAfter(tasks, { after, limit, field: 'after' });
    return {
      object: 'list',
      data: page.map((task) => renderVideo(task, Date.now())),
      first_id: page[0]?.id ?? null,
      last_id: page.at(-1)?.id ?? null,
      has_more: hasMore,
    };
  }

  /** Contract, 3.2: only what has ended can be deleted, and its content with it. */
  remove(request: FastifyRequest<TaskRoute>): unknown {
    const { store } = this.#context;
    const task = requireTask(findTask(request, this.#context));
    if (endsAtMs(task) > Date.now()) {
      throw new SandboxRefusal(409, 'video_not_ended', 'a video can be deleted once it is completed or failed');
    }
    store.change(task, { isPurged: true });
    store.hide(task.id);
    return { id: task.id, deleted: true, object: 'video.deleted' };
  }

  /** OV-24: behind the account's own key; what is not ready is a conflict, what was kept too long is gone. */
  async content(request: FastifyRequest<ContentRoute>, reply: FastifyReply): Promise<FastifyReply> {
    const { variant = 'video' } = request.query;
    const task = requireTask(findTask(request, this.#context));
    if (variant !== 'video') {
      throw new SandboxRefusal(400, 'not_supported', 'the sandbox keeps no other variant than video', {
        field: 'variant',
      });
    }
    const nowMs = Date.now();
    const { state } = lookAt(task, nowMs);
    if (state === 'queued' || state === 'processing') {
      throw new SandboxRefusal(409, 'video_not_ready', `the video is ${state}`);
    }
    if (nowMs >= task.createdAtMs + task.lifetimeMs)
      throw new SandboxRefusal(410, 'expired', 'the content has expired');
    const result = requireResult(faultOf(task, 'no_result') ? null : task, nowMs);
    return sendResult({ request, reply, task: result }, this.#context);
  }

  /** Contract, 3.2: what no upstream of this kind offers. */
  refuseUnsupported(request: FastifyRequest): never {
    authenticate(request, this.#context);
    throw new SandboxRefusal(400, 'not_supported', 'the sandbox makes, remixes and deletes videos, and nothing else');
  }
}

/** The routes below `/v1/videos`, or below its alias (OV-02). */
function addRoutes(app: FastifyInstance, face: OpenaiFace, at: (path: string) => string): void {
  const unsupported = (request: FastifyRequest) => face.refuseUnsupported(request);
  app.post(at(OPENAI_PATHS.videos), (request, reply) => face.create(request, reply));
  app.get<ListRoute>(at(OPENAI_PATHS.videos), (request) => face.list(request));
  app.get<TaskRoute>(at(OPENAI_PATHS.video), (request) => face.video(request));
  app.delete<TaskRoute>(at(OPENAI_PATHS.video), (request) => face.remove(request));
  app.post<TaskRoute>(at(OPENAI_PATHS.remix), (request, reply) => face.remix(request, reply));
  app.route<ContentRoute>({
    method: ['GET', 'HEAD'],
    url: at(OPENAI_PATHS.content),
    handler: (request, reply) => face.content(request, reply),
  });
  app.post(at(OPENAI_PATHS.edits), unsupported);
  app.post(at(OPENAI_PATHS.extensions), unsupported);
  app.post(at(OPENAI_PATHS.characters), unsupported);
  app.get(at(OPENAI_PATHS.character), unsupported);
}

export const openai: Face = {
  name: 'openai',
  renderRefusal,
  register(app: FastifyInstance, context: FaceContext): void {
    void app.register(multipart, { limits: { files: 1, fileSize: MAX_FILE_BYTES } });
    const face = new OpenaiFace(context);
    addRoutes(app, face, (path) => path);
    addRoutes(app, face, (path) => path.replace(OPENAI_PATHS.videos, OPENAI_ALIAS));
  },
};
