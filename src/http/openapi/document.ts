/** The OpenAPI 3.1 document, printed from what the mounted routes say of themselves. */

import { z } from 'zod';
import {
  createDocument,
  type oas31,
  type ZodOpenApiOperationObject,
  type ZodOpenApiOverride,
  type ZodOpenApiRequestBodyObject,
  type ZodOpenApiResponseObject,
} from 'zod-openapi';
import { REFUSALS, type RefusalKind } from '../../domain/failure.ts';
import { problemAnswer } from '../../wire/clipyard/problem.ts';
import type { Operation, Tag } from '../own/operation.ts';

/** A JSON Schema; each that stands elsewhere is one with a `$ref` alone. */
export interface SchemaObject extends Omit<oas31.SchemaObject, 'items' | 'anyOf' | 'properties'> {
  readonly items?: SchemaObject;
  readonly anyOf?: readonly SchemaObject[];
  readonly properties?: Readonly<Record<string, SchemaObject>>;
}

export interface ParameterObject extends Omit<oas31.ParameterObject, 'schema'> {
  readonly schema: SchemaObject;
}

type Content = Readonly<Record<string, { readonly schema?: SchemaObject; readonly example?: unknown }>>;

/** An operation, as far as each of ours goes. */
export interface OperationObject {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters: readonly ParameterObject[];
  readonly requestBody?: { readonly required: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
}

export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly Tag[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, SchemaObject>> };
}

const DESCRIPTION =
  'The routes of the documented video APIs that Clipyard speaks, which make the videos, and behind them its own. ' +
  'Errors of our own are problem details (RFC 9457) whose `code` says why, times are ISO 8601, money is whole ' +
  'micro-dollars, absent things are null; a documented API has its own words. Every answer carries `x-request-id`.';

/** What the names in paths stand for. */
const PARAMETERS: Readonly<Record<string, string>> = {
  id: 'The id.',
  file: 'The name of the file.',
  namespace: 'Of Temporal; it makes no difference.',
};

/** What any of these routes may be refused with. */
const ALWAYS: readonly RefusalKind[] = ['internal', 'unavailable'];
const WITH_KEY: readonly RefusalKind[] = ['unauthenticated', 'rate_limited'];
const WITH_PARAMETERS: readonly RefusalKind[] = ['not_found'];
const WITH_QUERY: readonly RefusalKind[] = ['invalid_request'];
const WITH_BODY: readonly RefusalKind[] = ['invalid_request', 'too_large', 'unsupported_media_type'];

/** Leaves out what JavaScript alone implies, but what it cannot count; an answer may get members that it has not yet. */
const readably: ZodOpenApiOverride = ({ jsonSchema, io }) => {
  if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
  if (io === 'output' && jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (io === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
};

function pathParameters(path: string) {
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
  return z.object(Object.fromEntries(names.map((name) => [name, z.string().describe(PARAMETERS[name] ?? name)])));
}

function refusalsOf({ access, path, query, body, bodies, refusals = [] }: Operation): readonly RefusalKind[] {
  return [
    // Signed links, which need no key, may hold anything.
    ...(query === undefined || access === 'none' ? [] : WITH_QUERY),
    ...(body === undefined && bodies === undefined ? [] : WITH_BODY),
    ...(path.includes(':') ? WITH_PARAMETERS : []),
    ...refusals,
    ...(access === 'none' ? [] : WITH_KEY),
    ...(access === 'root' ? (['forbidden'] as const) : []),
    ...ALWAYS,
  ];
}

/** By status, with the codes that come with it. HEAD says no more than its status. */
function problems(operation: Operation): Record<string, ZodOpenApiResponseObject> {
  const kinds = [...new Set(refusalsOf(operation))];
  const inOwnShape = (kind: RefusalKind) => operation.rendersRefusal?.(kind);
  const statusOf = (kind: RefusalKind) => inOwnShape(kind)?.status ?? REFUSALS[kind].httpStatus;
  return Object.fromEntries(
    kinds.map((each) => {
      const status = statusOf(each);
      const meant = kinds.filter((kind) => statusOf(kind) === status);
      const description = meant.map((kind) => `\`${kind}\`: ${REFUSALS[kind].meaning}`).join(' ');
      const example = inOwnShape(each)?.body;
      const content = example
        ? { 'application/json': { example } }
        : { 'application/problem+json': { schema: problemAnswer } };
      return [status, { description, ...(operation.method !== 'HEAD' && { content }) }];
    }),
  );
}

function successes({ summary, answers }: Operation): Record<string, ZodOpenApiResponseObject> {
  return Object.fromEntries(
    Object.entries(answers).map(([status, answer]) => {
      if (!('meaning' in answer)) {
        return [status, { description: summary, content: { 'application/json': { schema: answer } } }];
      }
      const content = Object.fromEntries(answer.mediaTypes.map((mediaType) => [mediaType, {}]));
      return [status, { description: answer.meaning, ...(answer.mediaTypes.length > 0 && { content }) }];
    }),
  );
}

function requestBodyOf({ body, example, bodies }: Operation): ZodOpenApiRequestBodyObject | undefined {
  if (bodies) return { required: true, content: bodies };
  return (
    body && {
      required: !body.safeParse(undefined).success,
      content: { 'application/json': { schema: body, ...(example !== undefined && { example }) } },
    }
  );
}

function describe(operation: Operation): ZodOpenApiOperationObject {
  const { id, tag, path, summary, description, access, query, headers } = operation;
  const requestBody = requestBodyOf(operation);
  return {
    operationId: id,
    tags: [tag.name],
    summary,
    ...(description !== undefined && { description }),
    security: access === 'none' ? [] : [{ [access === 'root' ? 'rootKey' : 'callerKey']: [] }],
    requestParams: { path: pathParameters(path), ...(query && { query }), ...(headers && { header: headers }) },
    ...(requestBody && { requestBody }),
    responses: { ...problems(operation), ...successes(operation) },
  };
}

/** Builds the document; `url` is where the gateway is reached. */
export function buildOpenApi(
  mounted: Iterable<Operation>,
  { url, version }: { readonly url: string; readonly version: string },
): OpenApiDocument {
  // What most come for is first: the documented APIs, which make the videos. What needs no key comes last.
  const rank = ({ access, rendersRefusal }: Operation) => (access === 'none' ? 2 : rendersRefusal ? 0 : 1);
  const operations = [...mounted].sort((a, b) => rank(a) - rank(b));
  const tags = [...new Set(operations.map(({ tag }) => tag))];
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const each of operations) {
    const path = each.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [each.method.toLowerCase()]: describe(each) };
  }
  const bearer = { type: 'http', scheme: 'bearer' } as const;
  const securitySchemes = {
    callerKey: { ...bearer, description: 'The API key of a caller, or the root key.' },
    rootKey: { ...bearer, description: 'The root key.' },
  };
  const document = createDocument(
    {
      openapi: '3.1.0',
      info: { title: 'Clipyard', version, description: DESCRIPTION },
      servers: [{ url }],
      tags,
      paths,
      components: { securitySchemes },
    },
    { override: readably },
  );
  return document as unknown as OpenApiDocument;
}
