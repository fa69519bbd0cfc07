/** Mounts a route of ours: what its description says is read, held and documented. */

import type { FastifyInstance, FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify';
import type { z } from 'zod';
import type { Caller } from '../../domain/caller.ts';
import { Refusal } from '../../domain/failure.ts';
import { isJsonObject } from '../../domain/json.ts';
import { firstProblem, problemWords } from '../../domain/schema-problems.ts';
import { GATES } from './access.ts';
import type { Operation, RawAnswer, Tag } from './operation.ts';

type NameIn<Path> = Path extends `${string}/:${infer Name}/${infer Rest}`
  ? Name | NameIn<`/${Rest}`>
  : Path extends `${string}/:${infer Name}`
    ? Name
    : never;

/** `{ id }` for `/videos/:id`. */
export type ParametersOf<Path> = Readonly<Record<NameIn<Path>, string>>;

/** A value that JSON prints as `T`: an instant may still be a date. */
export type Printable<T> = T extends string
  ? T | (string extends T ? Date : never)
  : T extends object
    ? { readonly [Key in keyof T]: Printable<T[Key]> }
    : T;

/** A request as it was read. */
export interface Asked<Path, Access, Query, Body = unknown> {
  readonly caller: Access extends 'none' ? null : Caller;
  readonly params: ParametersOf<Path>;
  readonly query: z.output<Query>;
  readonly body: z.output<Body>;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** A value to print as JSON; any other answer the route sends itself. */
type Answered<Answer> = Answer extends z.ZodType ? Printable<z.input<Answer>> : FastifyReply;

/** A description whose schemas give its handler's types. */
interface OwnRoute<Path, Access, Query, Body extends z.ZodType, Answer> extends Omit<Operation, 'tag'> {
  readonly path: Path & string;
  readonly access: Access & Operation['access'];
  readonly query?: Query & z.ZodObject;
  readonly body?: Body;
  readonly example?: z.input<Body>;
  readonly answers: Readonly<Record<number, Answer & Operation['answers'][number]>>;
  readonly options?: Pick<RouteShorthandOptions, 'logLevel' | 'exposeHeadRoute' | 'bodyLimit'>;
  handle(asked: Asked<Path, Access, Query, Body>): Answered<Answer> | Promise<Answered<Answer>>;
}

/**
 * Reads a body or a query.
 * @throws Refusal `invalid_request` naming what is wrong and where.
 */
function read(schema: z.ZodType, value: unknown): unknown {
  const result = schema.safeParse(value, { error: problemWords });
  if (result.success) return result.data;
  const { path: param, problem } = firstProblem(result.error.issues);
  if (param === '') throw new Refusal('invalid_request', `the request ${problem}`);
  throw new Refusal('invalid_request', `${param}: ${problem}`, { param });
}

/** A query without what it names and says nothing of, as forms send it: absent, as in the lists of dialects. */
function filledIn({ shape }: z.ZodObject, query: unknown): unknown {
  if (!isJsonObject(query)) return query;
  return Object.fromEntries(
    Object.entries(query).filter(([name, value]) => value !== '' || !Object.hasOwn(shape, name)),
  );
}

/** Mounts the route. */
export function own<
  const Path extends string,
  Access extends Operation['access'],
  Query extends z.ZodObject,
  Body extends z.ZodType,
  Answer extends z.ZodType | RawAnswer,
>(
  app: FastifyInstance,
  tag: Tag,
  { handle, options, ...description }: OwnRoute<Path, Access, Query, Body, Answer>,
): void {
  const operation = { tag, ...description };
  const {
    method,
    path,
    access,
    query,
    body,
    bodies,
    answers,
    isUpload = false,
    isStream = false,
    isHeavy = false,
  } = operation;
  const [status = 200] = Object.keys(answers).map(Number);
  app.route({
    method,
    url: path,
    config: { operation, isUpload, isStream, isHeavy, ...(bodies && { takes: Object.keys(bodies) }) },
    // A stream has no headers to tell without streaming.
    ...(isStream && { exposeHeadRoute: false }),
    ...options,
    ...GATES[access],
    handler: async (request, reply) => {
      const asked = {
        caller: request.caller,
        params: request.params,
        query: query && read(query, filledIn(query, request.query)),
        body: body && read(body, request.body),
        request,
        reply,
      };
      reply.code(status);
      if (access !== 'none') reply.header('cache-control', 'no-store');
      return await handle(asked as Asked<Path, Access, Query, Body>);
    },
  });
}
