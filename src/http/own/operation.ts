/** How a route of ours is described: what it is held to, and what the OpenAPI document is printed from. */

import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';
import type { RefusalKind } from '../../domain/failure.ts';
import type { JsonObject } from '../../domain/json.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Server-sent events, which a token opens as well as a key. */
    isStream?: boolean;
    /** Reads of everything that a caller ever had: some of them at once, and no more. */
    isHeavy?: boolean;
    /** Absent on routes that are not ours to describe. */
    operation?: Operation;
  }
  interface FastifyInstance {
    /** Those of the routes that were mounted so far. */
    operations: ReadonlySet<Operation>;
  }
}

/** A group of routes. */
export type Tag = Readonly<Record<'name' | 'description', string>>;

/** A body that is not JSON of ours: its media types; none for an empty one. */
export interface RawAnswer {
  readonly meaning: string;
  readonly mediaTypes: readonly string[];
}

/** One method at one path. */
export interface Operation {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `:name` for its parameters. */
  readonly path: string;
  readonly tag: Tag;
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  /** Whose key it takes; `none`: no key. */
  readonly access: 'none' | 'caller' | 'root';
  /** Reads of everything that a caller ever had: some of them at once, and no more. */
  readonly isHeavy?: boolean;
  /** Its body may be a file. */
  readonly isUpload?: boolean;
  /** Server-sent events, which a token opens as well as a key. */
  readonly isStream?: boolean;
  readonly query?: z.ZodObject;
  /** For the description alone: its handler reads them by itself. */
  readonly headers?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly example?: unknown;
  /** In place of one of JSON alone: bodies that its handler reads by itself, by media type. */
  readonly bodies?: Readonly<Record<string, { readonly schema: z.ZodType; readonly example?: unknown }>>;
  /** By status; the first is that of a success. */
  readonly answers: Readonly<Record<number, z.ZodType | RawAnswer>>;
  /** Beyond those that come with its access and with what it reads. */
  readonly refusals?: readonly RefusalKind[];
  /** How it refuses where that is not by problem details: an example of the shape, with its status. */
  rendersRefusal?(kind: RefusalKind): { readonly status: number; readonly body: JsonObject };
}

/** Collects the descriptions of the routes that are mounted from here on. */
export function collectOperations(app: FastifyInstance): void {
  const operations = new Set<Operation>();
  app.decorate('operations', operations);
  app.addHook('onRoute', ({ config }) => {
    if (config?.operation !== undefined) operations.add(config.operation);
  });
}
