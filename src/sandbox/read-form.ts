/** Reads `multipart/form-data` into what the same body would be as JSON; a file becomes its description. */

import { createHash } from 'node:crypto';
import type { MultipartFile } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts';
import { SandboxRefusal } from './refusal.ts';

/** How a file stands in the bill: its bytes are not kept. */
export interface ReceivedFile extends JsonObject {
  readonly filename: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** What a form held: the texts by name, `a[b]` and `a[]` taken apart, and the files. */
export interface Form {
  readonly fields: JsonObject;
  readonly files: Readonly<Record<string, ReceivedFile>>;
}

/** A field's name: `a`, `a[]` or `a[b]`; deeper ones are kept as they are written. */
const NAME = /^([^[\]]+)\[([^[\]]*)\]$/;

function put(fields: Map<string, Json>, name: string, value: Json): void {
  const [, outer, inner] = NAME.exec(name) ?? [];
  if (outer === undefined || inner === undefined) {
    fields.set(name, value);
    return;
  }
  const there = fields.get(outer);
  if (inner === '') fields.set(outer, [...(Array.isArray(there) ? there : []), value]);
  else fields.set(outer, { ...(isJsonObject(there) && there), [inner]: value });
}

async function describe(part: MultipartFile): Promise<ReceivedFile> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of part.file) {
    if (!(chunk instanceof Uint8Array)) continue;
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  return { filename: part.filename, mediaType: part.mimetype, sizeBytes, sha256: hash.digest('hex') };
}

async function collect(request: FastifyRequest): Promise<Form> {
  const fields = new Map<string, Json>();
  const files = new Map<string, ReceivedFile>();
  for await (const part of request.parts()) {
    if (part.type === 'file') files.set(part.fieldname, await describe(part));
    else put(fields, part.fieldname, String(part.value));
  }
  return { fields: Object.fromEntries(fields), files: Object.fromEntries(files) };
}

/** Reads a form. @throws SandboxRefusal 400 for one that is cut short or malformed (OV-23). */
export async function readForm(request: FastifyRequest): Promise<Form> {
  try {
    return await collect(request);
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new SandboxRefusal(400, 'invalid_request', `the multipart body cannot be read: ${problem}`);
  }
}
