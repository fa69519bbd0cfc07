/** Healing: before workers take up work, the catalog learns what Temporal knows better, and the other way round. */

import { auditSoon, listStandings, listUnaudited, readNewestInstant, type VideoStanding } from '../catalog/audits.ts';
import { inTransaction } from '../catalog/driver/database.ts';
import { endVideo } from '../catalog/ends.ts';
import { requestSlot, takeBackGrants } from '../catalog/slots.ts';
import { findCurrentSubmission } from '../catalog/submissions.ts';
import { findVideo } from '../catalog/videos.ts';
import type { NextStep } from '../domain/step.ts';
import type { Video, VideoState } from '../domain/video.ts';
import type { VideoRun, VideoRunFacts, VideoRuns } from '../domain/video-runs.ts';
import type { VideoWorkflows } from '../domain/video-workflows.ts';
import { announceGrants, type SubmissionDependencies } from '../submissions/dependencies.ts';
import { readNextStep } from '../submissions/next-step.ts';
import { open } from '../submissions/open.ts';

export interface HealDependencies extends SubmissionDependencies {
  readonly workflows: SubmissionDependencies['workflows'] & Pick<VideoWorkflows, 'cancel'>;
  readonly runs: VideoRuns;
  /** Ends the comparison between two videos: the next worker's begins anew. */
  readonly signal: AbortSignal;
}

/** How far clocks may be apart, and an instant in a row from the event that it stands for. */
const CLOCK_MARGIN_MS = 5 * 60_000;
const CHUNK = 200;
/** Thousands may have to be read before the first of them goes on. */
const HISTORIES_AT_ONCE = 20;
const MOST_LOST_WORKFLOWS = 10_000;

const WITH_A_TASK: readonly VideoState[] = ['submitting', 'unconfirmed', 'generating'];

/** A video of which catalog and workflow tell different stories, with the workflow's. */
interface Differing {
  readonly run: VideoRun;
  readonly facts: VideoRunFacts;
}

/** Whether the catalog has a video where its workflow has it, or further on where the workflow will follow by itself. */
function agrees({ isOpen, state }: VideoRun, standing: VideoStanding | undefined): boolean {
  if (!standing) return false;
  const { isEnded, isWaiting, states } = standing;
  const hasTask = ['sending', 'unconfirmed', 'running'].some((one) => (states as ReadonlySet<string>).has(one));
  const hasSlot = hasTask || states.has('granted');
  if (!isOpen) return isEnded && !hasTask;
  if (state === 'queued') return !isEnded && isWaiting && !hasSlot;
  if (WITH_A_TASK.includes(state)) return isEnded || hasTask || (states.has('ended') && !hasSlot);
  return isEnded || (state === 'archiving' && states.has('ended') && !hasSlot);
}

/**
 * Whether there is anything to enter again. What was refused at its opening was never accepted; and who has not begun
 * yet enters itself, at its turn.
 */
function isToBeHealed({ run, facts: { wasOpened, accepted } }: Differing): boolean {
  return wasOpened || (!run.isOpen && accepted.dialect !== undefined);
}

async function inChunks<Item>(
  items: readonly Item[],
  size: number,
  work: (chunk: readonly Item[]) => Promise<unknown>,
) {
  for (let at = 0; at < items.length; at += size) await work(items.slice(at, at + size));
}

/**
 * Compares every open workflow, and those that closed since the catalog's newest row, with the catalog. What the catalog
 * has lost (it is an older copy) is entered again before anything is granted, so that a task that runs keeps its slot and
 * none is made twice; what Temporal has lost is started again. Where they agree nothing is changed.
 * @returns how many videos differed, and how many workflows were started.
 */
export async function healCatalog(
  dependencies: HealDependencies,
): Promise<{ readonly healed: number; readonly started: number }> {
  const { db, workflows, runs, log, signal } = dependencies;
  let started = 0;

  async function attempt(videoId: string, work: () => Promise<unknown>): Promise<void> {
    signal.throwIfAborted();
    try {
      await work();
    } catch (error) {
      log.error({ videoId, error: String(error) }, 'a video could not be compared with its workflow');
    }
  }

  /** One that was terminated is only brought to its end. */
  async function start(video: Video, stop: boolean): Promise<void> {
    await workflows.start(video, { stop });
    started++;
  }

  async function listDiffering(all: readonly VideoRun[]): Promise<readonly Differing[]> {
    const candidates: VideoRun[] = [];
    await inChunks(all, CHUNK, async (chunk) => {
      const standings = await listStandings(
        db,
        chunk.map(({ videoId }) => videoId),
      );
      candidates.push(...chunk.filter((one) => !agrees(one, standings.get(one.videoId))));
    });
    const differing: Differing[] = [];
    const read = async (run: VideoRun) => {
      const one = { run, facts: await runs.read(run.videoId) };
      if (isToBeHealed(one)) differing.push(one);
    };
    await inChunks(candidates, HISTORIES_AT_ONCE, (chunk) =>
      Promise.all(chunk.map((run) => attempt(run.videoId, () => read(run)))),
    );
    // In this order those that wait are queued again.
    return differing.sort((a, b) => a.run.startedAt.getTime() - b.run.startedAt.getTime());
  }

  /** Row, hold and task, as far as they are missing. */
  async function enter({ run, facts }: Differing): Promise<void> {
    const { input, accepted, memory } = facts;
    if (!input) return;
    const { request, callerId = 'root' } = input;
    await open(dependencies, { videoId: run.videoId, request, callerId, accepted, memory: memory ?? undefined });
  }

  /** An end that was told stays; a completed one is reached again, from its task, which is billed as it was. */
  async function endAgain({ run, facts }: Differing): Promise<void> {
    if (facts.end === null || facts.end.state === 'completed') return;
    const { grants } = await endVideo(db, run.videoId, { ...facts.end, archive: null });
    await announceGrants(dependencies, grants);
  }

  async function goOn({ run }: Differing): Promise<void> {
    const { videoId } = run;
    const next = await readNextStep(dependencies, videoId);
    // One whose last step was answered before may close without another look at the catalog; the sweep goes on from there.
    if (run.isOpen) await auditSoon(db, videoId);
    if (run.isOpen) return await wake(run, next);
    const video = await findVideo(db, videoId);
    if (video && next.step !== 'ended') await start(video, (await workflows.standing(videoId)) === 'terminated');
  }

  /** A workflow that waits for a slot hears of nothing else; every other one asks by itself. */
  async function wake({ videoId, state }: VideoRun, next: NextStep): Promise<void> {
    if (state !== 'queued') return;
    if (next.step === 'slot') return await queue(videoId);
    const submission = await findCurrentSubmission(db, videoId);
    if (submission) {
      const { id: submissionId, account, provider } = submission;
      await workflows.signalGranted(videoId, { submissionId, account, provider });
    } else if (next.step === 'ended') {
      await workflows.cancel(videoId);
    }
  }

  async function queue(videoId: string): Promise<void> {
    const video = await findVideo(db, videoId);
    if (!video) return;
    const request = await inTransaction(db, (tx) => requestSlot(tx, videoId, video.request.model));
    if (request.kind === 'queued') await announceGrants(dependencies, request.grants);
  }

  /** Of videos that have something left to do: nobody else would look for their workflows for minutes. */
  async function startLost(known: ReadonlySet<string>): Promise<void> {
    const left = await listUnaudited(db, { auditedBefore: new Date(), alsoIds: [], limit: MOST_LOST_WORKFLOWS });
    for (const { video } of left.filter((one) => !known.has(one.video.id))) {
      await attempt(video.id, async () => {
        const standing = await workflows.standing(video.id);
        if (standing !== 'running') await start(video, standing === 'terminated');
      });
    }
  }

  const newest = await readNewestInstant(db);
  const all = await runs.list(newest && new Date(newest.getTime() - CLOCK_MARGIN_MS));
  const differing = await listDiffering(all);
  for (const one of differing) await attempt(one.run.videoId, () => enter(one));
  // Nothing has been granted so far. From here on slots are counted with all that was entered.
  for (const { id } of dependencies.accounts) await inTransaction(db, (tx) => takeBackGrants(tx, id));
  for (const one of differing) await attempt(one.run.videoId, () => endAgain(one));
  for (const one of differing) await attempt(one.run.videoId, () => goOn(one));
  await startLost(new Set(all.map(({ videoId }) => videoId)));
  if (differing.length > 0 || started > 0) {
    log.warn({ videos: differing.length, started }, 'catalog and workflows differed: one is an older copy of itself');
  }
  return { healed: differing.length, started };
}
