/** The gateway as a part of a process: the HTTP application over the catalog, listening. */

import { createSpriteSheets } from '../archive/sprite-sheet.ts';
import { type ChangeWatcher, watchChanges } from '../catalog/changes.ts';
import { type Db, inTransaction } from '../catalog/driver/database.ts';
import { findInputImage } from '../catalog/input-images.ts';
import { readRestoreState } from '../catalog/reopenings.ts';
import { grantSlotsOfAccount } from '../catalog/slots.ts';
import { findVideo } from '../catalog/videos.ts';
import { ConfigError } from '../config/settings.ts';
import { DIALECTS } from '../dialects/index.ts';
import { createAdministration } from '../gateway/administration.ts';
import { createGateway } from '../gateway/gateway.ts';
import { buildApp } from '../http/app.ts';
import { mediaRoutes } from '../http/media/routes.ts';
import { openApiRoutes } from '../http/openapi/routes.ts';
import { ownRoutes } from '../http/own/routes.ts';
import { createLinkSigner, createVideoLinks } from '../media/signed-links.ts';
import { VERSION } from '../net/user-agent.ts';
import type { Closers } from './closers.ts';
import type { TemporalLink } from './link.ts';
import type { Parts } from './parts.ts';
import { ensureSigningKeys } from './secrets.ts';
import { isPortTaken } from './taken-port.ts';

export interface GatewayOptions {
  readonly parts: Parts;
  readonly link: TemporalLink;
  /** Rejects when no worker works. */
  readonly checkWorkers: () => Promise<unknown>;
  /** Aborted when the process is told to stop. */
  readonly stop: AbortSignal;
  readonly closers: Closers;
}

/** Where the video's workflow can be looked at; null without a UI. */
function workflowUrlOf({ link, parts }: GatewayOptions, videoId: string): string | null {
  if (link.uiUrl === null) return null;
  const { namespace } = parts.config.temporal;
  return `${link.uiUrl}/namespaces/${namespace}/workflows/${encodeURIComponent(videoId)}`;
}

/** Gives an account's free slots to who waits; a winner that cannot be told now is told by the sweep. */
async function grantFreeSlots({ parts, link }: GatewayOptions, account: string): Promise<void> {
  const grants = await inTransaction(parts.database.db, (tx) => grantSlotsOfAccount(tx, account));
  for (const { videoId, ...slot } of grants) {
    await link.workflows.signalGranted(videoId, slot).catch((error: unknown) => {
      parts.log.warn({ videoId, err: error }, 'a granted slot could not be announced; the sweep will');
    });
  }
}

/** What keeps slots from being granted, and what there is to do about it. */
async function readNotice(db: Db): Promise<string | null> {
  const restore = await readRestoreState(db);
  if (restore === null) return null;
  if (restore.isNeeded) {
    return 'this catalog is an older copy than the workflows in Temporal: no slot is granted until `clipyard restore` is run';
  }
  return `a restore is under way: no slot is granted until ${restore.videos} videos have opened again and lists were read`;
}

async function buildGatewayApp(options: GatewayOptions, changes: ChangeWatcher) {
  const { parts, link, checkWorkers, stop, closers } = options;
  const { config, log, database, store, metrics } = parts;
  const { db } = database;
  const signer = createLinkSigner(await ensureSigningKeys(config, database), config.publicUrl);
  const links = createVideoLinks(signer);
  const gateway = createGateway({
    db,
    store,
    workflows: link.workflows,
    spriteSheets: createSpriteSheets({ store, log, findVideo: (id) => findVideo(db, id) }),
    subscribe: changes.subscribe,
    log,
  });
  closers.add('gateway', () => gateway.close());
  return buildApp({
    gateway,
    dialects: DIALECTS,
    links,
    store,
    trustedHosts: config.trustedHosts,
    syncWaitSeconds: config.syncWaitSeconds,
    health: {
      checks: {
        catalog: () => database.check(),
        storage: () => store.check(),
        temporal: async () => link.current().control.check(),
        workers: checkWorkers,
      },
      readNotice: () => readNotice(db),
      isDraining: () => stop.aborted,
    },
    plugins: [
      mediaRoutes({
        store,
        links: signer,
        findVideo: (id) => findVideo(db, id),
        findInputImage: (sha256) => findInputImage(db, sha256),
      }),
      ownRoutes({
        gateway,
        administration: createAdministration({ db, onResumed: (account) => grantFreeSlots(options, account) }),
        links,
        workflowUrl: (videoId) => workflowUrlOf(options, videoId),
      }),
      openApiRoutes({ publicUrl: config.publicUrl, version: VERSION }),
    ],
    ...(metrics && { onAnswered: metrics.countAnswer }),
    log,
  });
}

/** Closes with a bound: requests get the drain time, and what is left then is cut. */
async function closeWithin(close: () => Promise<unknown>, drainSeconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const bound = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`requests still ran after ${drainSeconds} s`)), drainSeconds * 1_000);
  });
  try {
    await Promise.race([close(), bound]);
  } finally {
    clearTimeout(timer);
  }
}

/** Starts to listen; `closers` stops that: no new requests, streams ended, running requests finished. */
export async function startGateway(options: GatewayOptions): Promise<void> {
  const { parts, closers } = options;
  const { host, port, drainSeconds } = parts.config;
  const changes = await watchChanges(parts.database);
  closers.add('change notices', () => changes.close());
  const app = await buildGatewayApp(options, changes);
  closers.add('HTTP', () => closeWithin(() => app.close(), drainSeconds));
  try {
    await app.listen({ host, port });
  } catch (error) {
    if (!isPortTaken(error)) throw error;
    throw new ConfigError(`CLIPYARD_PORT ${port} of ${host} is taken; for example CLIPYARD_PORT=${port + 1}`, {
      cause: error,
    });
  }
}
