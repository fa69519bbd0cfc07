/** `sweep`: what nobody else is left to do, once a minute: start, resume, grant, probe, discover, find orphans, purge. */

import { deleteOldKeys } from '../src/catalog/acceptance.ts';
import { listSuspendedAccounts, recover } from '../src/catalog/accounts.ts';
import { type AuditedVideo, listUnaudited, listUnopened, noteAudit, noteResume } from '../src/catalog/audits.ts';
import { type Db, inTransaction } from '../src/catalog/driver/database.ts';
import { endVideo } from '../src/catalog/ends.ts';
import { forgetInputImage, listUnusedImages } from '../src/catalog/input-images.ts';
import { grantSlots, listStaleGrants, listStranded, listWaitingPools, requestSlot } from '../src/catalog/slots.ts';
import { noteSignal, withdrawGrant } from '../src/catalog/submissions.ts';
import { changeVideo, listExpiredMedia } from '../src/catalog/videos.ts';
import type { Log } from '../src/domain/log.ts';
import type { Grant } from '../src/domain/slot.ts';
import { isAway, readRefusal } from '../src/domain/start-error.ts';
import type { Video } from '../src/domain/video.ts';
import { inputImageKeyOf } from '../src/media/input-images.ts';
import { removeMedia } from '../src/media/remove-media.ts';
import { findOrphans } from '../src/recovery/orphans.ts';
import { announceGrants, findAccount } from '../src/submissions/dependencies.ts';
import { discoverModels } from '../src/submissions/discover-models.ts';
import { freeSlot } from '../src/submissions/free-slot.ts';
import { probeAccount } from '../src/submissions/probe.ts';
import type { ActivityDependencies } from './dependencies.ts';

/** How long something may take by itself before the sweep does it. */
const PATIENCE_MS = 60_000;

/** How often a video is compared with its workflow, and how many in one sweep. */
const AUDIT_INTERVAL_MS = 10 * 60_000;
const AUDIT_LIMIT = 200;

/** After this many restarts a video is reported instead. */
const MAX_RESUMES = 5;

const PURGE_LIMIT = 500;
/** How long an input image outlives the last video that is made from it: links to it live as long. */
const IMAGE_LIFETIME_MS = 24 * 60 * 60_000;
const STRANDED_LIMIT = 500;
const VISIBILITY_WINDOW_MS = 15 * 60_000;

/** A report is read by people: the first errors tell what is wrong. */
const MAX_ERRORS = 20;
const MAX_ERROR_LENGTH = 300;

/** What a sweep did, for the Temporal UI. */
export interface SweepReport {
  readonly started: number;
  readonly resumed: number;
  readonly stuck: readonly string[];
  readonly grants: number;
  readonly recovered: readonly string[];
  readonly models: number;
  /** Tasks that were found to belong to no submission. */
  readonly orphans: number;
  readonly purged: number;
  readonly purgedImages: number;
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

  /** One kind of work; whatever ends it, the others follow. */
  async section<Result>(what: string, work: () => Promise<Result>, otherwise: Result): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      this.#note(what, error);
      return otherwise;
    }
  }

  /** One thing of many; while Temporal is away the next would fail as slowly, so the section ends. */
  async item<Result>(what: string, work: () => Promise<Result>, otherwise: Result): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (isAway(error)) throw error;
      this.#note(what, error);
      return otherwise;
    }
  }

  #note(what: string, error: unknown): void {
    this.#log.error({ what, error: String(error) }, 'a part of the sweep failed');
    if (this.errors.length < MAX_ERRORS) this.errors.push(`${what}: ${String(error)}`.slice(0, MAX_ERROR_LENGTH));
  }
}

export function createSweepActivities(dependencies: ActivityDependencies) {
  const { db, workflows, log, store } = dependencies;
  const before = (ageMs: number) => new Date(Date.now() - ageMs);

  /** A start that is refused as invalid would be refused for ever: the video ends, and its hold is released. */
  async function start(video: Video): Promise<number> {
    const standing = await workflows.standing(video.id);
    if (standing === 'running') return 0;
    try {
      // An operator may have closed it before its first step.
      await workflows.start(video, { stop: standing === 'terminated' });
      return 1;
    } catch (error) {
      const words = readRefusal(error);
      if (words === null) throw error;
      const failure = { kind: 'start_refused', message: words, upstream: null } as const;
      await endVideo(db, video.id, { state: 'failed', failure, archive: null });
      return 0;
    }
  }

  async function startUnopened(parts: Parts): Promise<number> {
    let started = 0;
    for (const video of await listUnopened(db, before(PATIENCE_MS))) {
      started += await parts.item(`the start of ${video.id}`, () => start(video), 0);
    }
    return started;
  }

  /** Starts the workflow of an unended video again, once it is certain that none is running. */
  async function resume({ video, resumes }: AuditedVideo): Promise<'fine' | 'resumed' | 'stuck'> {
    const { id } = video;
    const standing = await workflows.standing(id);
    await noteAudit(db, id);
    if (standing === 'running') return 'fine';
    if (resumes >= MAX_RESUMES) {
      log.error({ videoId: id, resumes }, 'the workflow of this video keeps closing without an end');
      return 'stuck';
    }
    await workflows.start(video, { stop: standing === 'terminated' });
    await noteResume(db, id);
    return 'resumed';
  }

  /** Those closed from outside, as far as visibility tells, come at once; the others are found when they are due. */
  async function listDue(parts: Parts) {
    const closed = await parts.section(
      'the list of closed workflows',
      () => workflows.listClosedSince(before(VISIBILITY_WINDOW_MS)),
      [],
    );
    return await listUnaudited(db, { auditedBefore: before(AUDIT_INTERVAL_MS), alsoIds: closed, limit: AUDIT_LIMIT });
  }

  async function resumeClosed(parts: Parts) {
    let resumed = 0;
    const stuck: string[] = [];
    for (const audited of await listDue(parts)) {
      const { id } = audited.video;
      const outcome = await parts.item(`the resume of ${id}`, () => resume(audited), 'fine');
      if (outcome === 'resumed') resumed++;
      if (outcome === 'stuck') stuck.push(id);
    }
    return { resumed, stuck };
  }

  /** Tells the winners again that did not begin to send, and takes back what an ended video was granted. */
  async function refreshGrants(parts: Parts): Promise<void> {
    for (const { grant, videoEndedAt } of await listStaleGrants(db, before(PATIENCE_MS))) {
      const { id: submissionId, videoId, account, provider } = grant;
      const refresh = async () => {
        if (videoEndedAt !== null)
          return void (await freeSlot(dependencies, grant, (tx) => withdrawGrant(tx, grant.id)));
        await noteSignal(db, submissionId);
        await announceGrants(dependencies, [{ videoId, submissionId, account, provider }]);
      };
      await parts.item(`the grant of ${videoId}`, refresh, undefined);
    }
  }

  async function grantWaiting(parts: Parts): Promise<number> {
    for (const { videoId, model } of await listStranded(db, STRANDED_LIMIT)) {
      await parts.item(`the queue of ${videoId}`, () => grant((tx) => moveQueue(tx, videoId, model)), 0);
    }
    let granted = 0;
    for (const pool of await listWaitingPools(db)) {
      granted += await parts.item(`the pool ${pool}`, () => grant((tx) => grantSlots(tx, pool)), 0);
    }
    return granted;
  }

  async function moveQueue(tx: Db, videoId: string, model: string): Promise<readonly Grant[]> {
    const moved = await requestSlot(tx, videoId, model);
    return moved.kind === 'queued' ? moved.grants : [];
  }

  async function grant(work: (tx: Db) => Promise<readonly Grant[]>): Promise<number> {
    const grants = await inTransaction(db, work);
    await announceGrants(dependencies, grants);
    return grants.length;
  }

  /** Asks suspended accounts whether their key is good again. */
  async function probeSuspended(): Promise<readonly string[]> {
    const recovered: string[] = [];
    for (const row of await listSuspendedAccounts(db)) {
      const account = findAccount(dependencies, row.id);
      if (!account) continue;
      // Where there is nothing free to ask for, the next create is the probe.
      const problem = await probeAccount(dependencies, account);
      if (problem) {
        log.info({ account: account.id, error: problem }, 'a suspended account is still refused');
        continue;
      }
      await recover(db, account.id);
      recovered.push(account.id);
    }
    return recovered;
  }

  /** The expiry in the row keeps everybody from files that are going; an interrupted purge is done again. */
  async function purgeOne({ id, archive }: Video): Promise<number> {
    await removeMedia(store, id, archive);
    await changeVideo(db, id, { purgedAt: new Date() });
    return 1;
  }

  /** The bytes go while the row is locked: whoever brings the same image meanwhile waits, and then stores it anew. */
  async function purgeImage(sha256: string, unusedSince: Date): Promise<number> {
    return await inTransaction(db, async (tx) => {
      if (!(await forgetInputImage(tx, sha256, unusedSince))) return 0;
      await store.remove(inputImageKeyOf(sha256));
      return 1;
    });
  }

  async function purgeImages(parts: Parts): Promise<number> {
    const unusedSince = before(IMAGE_LIFETIME_MS);
    let purged = 0;
    for (const sha256 of await listUnusedImages(db, unusedSince, PURGE_LIMIT)) {
      purged += await parts.item(`the input image ${sha256}`, () => purgeImage(sha256, unusedSince), 0);
    }
    return purged;
  }

  async function purge(parts: Parts): Promise<number> {
    let purged = 0;
    for (const video of await listExpiredMedia(db, new Date(), PURGE_LIMIT)) {
      purged += await parts.item(`the media of ${video.id}`, () => purgeOne(video), 0);
    }
    return purged;
  }

  return {
    async sweep(): Promise<SweepReport> {
      const parts = new Parts(log);
      const recovered = await parts.section('suspended accounts', probeSuspended, []);
      const models = await parts.section('models', () => discoverModels(dependencies), 0);
      const started = await parts.section('starts', () => startUnopened(parts), 0);
      const { resumed, stuck } = await parts.section('resumes', () => resumeClosed(parts), { resumed: 0, stuck: [] });
      await parts.section('grants', () => refreshGrants(parts), undefined);
      const grants = await parts.section('queues', () => grantWaiting(parts), 0);
      const orphans = await parts.section('orphans', () => findOrphans(dependencies), 0);
      const purged = await parts.section('purge', () => purge(parts), 0);
      const purgedImages = await parts.section('input images', () => purgeImages(parts), 0);
      await parts.section('idempotency keys', () => deleteOldKeys(db), undefined);
      return {
        started,
        resumed,
        stuck,
        grants,
        recovered,
        models,
        orphans,
        purged,
        purgedImages,
        errors: parts.errors,
      };
    },
  };
}
