/** The command that makes a video like this one, in the words of each dialect. */

import type { Video } from '../answers.ts';

type Request = Video['request'];

/** Sizes as OpenAI names them: the quality is the shorter side. */
function sizeOf({ aspectRatio, quality }: Request): string | undefined {
  const [across, down] = aspectRatio?.split(':').map(Number) ?? [];
  const side = Number(/^(\d+)p$/.exec(quality ?? '')?.[1]);
  if (!across || !down || !side) return undefined;
  const even = (pixels: number) => Math.round(pixels / 2) * 2;
  return across >= down ? `${even((side * across) / down)}x${side}` : `${side}x${even((side * down) / across)}`;
}

function urlsOf({ images }: Request): string[] {
  return images.flatMap((image) => (image.kind === 'url' ? [image.url] : []));
}

interface Words {
  readonly path: string;
  /** Beside those of every command. */
  headers?(request: Request): Readonly<Record<string, string>>;
  body(request: Request): Readonly<Record<string, unknown>>;
}

const orAbsent = (value: string | null) => value ?? undefined;

/** Of both revisions. */
function airforceBody(request: Request): Readonly<Record<string, unknown>> {
  const urls = urlsOf(request);
  return {
    model: request.model,
    prompt: request.prompt,
    mode: request.mode === 'text' ? undefined : request.mode,
    duration_seconds: request.durationSeconds,
    aspect_ratio: orAbsent(request.aspectRatio),
    quality: orAbsent(request.quality),
    input_images: urls.length === 0 ? undefined : urls.map((url) => ({ url })),
    ...request.extra,
  };
}

/** JSON leaves out what is undefined. */
export const DIALECTS: Readonly<Record<string, Words>> = {
  airforce: { path: '/airforce/v1/video/generations', body: airforceBody },
  'airforce-2024': { path: '/airforce-2024/v1/video/generations', body: airforceBody },
  openai: {
    path: '/openai/v1/videos',
    body: (request) => ({
      model: request.model,
      prompt: request.prompt,
      seconds: String(request.durationSeconds),
      size: sizeOf(request),
      input_reference: urlsOf(request)[0] === undefined ? undefined : { image_url: urlsOf(request)[0] },
      ...request.extra,
    }),
  },
  infrai: {
    path: '/infrai/v1/video/generate',
    body: (request) => ({
      prompt: request.prompt,
      duration_seconds: request.durationSeconds,
      aspect: orAbsent(request.aspectRatio),
      resolution: orAbsent(request.quality),
      reference_image_url: urlsOf(request)[0],
      ...request.extra,
    }),
  },
  a4f: {
    path: '/a4f/v1/video/generations',
    body: (request) => ({
      model: request.model,
      prompt: request.prompt,
      duration: request.durationSeconds,
      quality: orAbsent(request.quality),
      ratio: orAbsent(request.aspectRatio),
      ...request.extra,
    }),
  },
  'ai-gateway': {
    path: '/ai-gateway/v4/ai/video-model/start',
    headers: ({ model }) => ({ 'ai-model-id': model }),
    body: (request) => ({
      prompt: request.prompt,
      duration: request.durationSeconds,
      aspectRatio: orAbsent(request.aspectRatio),
      resolution: orAbsent(request.quality),
      image: urlsOf(request)[0] === undefined ? undefined : { type: 'url', url: urlsOf(request)[0] },
      ...request.extra,
    }),
  },
};

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** With the key left to the reader's own environment. */
export function curlOf(dialect: string, request: Request, origin: string): string {
  const words = DIALECTS[dialect];
  if (words === undefined) throw new Error(`there is no dialect ${dialect}`);
  return [
    `curl ${quoted(origin + words.path)}`,
    `-H "Authorization: Bearer $CLIPYARD_API_KEY"`,
    `-H 'content-type: application/json'`,
    ...Object.entries(words.headers?.(request) ?? {}).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    `-d ${quoted(JSON.stringify(words.body(request)))}`,
  ].join(' \\\n  ');
}
