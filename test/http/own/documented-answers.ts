/** Answers held against the OpenAPI document: route, status, media type and shape, with no member that it does not name. */

import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { FastifyInstance } from 'fastify';
import { buildOpenApi, type OperationObject, type SchemaObject } from '../../../src/http/openapi/document.ts';
import { VERSION } from '../../../src/net/user-agent.ts';

export const DOCUMENT = buildOpenApi({ url: 'http://gateway.test', version: VERSION });

/** An answer as it came. */
export interface GivenAnswer {
  readonly method: string;
  /** Of the route, as it was registered: `/videos/:id`. */
  readonly route: string;
  readonly status: number;
  readonly contentType: string | undefined;
  /** Undefined for bytes. */
  readonly body: unknown;
}

/** The document leaves room for members to come; what is answered today is all named. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, closed(member)]));
  const isShape = members['type'] === 'object' && 'properties' in members && !('additionalProperties' in members);
  return isShape ? { ...members, additionalProperties: false } : members;
}

const ajv = new Ajv2020({ allErrors: true, strict: false });
addFormats.default(ajv);
ajv.addSchema({ $id: 'document', components: closed(DOCUMENT.components) as SchemaObject });

function problemsOf({ $ref }: SchemaObject, body: unknown): string[] {
  const validate = ajv.getSchema(`document${$ref}`);
  if (!validate) return [`the document has no ${$ref}`];
  return validate(body) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

/** Null for a route that is not documented. */
function findOperation(method: string, route: string): OperationObject | null {
  const path = DOCUMENT.paths[route.replace(/:(\w+)/g, '{$1}')];
  return path?.[method.toLowerCase()] ?? null;
}

/** What of the answer is not as the document says; empty when all is. */
export function undocumented({ method, route, status, contentType, body }: GivenAnswer): string[] {
  const operation = findOperation(method, route);
  if (operation === null) return [`${method} ${route} is not documented`];
  const response = operation.responses[status];
  if (response === undefined) return [`${method} ${route} does not document ${status}`];
  const [mediaType = ''] = (contentType ?? '').split(';');
  if (response.content === undefined) return [];
  const content = response.content[mediaType];
  if (content === undefined) return [`${method} ${route} does not document ${mediaType} for ${status}`];
  if (content.schema === undefined) return [];
  return problemsOf(content.schema, body).map((problem) => `${method} ${route} ${status}: ${problem}`);
}

/** Collects what any answer of a documented route has that the document has not; dialects have documents of their own. */
export function holdToDocument(app: FastifyInstance): string[] {
  const found: string[] = [];
  app.addHook('onSend', async (request, reply, payload) => {
    const { url: route = '' } = request.routeOptions;
    const { method } = request;
    if (findOperation(method, route) === null) return;
    const contentType = String(reply.getHeader('content-type'));
    const body = typeof payload === 'string' && contentType.includes('json') ? JSON.parse(payload) : undefined;
    found.push(...undocumented({ method, route, status: reply.statusCode, contentType, body }));
  });
  return found;
}
