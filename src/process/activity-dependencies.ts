/** What the activities of a process work with, made of its parts. */

import { join } from 'node:path';
import type { ActivityDependencies } from '../../activities/dependencies.ts';
import { type ArchiveClip, createClipArchiver, createClipInspector } from '../archive/archive-clip.ts';
import { createClipPutter } from '../archive/deliver-clip.ts';
import { createFilmMaker } from '../archive/film/make-film.ts';
import { createPictureTaker } from '../archive/last-picture.ts';
import { createImageLinker } from '../archive/link-input-image.ts';
import { createImageLoader } from '../archive/load-input-image.ts';
import { createPosterMaker, type PosterMaker } from '../archive/poster.ts';
import { renderVideo } from '../dialects/openai.ts';
import type { Video } from '../domain/video.ts';
import { createVideoLinks } from '../media/signed-links.ts';
import { fetchUntrusted } from '../net/untrusted/fetch.ts';
import { postUntrusted, putUntrusted } from '../net/untrusted/send.ts';
import { measureArchiver } from '../observe/metrics/measured.ts';
import { linkIn } from '../providers/reading/result-link.ts';
import { TaskFollower } from '../submissions/follow.ts';
import type { TemporalLink } from './link.ts';
import type { Parts } from './parts.ts';

const CREATE_TIMEOUT_MS = 60_000;
/** Where the answer is the clip itself; the activity has a minute more. */
const DELIVERY_TIMEOUT_MS = 19 * 60_000;
/** Any exchange with an upstream that is no create. */
export const EXCHANGE_TIMEOUT_MS = 15_000;

/** The archiver of a process, counted where metrics are. */
export function clipArchiverOf(
  { store, metrics }: Pick<Parts, 'store' | 'metrics'>,
  makePoster: PosterMaker,
): ArchiveClip {
  return measureArchiver(
    createClipArchiver({ store, fetchResult: fetchUntrusted, makePoster, findLink: linkIn }),
    metrics,
  );
}

/** What stands in for a dependency of its own. */
export type ActivityOverrides = Partial<Omit<ActivityDependencies, 'follower'>>;

/** With a follower of its own, which is to be closed when no worker works any more. */
export type ProcessDependencies = ActivityDependencies & { readonly follower: TaskFollower };

/** Makes them; what is not handed in is as in production. */
export function activityDependenciesOf(
  parts: Parts,
  { workflows }: Pick<TemporalLink, 'workflows'>,
  overrides: ActivityOverrides = {},
): ProcessDependencies {
  const { config, log, database, store, providers, signer, metrics } = parts;
  const { accounts, keepDays, trustedHosts, publicUrl } = config;
  const makePoster = createPosterMaker(log);
  const links = createVideoLinks(signer);
  const dependencies = {
    db: database.db,
    store,
    archiveClip: clipArchiverOf(parts, makePoster),
    inspectClip: createClipInspector({ store, makePoster }),
    loadImage: createImageLoader({ store, fetchImage: fetchUntrusted, trustedHosts }),
    linkImage: createImageLinker(signer, publicUrl),
    takeLastPicture: createPictureTaker(store),
    films: createFilmMaker({ store, folder: join(config.dataDir, 'films') }),
    renderEnded: (video: Video) => renderVideo({ video, ...links(video) }),
    providers,
    accounts,
    keepDays,
    delivery: { db: database.db, secrets: parts.secrets, post: postUntrusted, trustedHosts, traces: parts.traces },
    putClip: createClipPutter({ store, put: putUntrusted, trustedHosts }),
    workflows,
    countIncident: metrics?.countIncident ?? (() => undefined),
    log,
    createTimeoutMs: CREATE_TIMEOUT_MS,
    deliveryTimeoutMs: DELIVERY_TIMEOUT_MS,
    exchangeTimeoutMs: EXCHANGE_TIMEOUT_MS,
    ...overrides,
  };
  return { ...dependencies, follower: new TaskFollower({ ...dependencies, workflows }) };
}
