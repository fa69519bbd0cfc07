/** The gateway as a part of a process: the HTTP application over the catalog, listening. */

import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { SpriteSheets } from '../archive/sprite-sheet.ts';
import { watchChanges } from '../catalog/changes.ts';
import type { Db } from '../catalog/driver/database.ts';
import { isCatalogAway } from '../catalog/driver/database-error.ts';
import { findFilm } from '../catalog/films.ts';
import { findInputImage } from '../catalog/input-images.ts';
import { readRestoreState } from '../catalog/reopenings.ts';
import { findVideo } from '../catalog/videos.ts';
import { packageRoot } from '../config/package-root.ts';
import { DIALECTS } from '../dialects/index.ts';
import { withDeadline } from '../domain/deadline.ts';
import { Refusal } from '../domain/failure.ts';
import type { VideoWorkflows } from '../domain/video-workflows.ts';
import { type Administration, createAdministration } from '../gateway/administration.ts';
import { createBatches } from '../gateway/batches.ts';
import { createFiles } from '../gateway/files.ts';
import { createFilms } from '../gateway/films.ts';
import { createGateway, type Gateway } from '../gateway/gateway.ts';
import { createWebhooks } from '../gateway/webhooks.ts';
import { agentRoutes } from '../http/agents/routes.ts';
import { type AppOptions, buildApp } from '../http/app.ts';
import { openaiBatchRoutes } from '../http/batches/openai.ts';
import { consoleRoutes } from '../http/console/routes.ts';
import { consoleSessionRoutes } from '../http/console/session-routes.ts';
import { mediaRoutes } from '../http/media/routes.ts';
import { openaiWebhookRoutes } from '../http/openai/webhooks.ts';
import { openApiRoutes } from '../http/openapi/routes.ts';
import { ownRoutes } from '../http/own/routes.ts';
import { temporalCodecRoutes } from '../http/temporal-codec.ts';
import { isStoreAway } from '../media/media-store.ts';
import { createFilmLink, createVideoLinks } from '../media/signed-links.ts';
import { VERSION } from '../net/user-agent.ts';
import { createTemporalCodec } from '../temporal/payload-codec.ts';
import { CODEC_PATH } from '../wire/clipyard/temporal-codec.ts';
import { openAgents } from './agents.ts';
import { boundConnections, openFilesOfProcess } from './connections.ts';
import { listenFailure } from './listen-failure.ts';
import type { Parts } from './parts.ts';
import type { ProcessContext } from './run.ts';

export interface GatewayOptions {
  readonly parts: Parts;
  readonly link: {
    readonly workflows: VideoWorkflows;
    /** Where the video's workflow can be looked at; null without a UI. */
    workflowUrl(videoId: string): string | null;
    /** Where the UI is; null where that is not known. */
    uiUrl(): string | null;
  };
  /** Rejects when no worker works. */
  readonly checkWorkers: () => Promise<unknown>;
  readonly context: Pick<ProcessContext, 'stop' | 'closers'>;
  /** In place of links that the parts' keys sign. */
  readonly links?: AppOptions['links'];
  /** Where the console was compiled to, in place of where the build puts it. */
  readonly consoleFolder?: string;
}

export interface OpenGateway {
  readonly gateway: Gateway;
  readonly administration: Administration;
  /** Not listening yet. */
  readonly app: FastifyInstance;
}

/** What keeps slots from being granted, and what there is to do about it. */
async function readNotice(db: Db): Promise<string | null> {
  const restore = await readRestoreState(db);
  if (restore === null) return null;
  if (restore.isNeeded) {
    return 'this catalog is an older copy than the workflows in Temporal: no slot is granted until `clipyard restore` is run';
  }
  const videos = restore.videos === 0 ? '' : `${restore.videos} videos have opened again and `;
  return `a restore is under way: no slot is granted until ${videos}the upstreams' lists were read`;
}

/** Where the build puts the console's modules. */
const CONSOLE_BUILD = 'dist/browser/console';

/** Opens the gateway with everything that it serves; `closers` closes it, with a bound: what still runs then is cut. */
export async function openGateway(options: GatewayOptions): Promise<OpenGateway> {
  const { parts, link, context, links = createVideoLinks(parts.signer) } = options;
  const { log, database, store } = parts;
  const { db } = database;
  const changes = await watchChanges(database);
  context.closers.add('change notices', () => changes.close());
  const gateway = createGateway({
    db,
    store,
    secrets: parts.secrets,
    workflows: link.workflows,
    spriteSheets: new SpriteSheets({ store, log, findVideo: (id) => findVideo(db, id) }),
    subscribe: changes.subscribe,
    log,
    traces: parts.traces,
  });
  context.closers.add('gateway', () => gateway.close());
  const administration = createAdministration({ db, secrets: parts.secrets, workflows: link.workflows, log });
  const app = appOf(options, { gateway, administration, links });
  context.closers.add('HTTP', () => closeWithin(app, parts.config.drainSeconds));
  return { gateway, administration, app };
}

interface Served extends Pick<OpenGateway, 'gateway' | 'administration'> {
  readonly links: AppOptions['links'];
}

/** What passes by itself once a part is back. */
function refusalOf(error: unknown): Refusal | null {
  if (error instanceof Refusal) return null;
  // First: behind it may be a connection that broke, as it may be behind one of the catalog.
  if (isStoreAway(error))
    return new Refusal('unavailable', 'the media store cannot be used now; try again', { cause: error });
  return isCatalogAway(error) ? new Refusal('unavailable', 'the catalog does not answer; try again') : null;
}

function appOf({ parts, link, checkWorkers, context, consoleFolder }: GatewayOptions, served: Served): FastifyInstance {
  const { config, log, database, store, signer, metrics } = parts;
  const { db } = database;
  const { gateway, links } = served;
  const { trustedHosts } = config;
  const batches = createBatches({ db, store, workflows: link.workflows, log });
  const files = createFiles({ db, store });
  const webhooks = createWebhooks({ db, secrets: parts.secrets, trustedHosts });
  return buildApp({
    gateway,
    dialects: DIALECTS,
    links,
    store,
    files,
    trustedHosts,
    syncWaitSeconds: config.syncWaitSeconds,
    corsOrigins: config.corsOrigins,
    cookiePages: { path: CODEC_PATH, origins: () => originsOf(link.uiUrl()) },
    health: {
      checks: {
        catalog: () => database.check(),
        storage: () => store.check(),
        temporal: () => link.workflows.check(),
        workers: checkWorkers,
      },
      readNotice: () => readNotice(database.db),
      isDraining: () => context.stop.aborted,
    },
    refusalOf,
    async readStreamToken(token) {
      const claim = parts.streamTokens.verify(token);
      const caller = claim && (await gateway.findActive(claim.callerId));
      return caller && { caller, videoId: claim.videoId };
    },
    readSession: async (token) => (await parts.sessions.read(token))?.caller ?? null,
    plugins: [
      mediaRoutes({
        store,
        links: signer,
        findVideo: (id) => findVideo(db, id),
        findFilm: (id) => findFilm(db, id),
        findInputImage: (sha256) => findInputImage(db, sha256),
      }),
      openaiWebhookRoutes(webhooks),
      openaiBatchRoutes({ batches, files, trustedHosts }),
      ownRoutes({
        ...{ ...served, batches, files, trustedHosts, streamTokens: parts.streamTokens },
        films: createFilms({ db, workflows: link.workflows, keepDays: config.keepDays, log }),
        filmUrl: createFilmLink(signer),
        webhooks,
        workflowUrl: (videoId) => link.workflowUrl(videoId),
      }),
      agentRoutes({
        open: (app) => openAgents(app, context.stop),
        publicUrl: config.publicUrl,
        origins: config.corsOrigins,
      }),
      consoleSessionRoutes({
        gateway,
        sessions: parts.sessions,
        codes: parts.signInCodes,
        publicUrl: config.publicUrl,
      }),
      consoleRoutes({
        root: packageRoot(),
        compiled: consoleFolder ?? join(packageRoot(), CONSOLE_BUILD),
        mediaOrigin: store.linkOrigin ?? null,
      }),
      openApiRoutes({ publicUrl: config.publicUrl, version: VERSION }),
      // No person calls it, so it comes last in the document.
      temporalCodecRoutes(createTemporalCodec(config.encryptionKeys)),
    ],
    ...(metrics && { onAnswered: metrics.countAnswer }),
    traces: parts.traces,
    log,
  });
}

/** Under each name that browsers know a server of this machine by. */
function originsOf(uiUrl: string | null): readonly string[] {
  if (uiUrl === null) return [];
  const { origin, hostname } = new URL(uiUrl);
  const names = ['localhost', '127.0.0.1'];
  return names.includes(hostname) ? names.map((name) => origin.replace(hostname, name)) : [origin];
}

/** Requests get the drain time. */
async function closeWithin(app: FastifyInstance, drainSeconds: number): Promise<void> {
  await withDeadline(app.close(), drainSeconds * 1000, () => {
    throw new Error(`requests still ran after ${drainSeconds} s`);
  });
}

/** Opens the gateway and starts to listen; `closers` stops that: no new requests, streams ended, running ones finished. */
export async function startGateway(options: GatewayOptions): Promise<void> {
  const { config, log } = options.parts;
  const { host, port } = config;
  const { app } = await openGateway(options);
  boundConnections(app.server, openFilesOfProcess(), log);
  try {
    await app.listen({ host, port });
  } catch (error) {
    throw listenFailure(error, 'CLIPYARD_PORT', { host, port });
  }
}
