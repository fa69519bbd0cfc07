/** Signing in to the console and out of it. */

import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import { Refusal } from '../../domain/failure.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { CONSOLE_PATHS, sessionAnswer, signInBody } from '../../wire/clipyard/console.ts';
import type { Tag } from '../own/operation.ts';
import { own } from '../own/own.ts';
import { refuseOtherOrigins, sessionCookie, sessionTokenOf } from './session-cookie.ts';
import type { ConsoleSessions, Session } from './sessions.ts';
import type { SignInCodes } from './sign-in-codes.ts';

export interface SessionRoutesOptions {
  readonly gateway: Pick<Gateway, 'authenticate'>;
  readonly sessions: ConsoleSessions;
  readonly codes: SignInCodes;
  /** Where browsers reach the gateway; over HTTPS the cookie is sent nowhere else. */
  readonly publicUrl: string;
}

const SIGN_IN_BYTES = 4096;

const CONSOLE: Tag = {
  name: 'console',
  description: 'The session of the web console, which stands at `/console/` and uses the routes of this document.',
};

function show({ caller: { id, name, isRoot }, expiresAt }: Session) {
  return { caller: { id, name, isRoot }, expiresAt };
}

/** `POST`, `GET` and `DELETE /console/session`. */
export function consoleSessionRoutes(options: SessionRoutesOptions): FastifyPluginAsync {
  return async (app) => {
    signIn(app, options);
    readAndEnd(app, options);
  };
}

function signIn(app: FastifyInstance, { gateway, sessions, codes, publicUrl }: SessionRoutesOptions): void {
  own(app, CONSOLE, {
    method: 'POST',
    path: CONSOLE_PATHS.session,
    id: 'signIn',
    summary: 'Opens a session of the console',
    description:
      'By `{key}`, or by the `{code}` of a link that signs in once. The cookie it sets (`HttpOnly`, `SameSite=Strict`) is ' +
      "taken in place of a key; what changes something has to be asked by the console's own pages. It ends after seven " +
      'days, and as soon as its caller is disabled or gets another key.',
    access: 'none',
    body: signInBody,
    example: { key: 'cy_…' },
    answers: { 200: sessionAnswer },
    refusals: ['unauthenticated', 'forbidden'],
    // A stranger's, who is let in by it or not.
    options: { bodyLimit: SIGN_IN_BYTES },
    handle: async ({ body, request, reply }) => {
      const { origin, 'sec-fetch-site': site } = request.headers;
      if (origin !== undefined || site !== undefined) refuseOtherOrigins(request);
      const callerId = 'key' in body ? (await gateway.authenticate(body.key))?.id : codes.redeem(body.code);
      const session = callerId == null ? null : await sessions.open(callerId);
      if (session === null) {
        const what = 'key' in body ? 'the API key is not known' : 'this link has been used, or is too old';
        throw new Refusal('unauthenticated', what);
      }
      const isSecure = publicUrl.startsWith('https:');
      reply.headers({
        'set-cookie': sessionCookie(session.token, { expiresAt: session.expiresAt, isSecure }),
        'cache-control': 'no-store',
      });
      return show(session);
    },
  });
}

function readAndEnd(app: FastifyInstance, { sessions, publicUrl }: SessionRoutesOptions): void {
  own(app, CONSOLE, {
    method: 'GET',
    path: CONSOLE_PATHS.session,
    id: 'getSession',
    summary: 'Who is signed in',
    access: 'none',
    answers: { 200: sessionAnswer, 204: { meaning: 'There is no session.', mediaTypes: [] } },
    handle: async ({ request, reply }) => {
      reply.header('cache-control', 'no-store');
      const token = sessionTokenOf(request);
      const session = token === null ? null : await sessions.read(token);
      return session === null ? reply.code(204).send() : show(session);
    },
  });

  own(app, CONSOLE, {
    method: 'DELETE',
    path: CONSOLE_PATHS.session,
    id: 'signOut',
    summary: 'Has the browser forget its session',
    access: 'none',
    answers: { 204: { meaning: 'It is forgotten.', mediaTypes: [] } },
    refusals: ['forbidden'],
    handle: ({ request, reply }) => {
      refuseOtherOrigins(request);
      const isSecure = publicUrl.startsWith('https:');
      return reply
        .header('set-cookie', sessionCookie(null, { expiresAt: new Date(), isSecure }))
        .code(204)
        .send();
    },
  });
}
