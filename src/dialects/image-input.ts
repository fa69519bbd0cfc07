/** Input images as dialects receive them: URLs and base64 text, checked without fetching anything. */

import { type ImageHeader, readImageHeader, UnusableImage } from '../domain/image-header.ts';
import { type ImageInput, REQUEST_BOUNDS } from '../domain/video-request.ts';
import { refuse } from './read-body.ts';

const LONGEST_URL = 8192;
const DATA_URL_HEAD = /^data:[^,]{0,200};base64,/i;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

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
  const digits = text.replace(DATA_URL_HEAD, '').replace(/\s+/g, '');
  if (digits === '') refuse(param, 'is empty');
  if (!BASE64.test(digits) || digits.replace(/=+$/, '').length % 4 === 1) {
    refuse(param, 'is not base64');
  }
  return imageOfBytes(param, Buffer.from(digits, 'base64'));
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
