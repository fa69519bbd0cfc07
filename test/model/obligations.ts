/** What Clipyard owes its callers, its operators and the upstreams, however those answer. */

import { eq, inArray, isNull } from 'drizzle-orm';
import { settleReviewed } from '../../src/catalog/corrections.ts';
import { costs } from '../../src/catalog/costs.ts';
import { isOpenOrphan, isOrphan } from '../../src/catalog/orphans.ts';
import { orphans } from '../../src/catalog/tables/accounts.ts';
import { callers, ledger } from '../../src/catalog/tables/callers.ts';
import { waiting } from '../../src/catalog/tables/queue.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import { videos } from '../../src/catalog/tables/videos.ts';
import { toVideo } from '../../src/catalog/videos.ts';
import { readWaits } from '../../src/catalog/waiting-reasons.ts';
import { LANE_MS } from '../../src/domain/doubt.ts';
import { OPEN_SUBMISSION_STATES } from '../../src/domain/submission.ts';
import type { Told } from './faulty-attempt.ts';
import { HOSTILE, type HostilePlay, mayServe, type PlayedVideo } from './hostile-play.ts';
import { type HostileAccount, isPoisoned, OTHERS_MARK, type TrueTask } from './hostile-upstream.ts';
import { ESTIMATE } from './scene.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** After that nothing is followed any more. */
const LONGEST_MS = 18 * HOUR_MS;
/** The time that a task is generated for, and that its result is asked for. */
const DEADLINE_MS = 4 * HOUR_MS;
const UNTAKEN_MS = 3 * MINUTE_MS;
/** Creates of a video whose answers may be lost: the first, and those that are sent again. */
const MOST_LOST = 5;
/** Creates of a video that an account refused for reasons of its own: at first, and in each hour of its pauses. */
const MOST_REFUSED = 15;
const MOST_REFUSED_IN_AN_HOUR = 14;
/** What a run may ask for at one instant, and within a minute. */
const MOST_AT_ONCE = 14;
const MOST_IN_A_MINUTE = 45;

/** Failures of a video whose upstreams do it no harm: a kill may lose an answer, an account may be withdrawn. */
const SPARED_FAILURES: readonly (string | undefined)[] = ['answer_lost', 'deadline_exceeded', 'no_account'];

type SubmissionRow = typeof submissions.$inferSelect;
type VideoRow = typeof videos.$inferSelect;

/** What has not come to its end. */
interface Unfinished {
  readonly unended: readonly VideoRow[];
  readonly open: readonly SubmissionRow[];
  readonly orphaned: readonly (typeof orphans.$inferSelect)[];
}

type ToldOf<Kind extends Told['kind']> = Extract<Told, { kind: Kind }>;

const minutes = (ms: number) => `${(ms / MINUTE_MS).toFixed(1)} min`;

export class Obligations {
  readonly #play: HostilePlay;
  readonly #broken: string[] = [];
  #startMs = 0;
  #checkedAtMs = 0;
  /** Since when videos stand still and do not say why. */
  readonly #silentSince = new Map<string, number>();

  constructor(play: HostilePlay) {
    this.#play = play;
  }

  get #db() {
    return this.#play.world.db;
  }

  get #nowMs() {
    return this.#play.world.time.nowMs;
  }

  /** Plays to the end, and fails with all that was broken on the way. */
  async playToTheEnd(): Promise<void> {
    const { world, scenario, deedsMs } = this.#play;
    this.#startMs = this.#nowMs;
    await this.#play.begin();
    const deedsEndMs = this.#startMs + deedsMs + MINUTE_MS;
    world.sweepEvery(() => this.#sweepGapMs());
    if (scenario.heals) world.later(deedsMs + MINUTE_MS, async () => this.#play.heal());
    await world.run(this.#startMs + LONGEST_MS, {
      pick: (count) => this.#play.pick(count),
      onQuiet: async () => {
        const rows = await this.#check();
        const isWell = this.#broken.length + world.defects.length + world.runtime.defects.length === 0;
        return isWell && !(this.#nowMs > deedsEndMs && !world.isBusy && (await this.#unfinished(rows)).length === 0);
      },
    });
    const found = [...world.defects, ...world.runtime.defects, ...this.#broken];
    if (found.length === 0) found.push(...(await this.#unfinished(await this.#read())));
    if (found.length === 0) await this.#checkEnd();
    expect([...new Set([...found, ...this.#broken])]).toEqual([]);
  }

  /** Each minute while much happens, and then less and less often, so that days pass quickly. */
  #sweepGapMs(): number {
    const quietMs = this.#nowMs - this.#startMs - this.#play.deedsMs;
    return quietMs < 20 * MINUTE_MS ? MINUTE_MS : quietMs < 3 * HOUR_MS ? 10 * MINUTE_MS : 30 * MINUTE_MS;
  }

  /** How late anything may be: what does it, a video's workflow or a sweep, may be what was held up. */
  #heldUpMs(): number {
    return this.#sweepGapMs() + this.#play.disruptedMs;
  }

  #break(what: string): void {
    this.#broken.push(`${what} (after ${minutes(this.#nowMs - this.#startMs)})`);
  }

  async #read(): Promise<Unfinished> {
    const db = this.#db;
    return {
      unended: await db.select().from(videos).where(isNull(videos.endedAt)),
      open: await db
        .select()
        .from(submissions)
        .where(inArray(submissions.state, [...OPEN_SUBMISSION_STATES])),
      // A task that a submission claims is none any more, also where it was booked as one.
      orphaned: await db.select().from(orphans).where(isOpenOrphan),
    };
  }

  async #unfinished({ unended, open, orphaned }: Unfinished): Promise<readonly string[]> {
    const waits = unended.length === 0 ? await this.#db.select().from(waiting) : [];
    return [
      ...unended.map(({ id, state }) => `${id} is ${state} still`),
      ...open.map((one) => `a submission of ${one.videoId} at ${one.account} is ${one.state} still`),
      ...orphaned.map(({ taskId, account }) => `orphan ${taskId} of ${account} has not ended`),
      ...waits.map(({ videoId }) => `${videoId} waits still`),
    ];
  }

  // ---- whenever nothing can go on without time passing ----

  async #check(): Promise<Unfinished> {
    const rows = await this.#read();
    this.#checkLanes(rows.open);
    this.#checkSlots(rows);
    await this.#checkWaits(rows.unended);
    this.#checkedAtMs = this.#nowMs;
    return rows;
  }

  /** A lane is kept for ninety seconds of a doubt, and a grant that is not taken for three minutes. */
  #checkLanes(open: readonly SubmissionRow[]): void {
    const slackMs = this.#heldUpMs() + 1000;
    for (const { state, singleLane, sentAt, grantedAt, videoId } of open) {
      const sinceMs = this.#nowMs - (sentAt ?? grantedAt).getTime();
      const isDoubtful = (state === 'sending' || state === 'unconfirmed') && singleLane;
      if (isDoubtful && sinceMs > LANE_MS + slackMs) this.#break(`${videoId} keeps its lane for ${minutes(sinceMs)}`);
      if (state === 'granted' && sinceMs > UNTAKEN_MS + slackMs)
        this.#break(`${videoId} keeps a grant for ${minutes(sinceMs)}`);
    }
  }

  /** Nothing is granted beyond the limit of a credential, orphans counted. */
  #checkSlots({ open, orphaned }: Unfinished): void {
    for (const [credential, limit] of this.#play.limits) {
      const own = open.filter((row) => row.credential === credential);
      const taken = own.length + orphaned.filter((row) => row.credential === credential).length;
      const isNew = own.some(({ grantedAt, state }) => state === 'granted' && grantedAt.getTime() > this.#checkedAtMs);
      if (taken > limit && isNew && orphaned.every(({ foundAt }) => foundAt.getTime() < this.#checkedAtMs)) {
        this.#break(`${taken} slots of ${limit} are taken`);
      }
    }
  }

  /** A video that stands still says why. */
  async #checkWaits(unended: readonly VideoRow[]): Promise<void> {
    if (unended.length === 0) return;
    const waits = await readWaits(this.#db, unended.map(toVideo));
    const configured = this.#play.world.accounts.map(({ id }) => id);
    // What is shown of a retry is reckoned by the clock of the worker that waits; nothing is decided by it.
    const skewMs = Math.max(...this.#play.scenario.skewsMs.map(Math.abs));
    for (const { id, state, account } of unended) {
      const wait = waits.get(id);
      const isStalled = this.#play.world.runtime.runs.get(id)?.backlog !== null;
      const isStill = state === 'queued' || state === 'unconfirmed';
      // A worker that was killed or held up says it with its next attempt.
      const isSilent = isStill && !wait && !isStalled && !this.#play.world.isTemporalAway;
      const silentMs = isSilent ? this.#nowMs - (this.#silentSince.get(id) ?? this.#nowMs) : 0;
      this.#silentSince.set(id, this.#nowMs - silentMs);
      if (silentMs > 2 * MINUTE_MS + this.#sweepGapMs()) this.#break(`${id} is ${state} and does not say why`);
      const lateMs = wait?.until ? this.#nowMs - Date.parse(wait.until) : 0;
      // While the account of a result is not configured, the wait that was noted last is shown on.
      const isWithdrawn = wait?.kind === 'result_not_ready' && !configured.includes(account ?? '');
      if (lateMs > 2 * MINUTE_MS + this.#heldUpMs() + skewMs && !isStalled && !isWithdrawn) {
        this.#break(`${id} is ${state} and waits for ${wait?.kind} ${minutes(lateMs)} beyond its time`);
      }
    }
  }

  // ---- when all is over ----

  async #checkEnd(): Promise<void> {
    const rows = await this.#db.select().from(submissions);
    await this.#checkEnds();
    this.#checkSteps();
    this.#checkCreates(rows);
    for (const upstream of this.#play.upstreams) {
      this.#checkRunning(upstream);
      this.#checkPaidOnce(upstream);
      await this.#checkBill(upstream, rows);
    }
    await this.#checkSecrets();
    await this.#checkMoney();
  }

  async #checkEnds(): Promise<void> {
    const { videos: played, disruptedMs } = this.#play;
    const rows = new Map((await this.#db.select().from(videos)).map((row) => [row.id, row]));
    for (const video of played) {
      const row = rows.get(video.id);
      const endedMs = row?.endedAt?.getTime() ?? Number.POSITIVE_INFINITY;
      const latestMs = video.expiresAtMs + (row?.hiddenAt ? DEADLINE_MS : 0) + 30 * MINUTE_MS + disruptedMs;
      if (endedMs > latestMs) this.#break(`${video.id} ended ${minutes(endedMs - video.expiresAtMs)} after its time`);
      if (video.isTouched) continue;
      if (video.model === 'good-model') this.#checkGood(video, row);
      else if (row?.state === 'failed' && this.#isSpared(video) && !SPARED_FAILURES.includes(row.failure?.kind)) {
        this.#break(`${video.id} of ${video.model} failed for what others met: ${JSON.stringify(row.failure)}`);
      }
    }
  }

  /** At the account that behaves well clips are made in time, however the others fare. */
  #checkGood({ id, acceptedAtMs, expiresAtMs }: PlayedVideo, row: VideoRow | undefined): void {
    const { disruptedMs } = this.#play;
    if (expiresAtMs - acceptedAtMs > HOUR_MS + disruptedMs && row?.state !== 'completed') {
      this.#break(`${id} at the good account is ${row?.state}: ${JSON.stringify(row?.failure)}`);
    }
    const tookMs = (row?.endedAt?.getTime() ?? Number.POSITIVE_INFINITY) - acceptedAtMs;
    if (tookMs > 30 * MINUTE_MS + disruptedMs) this.#break(`${id} at the good account took ${minutes(tookMs)}`);
  }

  /** Its upstreams treat only others' prompts badly, and what they made for it comes to a good end. */
  #isSpared({ model, prompt }: PlayedVideo): boolean {
    const { upstreams, scenario } = this.#play;
    const accounts = HOSTILE.filter((name) => mayServe(name, model));
    const own = upstreams.flatMap(({ tasks }) => tasks).filter((task) => task.prompt === prompt);
    return (
      !isPoisoned(prompt) &&
      accounts.every((name) => scenario.upstreams[name].isOnlyForPoisoned) &&
      own.every(({ plan }) => plan.end === 'completed' && plan.isKnown)
    );
  }

  #checkSteps(): void {
    for (const [id, times] of this.#play.world.asked) {
      const worst = (count: number, withinMs: number) =>
        times.some((atMs, index) => (times[index + count] ?? Number.POSITIVE_INFINITY) - atMs <= withinMs);
      if (worst(MOST_AT_ONCE, 0)) this.#break(`${id} goes round in circles`);
      if (worst(MOST_IN_A_MINUTE, MINUTE_MS)) this.#break(`${id} is busier than ${MOST_IN_A_MINUTE} steps a minute`);
    }
  }

  /** The creates of a video stay within their budget: by its rows, and by what its upstreams made and never named. */
  #checkCreates(rows: readonly SubmissionRow[]): void {
    const unnamed = this.#play.upstreams.flatMap((upstream) => {
      const named = this.#told('create', upstream).map(({ outcome }) => outcome.kind === 'started' && outcome.taskId);
      return upstream.tasks.filter((task) => !named.includes(task.id));
    });
    for (const { id, prompt } of this.#play.videos) {
      const own = rows.filter(({ videoId }) => videoId === id);
      if (own.length === 0) continue;
      const lost = own.filter(({ answered }) => answered !== null).length;
      if (lost > MOST_LOST) this.#break(`the answers to ${lost} creates of ${id} were lost`);
      // What an upstream makes although it refuses is bounded as refusals are.
      const refused = this.#told('create').filter((told) => told.prompt === prompt && told.outcome.kind === 'refused');
      const hidden = unnamed.filter((task) => task.prompt === prompt).length - refused.length;
      if (hidden > MOST_LOST * this.#askedFor(prompt)) this.#break(`${hidden} tasks of ${prompt} were never named`);
      const grantedMs = own.map(({ grantedAt }) => grantedAt.getTime());
      const tookMs = Math.max(...grantedMs) - Math.min(...grantedMs);
      const accounts = new Set(own.map(({ account }) => account)).size;
      const most = MOST_LOST + accounts * (MOST_REFUSED + (tookMs / HOUR_MS) * MOST_REFUSED_IN_AN_HOUR);
      if (own.length > most) this.#break(`${id} has ${own.length} submissions in ${minutes(tookMs)}`);
    }
  }

  /** How many videos have the prompt. */
  #askedFor(prompt: string): number {
    return this.#play.videos.filter((video) => video.prompt === prompt).length;
  }

  #told<Kind extends Told['kind']>(kind: Kind, upstream?: HostileAccount): readonly ToldOf<Kind>[] {
    return this.#play.world.told.filter(
      (told): told is ToldOf<Kind> => told.kind === kind && (!upstream || told.baseUrl === upstream.baseUrl),
    );
  }

  /** Tasks of a key run beyond its limit only where the upstream hides that they run. */
  #checkRunning(upstream: HostileAccount): void {
    const started = this.#told('create', upstream);
    const polls = this.#told('poll', upstream);
    const isKnown = (task: TrueTask, atMs: number) =>
      started.some(
        ({ outcome, attempt, atMs: toldMs }) =>
          outcome.kind === 'started' &&
          outcome.taskId === task.id &&
          toldMs <= atMs &&
          !attempt.isDead &&
          !attempt.isHeldUp,
      ) &&
      !polls.some(
        ({ taskId, status, atMs: toldMs }) => taskId === task.id && toldMs <= atMs && status.kind !== 'pending',
      );
    for (const { running, atMs, made } of upstream.creates) {
      if (!made) continue;
      const known = running.filter((task) => task === made || isKnown(task, atMs)).length;
      const limit = this.#play.limitAt(upstream.baseUrl, atMs);
      if (known > limit)
        this.#break(`${known} tasks that are known run on the key of ${upstream.baseUrl}, which has ${limit}`);
    }
  }

  /** A video has a second task only where the upstream hid the first one, or an operator wanted it so. */
  #checkPaidOnce(upstream: HostileAccount): void {
    const creates = this.#play.upstreams.flatMap((one) => one.creates);
    const lists = this.#told('list', upstream);
    const answered = this.#told('create', upstream);
    for (const [index, second] of upstream.tasks.entries()) {
      const first = upstream.tasks.slice(0, index).filter(({ prompt }) => prompt === second.prompt);
      const twins = this.#askedFor(second.prompt);
      if (first.length < twins || this.#play.resolved.has(second.prompt)) continue;
      for (const task of first) {
        const wasNamed = answered.some(
          ({ outcome, attempt, atMs }) =>
            outcome.kind === 'started' && outcome.taskId === task.id && !attempt.isDead && atMs < second.madeAtMs,
        );
        // What a list shows only after the create was refused, or its doubt decided and the video sent elsewhere, comes too late.
        const refused = answered.filter(({ prompt, outcome }) => prompt === task.prompt && outcome.kind === 'refused');
        const again = creates.filter(({ prompt, atMs }) => prompt === task.prompt && atMs > task.madeAtMs);
        const decided = [...again, ...refused.filter(({ atMs }) => atMs >= task.madeAtMs)];
        const decidedMs = Math.min(...decided.map(({ atMs }) => atMs));
        const last = lists.findLast(
          ({ atMs, attempt }) => atMs <= decidedMs && atMs >= task.madeAtMs && !attempt.isDead,
        );
        const shown = last?.list.tasks.find(({ taskId }) => taskId === task.id);
        const isShown =
          this.#play.listing.has(upstream.baseUrl) &&
          shown?.prompt === task.prompt &&
          shown.createdAtMs !== undefined &&
          Math.abs(shown.createdAtMs - task.madeAtMs - (upstream.clockMs ?? 0)) < 2000;
        if (twins === 1 && (wasNamed || isShown)) {
          this.#break(
            `${second.prompt} has a second task ${second.id} although ${task.id} was ${wasNamed ? 'named' : 'listed'}`,
          );
        }
      }
    }
  }

  /** What an upstream tells of its bill is what the rows have. */
  async #checkBill(upstream: HostileAccount, rows: readonly SubmissionRow[]): Promise<void> {
    const credential = this.#play.credentialOf(upstream.baseUrl);
    const orphaned = await this.#db.select().from(orphans).where(eq(orphans.credential, credential));
    for (const task of upstream.tasks) {
      const polls = this.#told('poll', upstream).filter(({ taskId }) => taskId === task.id);
      const ends = polls.flatMap(({ status, attempt }) =>
        !attempt.isDead && (status.kind === 'succeeded' || status.kind === 'failed') ? [status] : [],
      );
      const costsOf = ends.map((status) => status.costMicroUsd ?? (status.kind === 'succeeded' ? ESTIMATE : 0));
      const row = rows.find((one) => one.credential === credential && one.taskId === task.id);
      const orphan = orphaned.find(({ taskId }) => taskId === task.id);
      // What was given up as missing is followed as an orphan; what a submission claims later is none any more.
      const isLost = orphan && (orphan.videoId !== null || !row);
      const booked = (row?.costMicroUsd ?? 0) + (isLost ? orphan.costMicroUsd : 0);
      // What a task of no video cost, where it is never said, can be guessed at most.
      const isUnsaid = !row && ends.some(({ costMicroUsd }) => costMicroUsd === null);
      if ((row || orphan) && ends.length > 0 && !isUnsaid && !costsOf.includes(booked)) {
        this.#break(`${task.id} of ${upstream.baseUrl} was told to cost ${costsOf}, and ${booked} is booked`);
      }
      const wasStarted = this.#told('create', upstream).some(
        ({ outcome, attempt }) => outcome.kind === 'started' && outcome.taskId === task.id && !attempt.isDead,
      );
      if (wasStarted && !row && !orphan) {
        this.#break(`${task.id} of ${upstream.baseUrl} was named, and is in no row`);
      }
    }
  }

  /** No video's row has what an account's list shows of others, nor a key. */
  async #checkSecrets(): Promise<void> {
    for (const row of await this.#db.select().from(videos)) {
      const text = JSON.stringify(row);
      if (text.includes(OTHERS_MARK)) this.#break(`${row.id} shows a task of another user: ${text}`);
      if (text.includes('sk-s')) this.#break(`${row.id} shows a key: ${text}`);
    }
  }

  /** Settled and lost are the bill, and the callers' columns are the sums of their entries. */
  async #checkMoney(): Promise<void> {
    for (const { id } of await this.#db.select().from(videos).where(isNull(videos.settledMicroUsd))) {
      await settleReviewed(this.#db, id, ESTIMATE);
    }
    const [sum] = await costs(this.#db, { callerId: null, groupBy: [] });
    const booked = [
      ...(await this.#db.select().from(submissions)),
      ...(await this.#db.select().from(orphans).where(isOrphan)),
    ];
    const bill = booked.reduce((total, { costMicroUsd }) => total + (costMicroUsd ?? 0), 0);
    if (sum && (sum.settledMicroUsd + sum.lostMicroUsd !== bill || sum.upstreamMicroUsd !== bill)) {
      this.#break(`the costs are ${JSON.stringify(sum)}, and the bill is ${bill}`);
    }
    const entries = await this.#db.select().from(ledger);
    for (const caller of await this.#db.select().from(callers)) {
      const own = entries
        .filter(({ callerId }) => callerId === caller.id)
        .reduce((total, { amountMicroUsd }) => total + amountMicroUsd, 0);
      if (caller.heldMicroUsd !== 0 || caller.unendedVideos !== 0 || caller.availableMicroUsd !== own)
        this.#break(`${caller.id} has ${JSON.stringify(caller)}`);
    }
  }
}
