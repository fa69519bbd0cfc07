/** Input images as dialects receive them: URLs and base64 text, checked without fetching anything. */

import { type ImageHeader, readImageHeader, UnusableImage } from '../domain/image-header.ts';
import { type ImageInput, REQUEST_BOUNDS } from '../domain/video-request.ts';
import { refuse } from './read-body.ts';

const LONGEST_URL = 8192;
const DATA_URL_HEAD = /^data:[^,]{0,200};base64,/i;

/** An image at a URL of the kinds below, or inside a `data:` URL. */
export function imageFromUrl(param: string, url: string): ImageInput {
  return /^data:/i.test(url) ? imageFromBase64(param, url) : imageAtUrl(param, url);
}

/** An image at an http or https URL; whether its host is public is for the front door to judge. */
export function imageAtUrl(param: string, url: string): ImageInput {
  if (/^data:/i.test(url)) refuse(param, 'must be an http or https URL; this field takes no data: URL');
  if (url.length > LONGEST_URL) refuse(param, `must not be longer than ${LONGEST_URL} characters`);
  const protocol = URL.canParse(url) ? new URL(url).protocol : null;
  if (protocol !== 'http:' && protocol !== 'https:') refuse(param, 'must be an http or https URL');
  return { kind: 'url', url, param };
}

/** An image carried as base64, bare or as a `data:` URL. */
export function imageFromBase64(param: string, text: string): ImageInput {
  const digits = text.replace(DATA_URL_HEAD, '');
  const bytes = decodeBase64(digits) ?? decodeBase64(digits.replace(/\s+/g, '')) ?? refuse(param, 'is not base64');
  if (bytes.length === 0) refuse(param, 'is empty');
  return imageOfBytes(param, bytes);
}

/** What base64 stands for; null where it holds anything else, which decoding leaves out. To search for it would cost as much again. */
function decodeBase64(text: string): Buffer | null {
  const padding = [2, 1].find((length) => text.endsWith('='.repeat(length))) ?? 0;
  const digits = text.length - padding;
  const bytes = Buffer.from(text, 'base64');
  const isComplete = digits % 4 !== 1 && bytes.length === Math.floor((digits * 3) / 4);
  // Decoding takes them for + and /, and a character of two bytes for its last one.
  const isOther = () => text.includes('-') || text.includes('_') || Buffer.byteLength(text) !== text.length;
  return isComplete && !isOther() ? bytes : null;
}

/** An image as bytes; type and size are what the bytes say, not what was said of them. */
export function imageOfBytes(param: string, bytes: Uint8Array): ImageInput {
  if (bytes.length > REQUEST_BOUNDS.imageBytes) {
    refuse(param, `must not be larger than ${REQUEST_BOUNDS.imageBytes} bytes`);
  }
  return { kind: 'bytes', bytes, ...readHeader(param, bytes) };
}

function readHeader(param: string, bytes: Uint8Array): ImageHeader {
  try {
    return readImageHeader(bytes);
  } catch (error) {
    if (!(error instanceof UnusableImage)) throw error;
    return refuse(param, error.message);
  }
}
