/** The link to a finished clip, under whichever of the usual names an answer has it. */

import type { JsonObject } from '../../domain/json.ts';
import { at, firstOf, textOf } from './fields.ts';

/** Pre-signed links are long; a longer one is none. */
const LONGEST_LINK = 8192;
/** The clip itself in a link is as long as the answer may be. */
const CARRIES_CLIP = /^data:video\//i;
/** Not the port of a link without one. */
const SCHEME = /^([a-z][a-z0-9+.-]*):(?!\d)/i;
const SCHEMES = new Set(['http', 'https', 'data']);

/** Where links stand, after the documented key. */
const LINKS = [
  'url',
  'video_url',
  'result_url',
  'download_url',
  'output_url',
  'file_url',
  'videoUrl',
  'video.url',
  'output.url',
  'output.video_url',
  'outputs.video_url',
  'output',
  'output.0',
  'output.0.url',
  'data.0.url',
  'data.url',
  'data.video_url',
  'result.url',
  'result.video_url',
  'content.video_url',
  'videos.0.url',
  'video_urls.0',
  'video_result.0.url',
  'task_result.videos.0.url',
  'generations.0.url',
  'creations.0.url',
  'assets.video',
  'urls.0',
  'unsigned_urls.0',
  'metadata.url',
];

/** A link as the answer gives it, which may be a path; undefined where there is none that can be followed. */
export function linkIn(task: JsonObject, documentedKey = 'url'): string | undefined {
  return firstOf([documentedKey, ...LINKS], (path) => asLink(at(task, path)));
}

/** A value as a link, or as a path to one; undefined for what cannot be followed. */
export function asLink(value: unknown): string | undefined {
  const link = textOf(value);
  if (link === undefined || (link.length > LONGEST_LINK && !CARRIES_CLIP.test(link))) return undefined;
  const scheme = SCHEME.exec(link)?.[1]?.toLowerCase();
  if (scheme !== undefined) return SCHEMES.has(scheme) ? link : undefined;
  // Under a name such as `output` a sentence may stand as well.
  return /[/.]/.test(link) && !/\s/.test(link) ? link : undefined;
}
