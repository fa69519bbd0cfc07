/** Serves a stored object over HTTP: whole or in ranges, with conditions, as a stream (RFC 9110, sections 13 and 14). */

import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Refusal } from '../../domain/failure.ts';
import { httpDateMs } from '../../domain/http-date.ts';
import type { ByteRange, MediaStore } from '../../media/media-store.ts';

/** An object and what is known of it without opening it. */
export interface ServedObject {
  readonly store: MediaStore;
  readonly key: string;
  readonly sizeBytes: number;
  /** Strong, with its quotes. */
  readonly etag: string;
  readonly lastModified: Date;
  readonly contentType: string;
  /** What the file is called when a browser saves it: letters, digits and `._-`. */
  readonly filename: string;
  /** Set where the reader need not follow redirects. */
  readonly goesThroughUs?: true;
}

type RequestedPart =
  | { readonly kind: 'whole' | 'unsatisfiable' }
  | { readonly kind: 'part'; readonly range: ByteRange };

/** Answers GET and HEAD; throws `Refusal`: 412 for another object than was asked for, 410 where it is no longer there. */
export async function serveObject(
  request: FastifyRequest,
  reply: FastifyReply,
  object: ServedObject,
): Promise<FastifyReply> {
  const { sizeBytes, etag, lastModified, contentType, filename } = object;
  checkIsMeant(request, object);
  const link = await linkFor(request, object);
  // The link lives for a while; who may have it is asked each time.
  if (link !== null) return reply.code(302).headers({ location: link, 'cache-control': 'private, no-store' }).send();
  reply.headers({
    etag,
    'last-modified': lastModified.toUTCString(),
    'accept-ranges': 'bytes',
    // Purged media must stop at once, so caches ask each time; unchanged, that costs a 304.
    'cache-control': 'private, no-cache',
    'x-content-type-options': 'nosniff',
  });
  if (isNotModified(request, object)) return reply.code(304).send();
  const part = selectPart(request, object);
  if (part.kind === 'unsatisfiable') {
    return reply
      .code(416)
      .headers({ 'content-range': `bytes */${sizeBytes}`, 'content-length': 0 })
      .send();
  }
  const range = part.kind === 'part' ? part.range : { start: 0, end: sizeBytes - 1 };
  if (part.kind === 'part') reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${sizeBytes}`);
  reply.headers({
    'content-type': contentType,
    'content-disposition': `inline; filename="${filename}"`,
    'content-length': range.end - range.start + 1,
  });
  try {
    return request.method === 'HEAD' ? await sendHead(reply, object) : await sendBytes(reply, object, range);
  } catch (error) {
    for (const name of BYTES_HEADERS) reply.removeHeader(name);
    throw error;
  }
}

/** Conditions that clients repeat where they are sent to. The other server knows the object by another ETag. */
const CONDITIONS = ['if-match', 'if-unmodified-since', 'if-range', 'if-none-match', 'if-modified-since'];

/** Where the client is sent for the bytes; null where we answer ourselves, as to HEAD, which signed links do not allow. */
async function linkFor(
  { method, headers }: FastifyRequest,
  { store, key, contentType, filename, goesThroughUs }: ServedObject,
): Promise<string | null> {
  if (store.linkTo === undefined || goesThroughUs || method !== 'GET') return null;
  if (CONDITIONS.some((name) => headers[name] !== undefined)) return null;
  return await store.linkTo(key, { contentType, filename });
}

/** What is said of the bytes, and not of an error that comes instead. */
const BYTES_HEADERS = [
  'etag',
  'last-modified',
  'accept-ranges',
  'content-range',
  'content-disposition',
  'content-length',
];

const GONE = 'the media have been purged';

/** What GET says of an object that is no longer there is what HEAD says, which opens none. */
async function sendHead(reply: FastifyReply, { store, key }: ServedObject): Promise<FastifyReply> {
  if ((await store.sizeBytes(key)) === null) throw new Refusal('gone', GONE);
  return reply.send();
}

/** Fastify pipes at the client's pace and destroys the stream when the client leaves. */
async function sendBytes(reply: FastifyReply, { store, key }: ServedObject, range: ByteRange): Promise<FastifyReply> {
  const stream = await store.read(key, range);
  if (stream === null) throw new Refusal('gone', GONE);
  breakOffWhenShort(stream, range.end - range.start + 1, reply);
  return await reply.send(stream);
}

/** Breaks off where fewer bytes come than were promised: the reader would wait for the rest on an open connection. */
function breakOffWhenShort(stream: Readable, sizeBytes: number, { raw }: FastifyReply): void {
  let leftBytes = sizeBytes;
  // Counted once they flow, beside their way into the socket, which nothing more is to stand in.
  stream.once('resume', () =>
    stream.on('data', (chunk: Buffer) => {
      leftBytes -= chunk.byteLength;
    }),
  );
  stream.once('end', () => {
    if (leftBytes > 0) raw.destroy(new Error(`${leftBytes} bytes of what was archived are missing`));
  });
}

function tagsOf(list: string): readonly string[] {
  return list.split(',').map((tag) => tag.trim());
}

/**
 * If-Match, where weak tags never match (13.1.1), else If-Unmodified-Since (13.1.4): they go before all other conditions
 * (13.2.2).
 */
function checkIsMeant({ headers }: FastifyRequest, { etag, lastModified }: ServedObject): void {
  const meant = headers['if-match'];
  if (meant !== undefined) {
    if (tagsOf(meant).some((tag) => tag === '*' || tag === etag)) return;
    throw new Refusal('precondition_failed', `If-Match names another ETag than ${etag}`);
  }
  // False for what is no date, which is ignored.
  const isNewer = wholeSeconds(lastModified) > httpDateMs(headers['if-unmodified-since']);
  if (isNewer) throw new Refusal('precondition_failed', `the file was last modified at ${lastModified.toUTCString()}`);
}

function isNotModified({ headers }: FastifyRequest, { etag, lastModified }: ServedObject): boolean {
  const known = headers['if-none-match'];
  // Where both are sent the tag alone decides (13.2.2).
  if (known !== undefined) {
    const tags = tagsOf(known).map((tag) => tag.replace(/^W\//, ''));
    return tags.includes('*') || tags.includes(etag);
  }
  const sinceMs = httpDateMs(headers['if-modified-since']);
  return wholeSeconds(lastModified) <= sinceMs;
}

/** What is not understood, several ranges included, is answered with the whole (14.2). */
function selectPart({ method, headers }: FastifyRequest, object: ServedObject): RequestedPart {
  const [, first, last] = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(headers.range ?? '') ?? [];
  if (first === undefined || last === undefined || method !== 'GET') return { kind: 'whole' };
  if (!isUnchanged(headers['if-range'], object)) return { kind: 'whole' };
  return resolveRange(first, last, object.sizeBytes);
}

function resolveRange(first: string, last: string, sizeBytes: number): RequestedPart {
  if (first === '' && last === '') return { kind: 'whole' };
  if (first === '') {
    const suffix = Math.min(Number(last), sizeBytes);
    return suffix === 0
      ? { kind: 'unsatisfiable' }
      : { kind: 'part', range: { start: sizeBytes - suffix, end: sizeBytes - 1 } };
  }
  const start = Number(first);
  const end = last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (last !== '' && Number(last) < start) return { kind: 'whole' };
  return start >= sizeBytes ? { kind: 'unsatisfiable' } : { kind: 'part', range: { start, end } };
}

/** If-Range: the part is wanted only of the representation that the client knows; weak tags never match (13.1.5). */
function isUnchanged(ifRange: unknown, { etag, lastModified }: ServedObject): boolean {
  if (typeof ifRange !== 'string') return true;
  return ifRange.includes('"') ? ifRange === etag : httpDateMs(ifRange) === wholeSeconds(lastModified);
}

/** HTTP dates have no milliseconds. */
function wholeSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000) * 1000;
}
