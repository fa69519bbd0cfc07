/** The OpenAPI 3.1 document of our own routes, made from the schemas that they read requests with. */

import { z } from 'zod';
import { REFUSALS, type RefusalKind } from '../../domain/failure.ts';
import type { JsonObject } from '../../domain/json.ts';
import { type AnswerName, NAMED_ANSWERS, type Operation, PATH_PARAMETERS, type RawAnswer, TAGS } from './operation.ts';
import { OPERATIONS } from './operations.ts';

/** A JSON Schema, as far as the document uses it. */
export interface SchemaObject {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly items?: SchemaObject;
  readonly anyOf?: readonly SchemaObject[];
  readonly properties?: Readonly<Record<string, SchemaObject>>;
  readonly required?: readonly string[];
}

export interface ParameterObject {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: SchemaObject;
}

export interface MediaTypeObject {
  readonly schema?: SchemaObject;
  readonly example?: JsonObject;
}

export interface ResponseObject {
  readonly description: string;
  readonly content?: Readonly<Record<string, MediaTypeObject>>;
}

export interface OperationObject {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters: readonly ParameterObject[];
  readonly requestBody?: {
    readonly required: boolean;
    readonly content: Readonly<Record<string, MediaTypeObject>>;
  };
  readonly responses: Readonly<Record<string, ResponseObject>>;
}

export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, SchemaObject>>;
    readonly securitySchemes: Readonly<Record<string, unknown>>;
  };
}

const DESCRIPTION =
  "Clipyard's own routes, beside those of the documented video APIs that it speaks. Errors are problem details " +
  '(RFC 9457) whose `code` says why, times are ISO 8601, money is whole micro-dollars, absent things are null. Every ' +
  'answer carries `x-request-id`.';

/** What any of these routes may be refused with. */
const ALWAYS: readonly RefusalKind[] = ['internal', 'unavailable'];
const WITH_KEY: readonly RefusalKind[] = ['unauthenticated', 'rate_limited'];
const WITH_BODY: readonly RefusalKind[] = ['too_large', 'unsupported_media_type'];

type Override = NonNullable<NonNullable<Parameters<typeof z.toJSONSchema>[1]>['override']>;

/** What is read from text is shown as what it stands for, and what JavaScript alone implies is left out. */
const readably: Override = ({ zodSchema, jsonSchema }) => {
  const meta = z.globalRegistry.get(zodSchema);
  if (meta?.documentedAs !== undefined) {
    const { description } = jsonSchema;
    for (const name of Object.keys(jsonSchema)) Reflect.deleteProperty(jsonSchema, name);
    Object.assign(jsonSchema, meta.documentedAs, description === undefined ? {} : { description });
  }
  if (jsonSchema.format !== undefined) Reflect.deleteProperty(jsonSchema, 'pattern');
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) Reflect.deleteProperty(jsonSchema, 'maximum');
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) Reflect.deleteProperty(jsonSchema, 'minimum');
};

function toSchema(schema: z.ZodType): SchemaObject {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', override: readably });
  return rest as SchemaObject;
}

const refTo = (name: AnswerName) => `#/components/schemas/${name}`;

function namedSchemas(): Record<string, SchemaObject> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(NAMED_ANSWERS)) registry.add(schema, { id });
  const uri = (id: string) => `#/components/schemas/${id}`;
  const { schemas } = z.toJSONSchema(registry, { io: 'input', uri, override: readably });
  const plain = Object.entries(schemas).map(([name, { $schema: _, $id: _id, ...rest }]) => [name, rest]);
  return Object.fromEntries(plain);
}

function queryParameters(query: z.ZodObject | undefined): ParameterObject[] {
  const { properties = {}, required = [] } = query === undefined ? {} : toSchema(query);
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    ...(description !== undefined && { description }),
    // A list is one value with commas.
    ...(schema.type === 'array' && { style: 'form', explode: false }),
    schema,
  }));
}

function pathParameters(path: string): ParameterObject[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    description: PATH_PARAMETERS[name] ?? name,
    schema: { type: 'string' },
  }));
}

function refusalsOf({ access, body, refusals }: Operation): readonly RefusalKind[] {
  return [
    ...refusals,
    ...(access === 'none' ? [] : WITH_KEY),
    ...(access === 'root' ? (['forbidden'] as const) : []),
    ...(body === undefined ? [] : WITH_BODY),
    ...ALWAYS,
  ];
}

function success(answer: AnswerName | RawAnswer, summary: string): ResponseObject {
  if (typeof answer === 'string') {
    return { description: summary, content: { 'application/json': { schema: { $ref: refTo(answer) } } } };
  }
  const { meaning: description, mediaTypes } = answer;
  return mediaTypes.length === 0
    ? { description }
    : { description, content: Object.fromEntries(mediaTypes.map((type) => [type, {}])) };
}

/** By status, with the codes that come with it. HEAD says no more than its status. */
function problems(operation: Operation): Record<string, ResponseObject> {
  const kinds = [...new Set(refusalsOf(operation))];
  const statuses = [...new Set(kinds.map((kind) => REFUSALS[kind].httpStatus))].filter(
    (status) => !(status in operation.answers),
  );
  const content = { 'application/problem+json': { schema: { $ref: refTo('Problem') } } };
  return Object.fromEntries(
    statuses.map((status) => {
      const meant = kinds.filter((kind) => REFUSALS[kind].httpStatus === status);
      const description = meant.map((kind) => `\`${kind}\`: ${REFUSALS[kind].meaning}`).join(' ');
      return [status, { description, ...(operation.method !== 'head' && { content }) }];
    }),
  );
}

function requestBody({ body, bodyIsOptional = false, example }: Operation): Pick<OperationObject, 'requestBody'> {
  if (body === undefined) return {};
  const json = { schema: toSchema(body), ...(example && { example }) };
  return { requestBody: { required: !bodyIsOptional, content: { 'application/json': json } } };
}

function describeOperation(operation: Operation): OperationObject {
  const { id, tag, summary, description, access, query } = operation;
  const answers = Object.entries(operation.answers).map(([status, answer]) => [status, success(answer, summary)]);
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description !== undefined && { description }),
    security: access === 'none' ? [] : [{ [access === 'root' ? 'rootKey' : 'callerKey']: [] }],
    parameters: [...pathParameters(operation.path), ...queryParameters(query)],
    ...requestBody(operation),
    responses: { ...Object.fromEntries(answers), ...problems(operation) },
  };
}

function paths(): OpenApiDocument['paths'] {
  const all: Record<string, Record<string, OperationObject>> = {};
  for (const operation of OPERATIONS) {
    all[operation.path] = { ...all[operation.path], [operation.method]: describeOperation(operation) };
  }
  return all;
}

/** Builds the document; `url` is where the gateway is reached. */
export function buildOpenApi({ url, version }: { readonly url: string; readonly version: string }): OpenApiDocument {
  const bearer = { type: 'http', scheme: 'bearer' };
  return {
    openapi: '3.1.0',
    info: { title: 'Clipyard', version, description: DESCRIPTION },
    servers: [{ url }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths: paths(),
    components: {
      schemas: namedSchemas(),
      securitySchemes: {
        callerKey: { ...bearer, description: 'The API key of a caller, or the root key.' },
        rootKey: { ...bearer, description: 'The root key.' },
      },
    },
  };
}
