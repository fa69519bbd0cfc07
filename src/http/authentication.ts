/** Who is asking: the bearer key of a request, turned into a caller before the body is read. */

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Caller } from '../domain/caller.ts';
import { Refusal } from '../domain/failure.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { refuseOtherOrigins, sessionTokenOf } from './console/session-cookie.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * The caller whose key the request carries, kept with the request.
     * @throws Refusal `unauthenticated` for a missing, malformed, unknown or disabled key.
     */
    authenticate(request: FastifyRequest): Promise<Caller>;
  }
  interface FastifyRequest {
    /** Null until the key was checked, and where none is asked for. */
    caller: Caller | null;
  }
}

/** AF-07: `Bearer` and the key; the scheme's case does not matter (RFC 9110). */
const BEARER = /^bearer +(\S+) *$/i;

/** What a stream token opens. */
export interface StreamGrant {
  readonly caller: Caller;
  /** Null: every stream of the caller. */
  readonly videoId: string | null;
}

/** Null for a token that opens nothing, or nothing any more. */
export type ReadStreamToken = (token: string) => Promise<StreamGrant | null>;

/** Null for a session that has ended, or never was. */
export type ReadSession = (token: string) => Promise<Caller | null>;

/** What opens the gateway beside keys. */
export interface KeylessAccess {
  readonly readToken: ReadStreamToken;
  readonly readSession: ReadSession;
}

/** The caller of the console's session that the browser sends; undefined where it sends none. */
async function callerOfSession(request: FastifyRequest, readSession: ReadSession): Promise<Caller | undefined> {
  const token = sessionTokenOf(request);
  if (token === null) return undefined;
  const caller = await readSession(token);
  if (caller === null) throw new Refusal('unauthenticated', 'the session has ended; sign in again');
  refuseOtherOrigins(request);
  return caller;
}

/** The caller of a token, where the route is one that tokens open; undefined where there is no token. */
async function callerOfToken(request: FastifyRequest, readToken: ReadStreamToken): Promise<Caller | undefined> {
  const { token } = request.query as Readonly<Record<string, unknown>>;
  if (!request.routeOptions.config.isStream || typeof token !== 'string') return undefined;
  const grant = await readToken(token);
  if (grant === null) throw new Refusal('unauthenticated', 'the stream token is not one of ours, or has expired');
  const { id } = request.params as Readonly<Record<string, unknown>>;
  if (grant.videoId !== null && grant.videoId !== id) {
    throw new Refusal('forbidden', 'the stream token opens the streams of another video');
  }
  return grant.caller;
}

/** Where clients of other APIs put their keys. */
const KEY_HEADERS = ['x-api-key', 'api-key'] as const;

/** The key that a request carries, undefined where it has none. */
export function keyOf({ headers }: FastifyRequest): string | undefined {
  if (headers.authorization !== undefined) return BEARER.exec(headers.authorization)?.[1];
  return KEY_HEADERS.map((name) => [headers[name]].flat()[0]?.trim()).find((key) => key);
}

/** Gives the app's requests their callers. */
export function addAuthentication(
  app: FastifyInstance,
  gateway: Pick<Gateway, 'authenticate'>,
  { readToken, readSession }: KeylessAccess,
): void {
  const callerOf = async (request: FastifyRequest): Promise<Caller> => {
    const key = keyOf(request);
    const caller =
      key === undefined
        ? ((await callerOfToken(request, readToken)) ?? (await callerOfSession(request, readSession)))
        : await gateway.authenticate(key);
    if (caller === undefined) throw new Refusal('unauthenticated', 'send the API key as "Authorization: Bearer <key>"');
    if (caller === null) throw new Refusal('unauthenticated', 'the API key is not known');
    return caller;
  };
  app.decorateRequest('caller', null);
  app.decorate('authenticate', async (request: FastifyRequest) => {
    request.caller = await callerOf(request);
    return request.caller;
  });
}
