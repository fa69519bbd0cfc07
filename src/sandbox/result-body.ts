/** The bytes behind a result link: a rendered clip, or what a fault makes of it. */

import { createHash } from 'node:crypto';
import type { ClipRenderer } from './render/clip-renderer.ts';
import { faultOf, type SandboxTask } from './task.ts';

/** A body whose every part can be made without holding it in memory. */
export interface ResultBody {
  readonly contentType: string;
  readonly sizeBytes: number;
  /** Strong: equal bytes have it, across restarts too. */
  readonly etag: string;
  /** Chunks from `first` to `last`, both included. */
  chunks(first: number, last: number, chunkBytes: number): Generator<Uint8Array>;
}

const HTML_PAGE = '<!doctype html><html><title>Please wait</title><body>Your video is on its way.</body></html>\n';
const BOX_HEADER_BYTES = 8;
const LONG_BOX_HEADER_BYTES = 16;
const UINT32_MAX = 0xffff_ffff;

/** The header of an MP4 `free` box that is `boxBytes` long in all; its size is 64-bit where 32 do not hold it. */
function freeBoxHeader(boxBytes: number): Buffer {
  const isLong = boxBytes > UINT32_MAX;
  const header = Buffer.alloc(isLong ? LONG_BOX_HEADER_BYTES : BOX_HEADER_BYTES);
  header.writeUInt32BE(isLong ? 1 : boxBytes, 0);
  header.write('free', 4, 'latin1');
  if (isLong) header.writeBigUInt64BE(BigInt(boxBytes), BOX_HEADER_BYTES);
  return header;
}

/** `head` followed by zeros up to `sizeBytes`. */
function createBody(head: Uint8Array, sizeBytes: number = head.length, contentType = 'video/mp4'): ResultBody {
  const hash = createHash('sha256').update(head).digest('hex').slice(0, 32);
  return {
    contentType,
    sizeBytes,
    etag: `"${hash}-${sizeBytes}"`,
    *chunks(first, last, chunkBytes) {
      const zeros = new Uint8Array(Math.min(chunkBytes, last - first + 1));
      for (let at = first; at <= last; ) {
        const end = Math.min(at + chunkBytes, last + 1);
        const chunk = at < head.length ? head.subarray(at, Math.min(end, head.length)) : zeros.subarray(0, end - at);
        yield chunk;
        at += chunk.length;
      }
    },
  };
}

/** What the task's owner gets for its result. */
export async function openResult(task: SandboxTask, renderer: ClipRenderer): Promise<ResultBody> {
  if (faultOf(task, 'html_result')) {
    const page = Buffer.from(HTML_PAGE);
    return createBody(page, page.length, 'text/html; charset=utf-8');
  }
  const clip = await renderer.render(task);
  const truncated = faultOf(task, 'truncated_result');
  if (truncated) {
    return createBody(clip.subarray(0, Math.floor(clip.length * truncated.atFraction)));
  }
  const paddingBytes = (faultOf(task, 'large_result')?.sizeBytes ?? 0) - clip.length;
  if (paddingBytes < BOX_HEADER_BYTES) return createBody(clip);
  return createBody(Buffer.concat([clip, freeBoxHeader(paddingBytes)]), clip.length + paddingBytes);
}
