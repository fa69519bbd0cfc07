/** Asking for a video: api.airforce's create has a word for all that Clipyard can do, and forwards what it does not know. */

import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { DELIVER_KEY } from '../domain/clip-delivery.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import { CALLBACK_KEY, type Mode, REQUEST_BOUNDS } from '../domain/video-request.ts';
import { CommandFailure, type GatewayClient, readAnswer } from './gateway-client.ts';
import { sendOnce } from './send-once.ts';

/** The options of a create as they were given. */
export interface VideoOptions {
  readonly model: string;
  readonly prompt: string;
  readonly mode?: Mode;
  /** Whole seconds. */
  readonly duration?: number;
  readonly aspectRatio?: string;
  readonly quality?: string;
  /** Files and URLs. */
  readonly image: readonly string[];
  readonly seed?: number;
  /** Forwarded to the upstream as it stands. */
  readonly extra?: JsonObject;
  /** Told of the end. */
  readonly callback?: string;
  readonly deliverTo?: string;
}

const CREATE_PATH = '/airforce/v1/video/generations';
/** What the gateway takes as one request. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** More of a file would not fit, for base64 adds a third. */
const MAX_FILE_BYTES = Math.min((MAX_BODY_BYTES / 4) * 3, REQUEST_BOUNDS.imageBytes);

const createdSchema = z.looseObject({ task_id: z.string().min(1) });

/** One image is a first frame, several are references. */
function modeFor(images: number): Mode {
  if (images === 0) return 'text';
  return images === 1 ? 'image' : 'reference';
}

async function readImage(image: string): Promise<Json> {
  if (/^https?:\/\//i.test(image)) return { url: image };
  const facts = await stat(image);
  if (!facts.isFile()) throw new CommandFailure(`${image} is no file`);
  if (facts.size > MAX_FILE_BYTES) {
    throw new CommandFailure(
      `${image} has ${facts.size} bytes; an image file may have ${MAX_FILE_BYTES}, or be given by URL`,
    );
  }
  return { b64_json: (await readFile(image)).toString('base64') };
}

/**
 * The body of the create.
 * @throws CommandFailure for images that cannot be sent.
 */
export async function createBodyOf(options: VideoOptions): Promise<JsonObject> {
  const { model, prompt, mode, duration, aspectRatio, quality, image, seed, extra = {} } = options;
  const { callback, deliverTo } = options;
  if (image.length > REQUEST_BOUNDS.images) {
    throw new CommandFailure(`a video takes ${REQUEST_BOUNDS.images} images at the most, not ${image.length}`);
  }
  const images = await Promise.all(image.map(readImage));
  const body = {
    ...extra,
    ...(seed !== undefined && { seed }),
    model,
    prompt,
    mode: mode ?? modeFor(images.length),
    ...(duration !== undefined && { duration_seconds: duration }),
    ...(aspectRatio !== undefined && { aspect_ratio: aspectRatio }),
    ...(quality !== undefined && { quality }),
    ...(images.length > 0 && { input_images: images }),
    ...(callback !== undefined && { [CALLBACK_KEY]: callback }),
    ...(deliverTo !== undefined && { [DELIVER_KEY]: deliverTo }),
  };
  if (Buffer.byteLength(JSON.stringify(body)) > MAX_BODY_BYTES) {
    throw new CommandFailure(
      `the images are more than a request of ${MAX_BODY_BYTES} bytes can carry; give URLs instead`,
    );
  }
  return body;
}

/**
 * Has the video made, once.
 * @returns its id.
 * @throws GatewayFailure, as `sendOnce` does.
 */
export async function createVideo(gateway: GatewayClient, body: JsonObject, idempotencyKey: string): Promise<string> {
  return await sendOnce(gateway, idempotencyKey, async () => {
    const answer = await gateway.ask({ method: 'POST', path: CREATE_PATH, body, idempotencyKey });
    return readAnswer(createdSchema, answer).task_id;
  });
}
