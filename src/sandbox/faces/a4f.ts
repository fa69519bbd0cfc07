/** The a4f face: one create that answers when the clip is made, with the clip in base64. */

import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  A4F_PATHS,
  type A4fErrorCode,
  createBody,
  DEFAULT_RATIO,
  DURATION_SECONDS,
  MODELS,
  RATIOS,
} from '../../wire/a4f.ts';
import { base64Answer } from '../base64-answer.ts';
import type { FaceContext } from '../context.ts';
import { acceptTask, authenticate, loseAnswer, raiseHttpError, readSeed } from '../creation.ts';
import type { Face } from '../face.ts';
import { priceClip, type SandboxModel } from '../models.ts';
import { readBody } from '../read-body.ts';
import { SandboxRefusal } from '../refusal.ts';
import { openResult } from '../result-body.ts';
import { startDownload } from '../send-result.ts';
import { endsAtMs, faultOf, lookAt, type SandboxTask, type TaskOwner } from '../task.ts';
import type { TaskDraft } from '../task-store.ts';

/** Not documented: a task that is never done is given up, since its caller cannot wait for ever. */
const LIFETIME_MS = 30 * 60_000;

/** Of our own choosing, since the document names no prices. */
const CENTS_PER_SECOND = {
  'provider-2/seedance-lite': 3,
  'provider-2/kling-v2.1': 5,
  'provider-2/sora-2': 10,
  'provider-2/veo-fast': 12,
  'provider-2/seedance-pro': 15,
  'provider-2/sora-2-pro': 30,
  'provider-2/veo': 40,
} as const satisfies Record<keyof typeof MODELS, number>;

/** A4-13 to A4-19. */
export const A4F_MODELS: readonly SandboxModel[] = Object.entries(MODELS).map(
  ([id, { maxDurationSeconds, qualities }]) => ({
    id,
    centsPerSecond: new Map<string, number>(Object.entries(CENTS_PER_SECOND)).get(id) ?? 0,
    minSeconds: DURATION_SECONDS.min,
    maxSeconds: maxDurationSeconds,
    modes: ['text'],
    aspectRatios: RATIOS,
    qualities,
  }),
);

/** A4-21 to A4-26: the code of each status. */
const CODE_OF_STATUS: Readonly<Record<number, A4fErrorCode>> = {
  401: 'invalid_api_key',
  403: 'permission_denied_error',
  429: 'rate_limit_exceeded',
};
/** A4-27: not documented. */
const TYPE_OF_CODE: Readonly<Partial<Record<string, string>>> = {
  invalid_api_key: 'authentication_error',
  permission_denied_error: 'permission_error',
  rate_limit_exceeded: 'rate_limit_error',
  provider_error: 'server_error',
};

/** What the model, not the page, says about the request (A4-22). */
const MODEL_LIMITS: readonly (string | undefined)[] = ['seconds', 'quality'];
const EXCEEDS_MODEL: A4fErrorCode = 'n_exceeds_model_limit';

function renderRefusal({ status, code, message, field }: SandboxRefusal) {
  const usual: A4fErrorCode = status >= 500 ? 'provider_error' : 'invalid_request_error';
  const shown = code === EXCEEDS_MODEL ? code : (CODE_OF_STATUS[status] ?? usual);
  return {
    error: { message, type: TYPE_OF_CODE[shown] ?? 'invalid_request_error', param: field ?? null, code: shown },
  };
}

function price(clip: Parameters<typeof priceClip>[0]) {
  try {
    return priceClip(clip, A4F_MODELS);
  } catch (error) {
    if (!(error instanceof SandboxRefusal) || !MODEL_LIMITS.includes(error.field)) throw error;
    const field = error.field === 'seconds' ? 'duration' : error.field;
    throw new SandboxRefusal(400, EXCEEDS_MODEL, error.message, { field });
  }
}

function readDraft(body: unknown, owner: TaskOwner): TaskDraft {
  const { parsed, request } = readBody(createBody, body);
  const { model, prompt, quality, duration, ratio } = parsed;
  const clip = {
    model,
    quality,
    mode: 'text',
    images: 0,
    seconds: duration,
    aspectRatio: ratio ?? DEFAULT_RATIO,
  } as const;
  return {
    id: randomUUID(),
    ...owner,
    model,
    request,
    prompt,
    seed: readSeed(request),
    lifetimeMs: LIFETIME_MS,
    ...price(clip),
  };
}

/** Resolves when the task has ended, or its caller has gone. */
async function untilEnd(task: SandboxTask, reply: FastifyReply): Promise<void> {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  const remainingMs = Math.max(0, endsAtMs(task) - Date.now());
  await setTimeout(remainingMs, undefined, { signal: gone.signal }).catch(() => undefined);
}

/** A4-08 to A4-12, A4-26: nothing is sent before the outcome is known. */
async function create(request: FastifyRequest, reply: FastifyReply, context: FaceContext): Promise<unknown> {
  const draft = readDraft(request.body, authenticate(request, context));
  const { task, lost } = acceptTask({ draft }, context);
  if (task) await untilEnd(task, reply);
  // A4-28: who has hung up gets nothing, and the task goes on.
  if (reply.raw.destroyed) return reply.hijack();
  if (lost) return loseAnswer(reply, lost);
  return task && (await sendEnded(task, reply, context));
}

async function sendEnded(task: SandboxTask, reply: FastifyReply, context: FaceContext): Promise<FastifyReply> {
  raiseHttpError(context, { ...task, on: 'result' });
  const { state, error } = lookAt(task, endsAtMs(task));
  if (state !== 'completed') throw new SandboxRefusal(500, 'provider_error', error ?? 'the video was not made in time');
  const result = faultOf(task, 'no_result') ? null : await openResult(task, context.renderer);
  const body = base64Answer(result, { createdSeconds: Math.floor(endsAtMs(task) / 1000) });
  void reply.headers({ 'content-type': body.contentType, 'content-length': body.sizeBytes });
  return startDownload({ reply, task }, { body, range: { kind: 'all' } }, context);
}

export const a4f: Face = {
  name: 'a4f',
  renderRefusal,
  register(app: FastifyInstance, context: FaceContext): void {
    app.post(A4F_PATHS.create, (request, reply) => create(request, reply, context));
  },
};
