/** `sweep`: what nobody else is left to do, once a minute: start, resume, grant, probe, discover, purge. */

import { deleteOldKeys } from '../src/catalog/acceptance.ts';
import { listSuspendedAccounts, recover } from '../src/catalog/accounts.ts';
import { type AuditedVideo, listUnaudited, listUnopened, noteAudit, noteResume } from '../src/catalog/audits.ts';
import { inTransaction } from '../src/catalog/database.ts';
import { grantSlots, grantSlotsOfAccount, listStaleGrants, listWaitingPools } from '../src/catalog/slots.ts';
import { noteSignal, withdrawGrant } from '../src/catalog/submissions.ts';
import { changeVideo, listExpiredMedia } from '../src/catalog/videos.ts';
import { type ActivityDependencies, announceGrants, findAccount } from './dependencies.ts';
import { discoverModels } from './discover-models.ts';

/** How long something may take by itself before the sweep does it. */
const PATIENCE_MS = 60_000;

/** How often a video is compared with its workflow, and how many in one sweep. */
const AUDIT_INTERVAL_MS = 10 * 60_000;
const AUDIT_LIMIT = 200;

/** After this many restarts a video is reported instead. */
const MAX_RESUMES = 5;

const PURGE_LIMIT = 500;
const VISIBILITY_WINDOW_MS = 15 * 60_000;

/** What a sweep did, for the Temporal UI. */
export interface SweepReport {
  readonly started: number;
  readonly resumed: number;
  readonly stuck: readonly string[];
  readonly grants: number;
  readonly recovered: readonly string[];
  readonly models: number;
  readonly purged: number;
}

export function createSweepActivities(dependencies: ActivityDependencies) {
  const { db, workflows, log, store, providers } = dependencies;
  const before = (ageMs: number) => new Date(Date.now() - ageMs);

  async function startUnopened(): Promise<number> {
    const unopened = await listUnopened(db, before(PATIENCE_MS));
    for (const video of unopened) await workflows.start(video);
    return unopened.length;
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

  async function resumeClosed() {
    const closed = await workflows.listClosedSince(before(VISIBILITY_WINDOW_MS));
    const due = await listUnaudited(db, {
      auditedBefore: before(AUDIT_INTERVAL_MS),
      alsoIds: closed,
      limit: AUDIT_LIMIT,
    });
    let resumed = 0;
    const stuck: string[] = [];
    for (const audited of due) {
      const outcome = await resume(audited);
      if (outcome === 'resumed') resumed++;
      if (outcome === 'stuck') stuck.push(audited.video.id);
    }
    return { resumed, stuck };
  }

  async function refreshGrants(): Promise<number> {
    for (const { grant, videoEndedAt } of await listStaleGrants(db, before(PATIENCE_MS))) {
      if (videoEndedAt === null) {
        await noteSignal(db, grant.id);
        await announceGrants(dependencies, [{ ...grant, submissionId: grant.id }]);
        continue;
      }
      const grants = await inTransaction(db, async (tx) => {
        await withdrawGrant(tx, grant.id);
        return await grantSlotsOfAccount(tx, grant.account);
      });
      await announceGrants(dependencies, grants);
    }
    let granted = 0;
    for (const pool of await listWaitingPools(db)) {
      const grants = await inTransaction(db, (tx) => grantSlots(tx, pool));
      granted += grants.length;
      await announceGrants(dependencies, grants);
    }
    return granted;
  }

  /** Asks suspended accounts whether their key is good again. */
  async function probeSuspended(): Promise<readonly string[]> {
    const recovered: string[] = [];
    for (const row of await listSuspendedAccounts(db)) {
      const account = findAccount(dependencies, row.id);
      if (!account) continue;
      const { baseUrl, apiKey } = account;
      const signal = AbortSignal.timeout(dependencies.exchangeTimeoutMs);
      try {
        await providers[account.provider].probe({ baseUrl, apiKey, signal });
      } catch (error) {
        log.info({ account: account.id, error: String(error) }, 'a suspended account is still refused');
        continue;
      }
      await recover(db, account.id);
      recovered.push(account.id);
    }
    return recovered;
  }

  /** Marks the row first, so that nobody is sent to a file that is going. */
  async function purge(): Promise<number> {
    const expired = await listExpiredMedia(db, new Date(), PURGE_LIMIT);
    for (const { id, archive } of expired) {
      await changeVideo(db, id, { purgedAt: new Date() });
      if (archive) await store.remove(archive.clipKey);
      if (archive?.posterKey) await store.remove(archive.posterKey);
    }
    return expired.length;
  }

  return {
    async sweep(): Promise<SweepReport> {
      const recovered = await probeSuspended();
      const models = await discoverModels(dependencies);
      const started = await startUnopened();
      const { resumed, stuck } = await resumeClosed();
      const grants = await refreshGrants();
      const purged = await purge();
      await deleteOldKeys(db);
      return { started, resumed, stuck, grants, recovered, models, purged };
    },
  };
}
