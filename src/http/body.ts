/** Reading bodies: JSON is bounded, strict UTF-8, and free of what the catalog cannot store. */

import type { IncomingMessage } from 'node:http';
import { finished } from 'node:stream/promises';
import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { UploadedFile } from '../dialects/uploaded-file.ts';
import { Refusal } from '../domain/failure.ts';
import { isJsonObject } from '../domain/json.ts';
import { isStorable } from '../domain/video-request.ts';
import { shapeOf } from './body-shape.ts';
import { type Extent, parseAround } from './parse-around.ts';
import { FIRST_BYTES, readBody, toldBytesOf } from './receive-body.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Media types of the body that it takes; JSON alone when absent. */
    takes?: readonly string[];
  }
}

/** The most a JSON body may hold. */
export const JSON_BODY_BYTES = 16 * 1024 * 1024;
/** As much as is repeated of a media type. */
const LONGEST_TYPE = 100;
/** Each value costs far more in memory than on the wire, so bytes alone are no bound. */
const BOUNDS = { deepest: 64, mostValues: 100_000, longestText: 1024 * 1024 };
const EXCESSES = {
  values: `the body holds more than ${BOUNDS.mostValues} values`,
  depth: `the body is nested deeper than ${BOUNDS.deepest} levels`,
  text: `the body holds a text of more than ${BOUNDS.longestText} bytes that is no base64`,
} as const;

const LOSES_DIGITS =
  `the body holds a whole number beyond ${Number.MAX_SAFE_INTEGER}, which would lose digits; ` +
  'send a smaller one, or its digits as a text';

function refuse(problem: string): never {
  throw new Refusal('invalid_request', problem);
}

function checkText(text: string): void {
  if (!isStorable(text)) refuse('the body holds a text with a NUL or half of a surrogate pair');
}

/** Refuses what the catalog cannot store; visits every value once, with recursion as deep as the nesting allowed. */
export function checkValues(root: unknown): void {
  let values = 0;
  const visit = (value: unknown, depth: number): void => {
    values += 1;
    if (values > BOUNDS.mostValues) refuse(EXCESSES.values);
    if (depth > BOUNDS.deepest) refuse(EXCESSES.depth);
    if (value instanceof UploadedFile) return;
    if (typeof value === 'string') checkText(value);
    // 1e999 is read as Infinity, which would be forwarded as null.
    if (typeof value === 'number' && !Number.isFinite(value)) refuse('the body holds a number that is out of range');
    // AF-17: it would not be forwarded as it stands, and a seed that is another one makes another clip.
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) refuse(LOSES_DIGITS);
    if (Array.isArray(value)) for (const item of value) visit(item, depth + 1);
    if (isJsonObject(value)) for (const key of Object.keys(value)) visitMember(key, value[key], depth);
  };
  const visitMember = (key: string, value: unknown, depth: number): void => {
    if (key === '__proto__') refuse('the body holds a key __proto__');
    checkText(key);
    visit(value, depth + 1);
  };
  visit(root, 0);
}

/**
 * The JSON value of a body; undefined when there are no bytes, since clients announce JSON on bodyless requests too.
 * `param` is the field of a form that has it.
 * @throws Refusal `invalid_request`.
 */
export function readJson(bytes: Uint8Array, param?: string): unknown {
  if (bytes.length === 0) return undefined;
  const json = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { excess, verbatim } = shapeOf(json, BOUNDS);
  if (excess !== null) refuse(EXCESSES[excess]);
  const value = parseJson(json, verbatim, param);
  checkValues(value);
  return value;
}

function parseJson(json: Buffer, verbatim: readonly Extent[], param: string | undefined): unknown {
  try {
    return parseAround(json, verbatim);
  } catch (cause) {
    const problem = `${param ?? 'the body'} is not valid JSON in UTF-8`;
    throw new Refusal('invalid_request', problem, { cause, ...(param !== undefined && { param }) });
  }
}

/** For the rest of a body that is not read. */
const REST_MS = 10_000;

/**
 * Resolves when a body was sent to its end, read or not, or after ten seconds. A client that has asked for the
 * connection to be closed gets it closed with the answer, and would find it reset while it is still sending.
 */
export async function restOfBody({ raw, headers }: FastifyRequest): Promise<void> {
  const isSent = headers.connection?.toLowerCase() === 'close' && headers.expect === undefined;
  if (raw.complete || !isSent) return;
  raw.resume();
  await finished(raw, { signal: AbortSignal.timeout(REST_MS) }).catch(() => {});
}

/** Whether a body follows the headers; some clients announce a type also where none does. */
export function hasBody({ headers }: FastifyRequest): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}

/** Whether the body is announced as what `acceptJsonAndForms` parses. */
const isJson = ({ headers }: FastifyRequest) => /^application\/json\b/i.test(headers['content-type'] ?? '');

export const JSON_TYPE = 'application/json';
export const FORM_TYPE = 'multipart/form-data';

/** What a route takes in place of the body that was sent. */
export function wrongType({ headers, routeOptions }: FastifyRequest): Refusal {
  const takes = (routeOptions.config.takes ?? [JSON_TYPE]).join(' or ');
  const type = headers['content-type']?.split(';')[0]?.trim() ?? '';
  const sent = type === '' ? 'a body without Content-Type' : type.slice(0, LONGEST_TYPE);
  return new Refusal('unsupported_media_type', `this route takes ${takes}, not ${sent}`, { param: 'content-type' });
}

/** Forms are left to their routes, and a route that reads none would go on as if there were no body. */
function checkForm(request: FastifyRequest): void {
  const isForm = request.headers['content-type']?.toLowerCase().startsWith(FORM_TYPE) ?? false;
  if (isForm && !request.routeOptions.config.takes?.includes(FORM_TYPE)) throw wrongType(request);
}

/** A small body can become a very large one when it is unpacked, so none is. */
function checkEncoding({ headers }: FastifyRequest, reply: FastifyReply): void {
  const encoding = headers['content-encoding']?.trim().toLowerCase() || 'identity';
  if (encoding === 'identity') return;
  // RFC 9110, 15.5.16: what would be taken instead.
  reply.header('accept-encoding', 'identity');
  const problem = 'the body must be sent as it is, without Content-Encoding';
  throw new Refusal('unsupported_media_type', problem, { param: 'content-encoding' });
}

/** Makes JSON the only content type an app reads, beside forms, which their routes read themselves. */
export function acceptJsonAndForms(app: FastifyInstance): void {
  app.addHook('preParsing', async (request, reply, payload) => {
    if (!hasBody(request)) return payload;
    checkEncoding(request, reply);
    checkForm(request);
    if (isJson(request)) request.holdBody(Math.min(toldBytesOf(request) ?? FIRST_BYTES, JSON_BODY_BYTES));
    return payload;
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', async (request: FastifyRequest, payload: IncomingMessage) => {
    return await request.holdBodyWhile(readBody(request, payload, readJson));
  });
  app.register(multipart);
}
