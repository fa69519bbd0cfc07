/** The fields of a described API's bodies: JSON in which what a request brings stands as `$name`. */

import { z } from 'zod';
import type { Json } from '../domain/json.ts';

/** What a field can be filled with, each written with a `$` before it, and what it is. */
export const FIELD_VALUES = {
  prompt: 'the prompt',
  model: 'the model, as `upstreamModel` names it',
  durationSeconds: 'the length, a number',
  durationText: 'the length, its digits as text',
  durationSuffixed: 'the same with an s, such as 8s',
  size: 'what `ratios` has for the aspect ratio, and for the quality where it names one; without `ratios` 1280x720 and the like',
  aspectRatio: 'the aspect ratio, such as 16:9',
  quality: 'the quality, such as 720p, or what `qualities` has for it',
  mode: '`text`, `image` or `reference`',
  idempotencyKey: 'the same in every try of one submission',
  imageUrl: "a URL of the first image: the caller's, else a signed one of ours",
  imageUrls: 'the same of all images, a list',
  imageData: 'the first image as a `data:` URL',
  imageDatas: 'the same of all images, a list',
  imageBase64: 'the bytes of the first image in base64',
  imageMediaType: 'the media type of the first image',
  imageFile: 'the first image as a file; in a form, and as a field of its own',
} as const;
export type FieldValue = keyof typeof FIELD_VALUES;

/** The same with the task, for the bodies of polls and cancels. */
const TASK_VALUES = ['taskId'] as const;

export const IMAGE_VALUES: readonly string[] = Object.keys(FIELD_VALUES).filter((value) => value.startsWith('image'));

const jsonValue: z.ZodType<Json> = z.json('is no JSON value');

/** The names after `$` in a template. */
export function valuesIn(template: Json): readonly string[] {
  if (typeof template === 'string') return /^\$(?!\$)/.test(template) ? [template.slice(1)] : [];
  return typeof template === 'object' && template !== null ? Object.values(template).flatMap(valuesIn) : [];
}

/** The texts of a template. */
function textsIn(template: Json): readonly string[] {
  if (typeof template === 'string') return [template];
  return typeof template === 'object' && template !== null ? Object.values(template).flatMap(textsIn) : [];
}

function fields(names: readonly string[]) {
  const inside = new RegExp(`(?<=[^$])\\$(?:${names.join('|')})\\b`);
  const problemIn = (template: Json) => {
    const unknown = valuesIn(template).find((name) => !names.includes(name));
    if (unknown !== undefined) return `has $${unknown}, and can have ${names.map((name) => `$${name}`).join(' ')}`;
    const [name] = textsIn(template).flatMap((given) => inside.exec(given) ?? []);
    return name && `has ${name} within a text, where nothing is filled in`;
  };
  return z.record(z.string(), jsonValue, 'is no table of fields').superRefine((given, context) => {
    for (const [field, template] of Object.entries(given)) {
      const message = problemIn(template);
      if (message !== undefined) context.addIssue({ code: 'custom', path: [field], message });
    }
  });
}

export const createFields = fields(Object.keys(FIELD_VALUES));
export const taskFields = fields(TASK_VALUES);
