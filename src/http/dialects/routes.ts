/** The routes of all dialects: who is asking, in which dialect, and the answer in that dialect's words. */

import { json } from 'node:stream/consumers';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Dialect, DialectRoute } from '../../dialects/dialect.ts';
import { Refusal } from '../../domain/failure.ts';
import { FORM_TYPE, JSON_TYPE } from '../body.ts';
import { sendAnswer } from '../errors.ts';
import { describeRoute } from '../openapi/dialect-operations.ts';
import type { Operation } from '../own/operation.ts';
import type { DialectHttpRequest, FrontDoor } from './exchange.ts';
import { readForm } from './form.ts';
import { handle } from './handlers.ts';
import { chooseFace, type DialectPath, type Face } from './paths.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on dialect routes: whose shape the answer has. */
    dialect: Dialect | null;
  }
}

/** As much as is read of a body whose sender is turned away. */
const PEEKED_BYTES = 64 * 1024;

/**
 * X1, A4-23, A4-25: in whose words a stranger is turned away before the body is read: at a path of two APIs a short one
 * is looked into for which of them was meant.
 */
async function faceUnread(
  faces: readonly Face[],
  { headers, raw }: FastifyRequest,
  dialectName: string | null,
): Promise<Face> {
  const isShort = Number(headers['content-length']) <= PEEKED_BYTES;
  try {
    return chooseFace(faces, { dialectName, body: faces.length > 1 && isShort ? await json(raw) : undefined });
  } catch {
    // No JSON, or the words of both.
    return chooseFace(faces, { dialectName, body: undefined });
  }
}

/** Checks the key before the body is read, so that strangers cannot make us read one of any length. */
function admit(faces: readonly Face[]) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const turnAway = (dialectName: string | null) => async (error: unknown) => {
      request.dialect = (await faceUnread(faces, request, dialectName)).dialect;
      throw error;
    };
    const caller = await request.server.authenticate(request).catch(turnAway(null));
    // As far as it is known before the body is: the shape of what may go wrong until then.
    request.dialect = chooseFace(faces, { dialectName: caller.dialect, body: undefined }).dialect;
    await request.server.requestRates.count(caller, reply).catch(turnAway(caller.dialect));
  };
}

/** The body as the route reads it; a form has not been read until here. */
async function bodyOf(request: FastifyRequest, route: DialectRoute): Promise<unknown> {
  if (!request.isMultipart() || route.kind === 'unsupported') return request.body;
  if (readsForms(route)) return await readForm(request);
  throw new Refusal('unsupported_media_type', `this route takes ${JSON_TYPE}`, { param: 'content-type' });
}

function answer(door: FrontDoor, faces: readonly Face[]) {
  return async (request: DialectHttpRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { caller } = request;
    if (caller === null) throw new Error('a dialect route was reached without a caller');
    const { dialect, route } = chooseFace(faces, { dialectName: caller.dialect, body: request.body });
    request.dialect = dialect;
    const body = await bodyOf(request, route);
    const answered = await handle(door, { request, reply, body, caller, dialect }, route);
    return answered === null ? reply : sendAnswer(reply, answered);
  };
}

const readsForms = (route: DialectRoute) =>
  (route.kind === 'create' || route.kind === 'remix') && route.takesForms === true;

/** What is not supported is refused as that, however it is sent. */
function typesTaken(faces: readonly Face[]): readonly string[] {
  const takesForms = faces.some(({ route }) => readsForms(route) || route.kind === 'unsupported');
  return takesForms ? [JSON_TYPE, FORM_TYPE] : [JSON_TYPE];
}

/** What the document says of a route: of each under its prefix, for at a documented path several may answer. */
function operationAt(url: string, faces: readonly Face[]): { readonly operation?: Operation } {
  const face = faces.find(({ name, route }) => url === `/${name}${route.path}`);
  const operation = face && describeRoute(face.dialect, face.route);
  return operation === undefined ? {} : { operation };
}

/** Mounts every dialect at its documented paths and under its prefix. */
export function mountDialects(app: FastifyInstance, door: FrontDoor, paths: readonly DialectPath[]): void {
  app.decorateRequest('dialect', null);
  for (const path of paths) {
    for (const [method, faces] of path.methods) {
      const servesMedia = faces.some(({ route }) => route.kind === 'content');
      const isStream = faces.some(({ route }) => route.kind === 'stream');
      const isHeavy = faces.some(({ route }) => route.kind === 'list');
      app.route<{ Params: DialectHttpRequest['params']; Querystring: DialectHttpRequest['query'] }>({
        // Media answer HEAD themselves: the framework would tell the length of the answer's empty body.
        method: servesMedia ? [method, 'HEAD'] : method,
        // What is left of the path, for the names of models hold slashes.
        url: faces.some(({ route }) => route.kind === 'model') ? path.url.replace(/:id$/, '*') : path.url,
        // A stream has no headers to tell without streaming.
        exposeHeadRoute: method === 'GET' && !servesMedia && !isStream,
        config: { isStream, isHeavy, takes: typesTaken(faces), ...operationAt(path.url, faces) },
        onRequest: admit(faces),
        handler: answer(door, faces),
      });
    }
  }
}
