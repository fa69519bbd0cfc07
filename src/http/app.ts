/** The HTTP application: dialects, health and the plugins it is given, built without listening. */

import { randomUUID } from 'node:crypto';
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyPluginAsync,
  type FastifyPluginCallback,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  LogController,
} from 'fastify';
import type { AnsweredRequest } from '../domain/answered-request.ts';
import { Refusal } from '../domain/failure.ts';
import type { Traces } from '../domain/trace.ts';
import type { DialectGateway } from '../gateway/gateway.ts';
import type { MediaStore } from '../media/media-store.ts';
import { addAuthentication, type ReadSession, type ReadStreamToken } from './authentication.ts';
import { acceptJsonAndForms, JSON_BODY_BYTES, restOfBody, wrongType } from './body.ts';
import { HELD_BODY_BYTES, limitBodies } from './body-budget.ts';
import { type BodyTimes, limitBodyTime } from './body-time.ts';
import { answerClientError, answerIncompleteHeads } from './client-errors.ts';
import { closeAnswersWithConnection } from './closed-connections.ts';
import { continueOnceAdmitted } from './continue.ts';
import { allowOrigins, type CookiePages } from './cross-origin.ts';
import type { FrontDoor, VideoLinks } from './dialects/exchange.ts';
import { type DialectPath, type DialectTable, dialectOfUrl, dialectPaths } from './dialects/paths.ts';
import { mountDialects } from './dialects/routes.ts';
import { isError, sendError } from './errors.ts';
import { type EventStreamSettings, EventStreams } from './event-stream.ts';
import { type HealthOptions, healthRoutes } from './health.ts';
import { limitHeavyReads } from './heavy-reads.ts';
import { collectOperations } from './own/operation.ts';
import { RequestRates } from './request-rate.ts';
import { collectMethods } from './route-methods.ts';
import { traceRequests } from './traces.ts';

export interface AppOptions {
  readonly gateway: DialectGateway;
  /** By the name each is mounted under; at shared paths the first answers by default. */
  readonly dialects: DialectTable;
  readonly links: VideoLinks;
  /** Where the clips are that dialects serve by themselves. */
  readonly store: MediaStore;
  /** Files that requests may name as their images. */
  readonly files: FrontDoor['files'];
  /** `host:port` that callers' image URLs may name although they are private. */
  readonly trustedHosts: readonly string[];
  readonly health: HealthOptions;
  /** Origins whose pages may call us. */
  readonly corsOrigins: readonly string[];
  /** Pages that may bring a cookie of ours to some paths; null for none. */
  readonly cookiePages: CookiePages | null;
  /** Routes beside the dialects'; their errors are answered as problem details. */
  readonly plugins: readonly (FastifyPluginAsync | FastifyPluginCallback)[];
  readonly log: FastifyBaseLogger;
  /** Told of each request once it is answered; must not throw. */
  readonly onAnswered?: (answer: AnsweredRequest) => void;
  readonly traces: Traces;
  readonly streams?: Partial<EventStreamSettings>;
  /** The most bytes of bodies that are held in memory at once; 256 MiB when absent. */
  readonly heldBodyBytes?: number;
  readonly bodyTimes?: Partial<BodyTimes>;
  readonly readStreamToken: ReadStreamToken;
  /** What an error from below tells the client, where it is no defect of ours. */
  readonly refusalOf: (error: unknown) => Refusal | null;
  readonly readSession: ReadSession;
  /** How long a caller who waits for a video's end is kept waiting. */
  readonly syncWaitSeconds: number;
}

const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;
/** Longer than load balancers keep theirs, so that they never reuse one that we have just closed. */
const KEEP_ALIVE_MS = 75_000;
/** Connections on which nothing is said for minutes are kept open, and found dead, by TCP itself. */
const TCP_KEEP_ALIVE_MS = 30_000;
/** Beyond what headers may hold: no parameter is too long to be answered as an id that does not exist. */
const LONGEST_PARAMETER = 65_536;

function requestIdOf(header: string | string[] | undefined): string {
  return typeof header === 'string' && REQUEST_ID.test(header) ? header : randomUUID();
}

/** What the framework says where it has no parser for a body's type. */
const NO_PARSER = 'FST_ERR_CTP_INVALID_MEDIA_TYPE';

/** Turns anything thrown into an answer, in the shape of the dialect that was spoken to. */
function errorAnswerer({ dialects, refusalOf }: AppOptions, paths: readonly DialectPath[]) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const dialect = request.dialect ?? dialectOfUrl(dialects, paths, request.url);
    const hasNoParser = isError(error) && 'code' in error && error.code === NO_PARSER;
    if (hasNoParser) return sendError(wrongType(request), { request, reply, dialect });
    const refusal = refusalOf(error);
    if (refusal !== null) request.log.warn({ err: error }, 'request refused');
    return sendError(refusal ?? error, { request, reply, dialect });
  };
}

/** For clients of APIs whose creates stand elsewhere, such as `/v1/videos/generations`. */
const WHERE = 'POST /v1/videos makes a video, and GET /docs shows every route';

/** Says why nothing answers at a URL: no such route, or another method; before a body is read that nothing asks for. */
function refuseMissing(app: FastifyInstance): void {
  const methodsOf = collectMethods(app);
  const refuse = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (!request.is404) return;
    const allowed = methodsOf(request.url).join(', ');
    if (allowed === '') throw new Refusal('not_found', `there is no such route; ${WHERE}`);
    reply.header('allow', allowed);
    const hint = request.method === 'POST' ? `; ${WHERE}` : '';
    throw new Refusal('method_not_allowed', `this route takes ${allowed}, not ${request.method}${hint}`);
  };
  app.addHook('onRequest', refuse);
  app.setNotFoundHandler(refuse);
}

function logAnswers(app: FastifyInstance, onAnswered: AppOptions['onAnswered']): void {
  app.addHook('onResponse', async (request, reply) => {
    // The route's pattern, not the URL: queries carry signatures, and paths are many.
    const facts = { method: request.method, route: request.routeOptions.url ?? null, status: reply.statusCode };
    const elapsedMs = reply.elapsedTime;
    const callerId = request.caller?.id;
    request.log.info({ ...facts, callerId, elapsedMs: Math.round(elapsedMs) }, 'request answered');
    onAnswered?.({ ...facts, dialect: request.dialect?.name ?? null, elapsedMs });
  });
}

/** A server that stops ends its streams and asks clients to connect anew. */
function closeGently(app: FastifyInstance, streams: EventStreams): void {
  let isClosing = false;
  app.addHook('preClose', async () => {
    isClosing = true;
    streams.endAll();
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    if (!isClosing) return;
    reply.header('connection', 'close');
    throw new Refusal('unavailable', 'this server is stopping; try again');
  });
  app.addHook('onSend', async (_request, reply) => {
    if (isClosing) reply.header('connection', 'close');
  });
}

/** Builds the application; the caller makes it listen, and closes it. */
export function buildApp(options: AppOptions): FastifyInstance {
  const { dialects, gateway, links, store, files, trustedHosts, log } = options;
  const paths = dialectPaths(dialects);
  const answerError = errorAnswerer(options, paths);
  const app = fastify({
    loggerInstance: log,
    // Its lines would hold URLs with their queries.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: JSON_BODY_BYTES,
    // Headers have their own minute, bodies theirs. Answers, streams above all, may take as long as they do.
    requestTimeout: 0,
    connectionTimeout: 0,
    http: { keepAlive: true, keepAliveInitialDelay: TCP_KEEP_ALIVE_MS, requireHostHeader: false },
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestIdHeader: false,
    genReqId: ({ headers }) => requestIdOf(headers['x-request-id']),
    routerOptions: { maxParamLength: LONGEST_PARAMETER, ignoreTrailingSlash: true, ignoreDuplicateSlashes: true },
    // While closing, our own hook answers in the dialect's shape.
    return503OnClosing: false,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => {
      reply.header('x-request-id', request.id);
      answerError(error, request, reply);
    },
  });
  const isActive = async (callerId: string) => (await gateway.findActive(callerId)) !== null;
  const streams = new EventStreams(isActive, options.streams);
  app.decorate('eventStreams', streams);

  closeAnswersWithConnection(app);
  traceRequests(app, options.traces);
  collectOperations(app);
  allowOrigins(app, { origins: options.corsOrigins, cookiePages: options.cookiePages });
  addAuthentication(app, gateway, { readToken: options.readStreamToken, readSession: options.readSession });
  app.decorate('requestRates', new RequestRates());
  limitBodies(app, options.heldBodyBytes ?? HELD_BODY_BYTES);
  limitBodyTime(app, options.bodyTimes);
  acceptJsonAndForms(app);
  continueOnceAdmitted(app);
  closeGently(app, streams);
  answerIncompleteHeads(app);
  refuseMissing(app);
  logAnswers(app, options.onAnswered);
  app.setErrorHandler(async (error, request, reply) => {
    await restOfBody(request);
    return answerError(error, request, reply);
  });
  limitHeavyReads(app);
  const syncWaitMs = options.syncWaitSeconds * 1000;
  mountDialects(app, { gateway, links, store, trustedHosts, streams, files, syncWaitMs }, paths);
  app.register(healthRoutes(options.health));
  for (const plugin of options.plugins) app.register(plugin);
  return app;
}
