/** `sweep`: what nothing else is left to do, once a minute: start, resume, tell, grant, find orphans, probe, discover, purge, remove. */

import { deleteOldKeys } from '../src/catalog/acceptance.ts';
import { liftSuspension, listSuspendedAccounts } from '../src/catalog/account-health.ts';
import type { AccountRow } from '../src/catalog/accounts.ts';
import { listForgottenBatches } from '../src/catalog/batches.ts';
import { longAgo } from '../src/catalog/clock.ts';
import { forgetFile, listExpiredFiles } from '../src/catalog/files.ts';
import { listExpiredFilms, listSilentFilms } from '../src/catalog/films.ts';
import { listStranded, listUntakenGrants, listWaitingPools } from '../src/catalog/slots.ts';
import { listExpiredMedia } from '../src/catalog/videos.ts';
import { deleteExpiredSecrets } from '../src/catalog/webhooks.ts';
import type { Log } from '../src/domain/log.ts';
import { isAway } from '../src/domain/start-error.ts';
import { fileKeyOf } from '../src/media/media-key.ts';
import { endLostValidations, reviveBatch } from '../src/recovery/batches.ts';
import { purgeFilm, reviveFilm } from '../src/recovery/films.ts';
import { grantPool, moveQueue, refreshGrant } from '../src/recovery/grants.ts';
import { findOrphans } from '../src/recovery/orphans.ts';
import { listUnneeded, purgeImage, purgeMedia } from '../src/recovery/purge.ts';
import { retellReopenings } from '../src/recovery/restore.ts';
import { listDue, resume } from '../src/recovery/resume.ts';
import { removeOld } from '../src/recovery/retention.ts';
import { startUnopened } from '../src/recovery/start.ts';
import type { Outcomes } from '../src/recovery/try-each.ts';
import { tellWishes } from '../src/recovery/wishes.ts';
import { discoverModels } from '../src/submissions/discover-models.ts';
import { probeAccount } from '../src/submissions/probe.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withHeartbeats } from './heartbeat.ts';

/** How long something may take by itself before the sweep does it. */
const PATIENCE_MS = 60_000;

/** Things of one kind in one sweep: of workflows that are revived, and of all else. */
const WORKFLOWS_LIMIT = 200;
const LIMIT = 500;

/** A report is read by people: the first errors tell what is wrong. */
const MAX_ERRORS = 20;
const MAX_ERROR_LENGTH = 300;

/** What a sweep did, for the Temporal UI. */
export interface SweepReport {
  readonly started: number;
  readonly resumed: number;
  /** Workflows that were told of a wish. */
  readonly told: number;
  readonly grants: number;
  readonly recovered: readonly string[];
  readonly models: number;
  /** Tasks that were found to belong to no submission. */
  readonly orphans: number;
  readonly purged: number;
  readonly purgedImages: number;
  /** Rows of videos, orphans and batches of so long ago that they were removed. */
  readonly removed: number;
  /** What failed, each with what it was about; the rest was done all the same. */
  readonly errors: readonly string[];
}

/** Runs the parts of one sweep so that none of them keeps another from its turn. */
class Parts {
  readonly errors: string[] = [];
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** One kind of work; whether it ends well or not, the others follow. */
  async section<Result>(what: string, work: () => Promise<Result>, otherwise: Result): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      this.note(what, error);
      return otherwise;
    }
  }

  /**
   * The same for many things, one after the other: how many were done, where `work` does not count something else. While
   * Temporal is away the next one would fail as slowly, so the section ends.
   */
  async each<Thing>(
    what: string,
    list: () => Promise<readonly Thing[]>,
    work: (thing: Thing) => Promise<unknown>,
  ): Promise<number> {
    let done = 0;
    for (const thing of await this.section(what, list, [])) {
      try {
        const count = await work(thing);
        done += typeof count === 'number' ? count : 1;
      } catch (error) {
        this.note(what, error);
        if (isAway(error)) break;
      }
    }
    return done;
  }

  /** The same for what is tried with Temporal: how many came to `good`. */
  async tried(what: string, good: string, work: () => Promise<Outcomes<string>>): Promise<number> {
    const { [good]: done = 0, failed, away } = await this.section(what, work, {});
    if (failed || away) this.note(what, away ? 'Temporal is away' : `${failed} failed`);
    return done;
  }

  /** What could not be done is done by the next sweep, which is worth a line of the report. */
  note(what: string, error: unknown): void {
    this.#log.error({ what, error: String(error) }, 'a part of the sweep failed');
    if (this.errors.length < MAX_ERRORS) this.errors.push(`${what}: ${String(error)}`.slice(0, MAX_ERROR_LENGTH));
  }
}

/** Batches that no process validates any more, and those that no workflow advances. */
async function sweepBatches(parts: Parts, dependencies: ActivityDependencies): Promise<void> {
  const { db } = dependencies;
  await parts.section('validations', () => endLostValidations(dependencies), undefined);
  await parts.each(
    'batches',
    async () => listForgottenBatches(db, await longAgo(db, PATIENCE_MS), WORKFLOWS_LIMIT),
    (batchId) => reviveBatch(dependencies, batchId),
  );
}

/** Films that no workflow works on, and those that have had their time. */
async function sweepFilms(parts: Parts, dependencies: ActivityDependencies): Promise<void> {
  const { db } = dependencies;
  await parts.each(
    'films',
    async () => listSilentFilms(db, await longAgo(db, PATIENCE_MS), WORKFLOWS_LIMIT),
    (film) => reviveFilm(dependencies, film),
  );
  await parts.each(
    'old films',
    () => listExpiredFilms(db, LIMIT),
    (filmId) => purgeFilm(dependencies, filmId),
  );
}

/** Files that have had their time. */
async function sweepFiles(parts: Parts, { db, store }: ActivityDependencies): Promise<void> {
  await parts.each(
    'files',
    () => listExpiredFiles(db, LIMIT),
    async (id) => {
      await store.remove(fileKeyOf(id));
      await forgetFile(db, id);
    },
  );
}

export function createSweepActivities(dependencies: ActivityDependencies) {
  const { db } = dependencies;

  /** Asks suspended accounts whether key and base URL are good again; where there is nothing free to ask for, a create is. */
  async function probe({ id, baseUrl }: AccountRow): Promise<string | null> {
    const found = await probeAccount(dependencies, { id, baseUrl });
    if (!('message' in found)) return (await liftSuspension(db, id)) ? id : null;
    dependencies.log.info({ account: id, error: found.message }, 'a suspended account is still refused');
    return null;
  }

  async function probeSuspended(): Promise<readonly string[]> {
    const probes = (await listSuspendedAccounts(db)).map(probe);
    return (await Promise.all(probes)).flatMap((id) => (id === null ? [] : [id]));
  }

  async function sweep(): Promise<SweepReport> {
    const parts = new Parts(dependencies.log);
    await sweepBatches(parts, dependencies);
    await sweepFilms(parts, dependencies);
    const resumed = await parts.each(
      'resumes',
      () => listDue(dependencies),
      async (video) => ((await resume(dependencies, video)) === 'started' ? 1 : 0),
    );
    const started = await parts.tried('starts', 'started', () =>
      startUnopened(dependencies, new Date(Date.now() - PATIENCE_MS)),
    );
    const told = await parts.tried('wishes', 'told', () => tellWishes(dependencies));
    await parts.section('reopenings', () => retellReopenings(dependencies), undefined);
    await parts.each(
      'grants',
      () => listUntakenGrants(db, PATIENCE_MS),
      (grant) => refreshGrant(dependencies, grant),
    );
    // What runs at an account without a submission takes a slot, which is to be known before slots are granted.
    const orphans = await parts.section('orphans', () => findOrphans(dependencies), 0);
    const recovered = await parts.section('suspended accounts', probeSuspended, []);
    const moved = await parts.each(
      'stranded videos',
      () => listStranded(db, LIMIT),
      (video) => moveQueue(dependencies, video),
    );
    const grants = await parts.each(
      'queues',
      () => listWaitingPools(db),
      (pool) => grantPool(dependencies, pool),
    );
    const models = await parts.section('models', () => discoverModels(dependencies), 0);
    const purged = await parts.each(
      'purge',
      () => listExpiredMedia(db, LIMIT),
      (videoId) => purgeMedia(dependencies, videoId),
    );
    const purgedImages = await parts.each(
      'input images',
      () => listUnneeded(db, LIMIT),
      async (sha256) => ((await purgeImage(dependencies, sha256)) ? 1 : 0),
    );
    await sweepFiles(parts, dependencies);
    await parts.section('idempotency keys', () => deleteOldKeys(db), undefined);
    await parts.section('secrets', () => deleteExpiredSecrets(db), undefined);
    const removed = await parts.section('old rows', () => removeOld(dependencies), 0);
    const { errors } = parts;
    return {
      started,
      resumed,
      told,
      grants: moved + grants,
      recovered,
      models,
      orphans,
      purged,
      purgedImages,
      removed,
      errors,
    };
  }

  return { sweep: () => withHeartbeats(sweep) };
}
