/** Many videos played at random: what callers, workflows, upstreams and operators do. */

import { eq, inArray, sql } from 'drizzle-orm';
import { pauseAccount, resumeAccount } from '../../src/catalog/account-health.ts';
import { inTransaction } from '../../src/catalog/driver/database.ts';
import { grantSlotsOfAccount } from '../../src/catalog/slots.ts';
import { accounts } from '../../src/catalog/tables/accounts.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import type { NextStep } from '../../src/domain/step.ts';
import { Invariants, type Player } from './invariants.ts';
import { accept, insertCaller, offerModel, type Scene } from './scene.ts';
import { ANSWERED_5XX, type CreatePlan, LOST, NOT_SENT, refusal } from './upstream.ts';

/** How a create can go. */
export const PLANS: readonly CreatePlan[] = [
  { records: 'at once', answer: 'started' },
  { records: 'at once', answer: 'started' },
  { records: 'at once', answer: LOST },
  { records: 'at once', answer: ANSWERED_5XX },
  { records: 'never', answer: LOST },
  { records: 'never', answer: ANSWERED_5XX },
  { records: 'never', answer: NOT_SENT },
  { records: 'never', answer: refusal('request', 400) },
  { records: 'never', answer: refusal('rate limited', 429) },
  { records: 'never', answer: refusal('unauthenticated', 401) },
  { records: 'never', answer: refusal('model not allowed', 403) },
];

export const OPERATIONS = [
  'accept',
  'step',
  'step',
  'step',
  'send',
  'send',
  'answer',
  'answer',
  'kill',
  'finish',
  'finish',
  'cancel',
  'limit',
  'pause',
  'resume',
  'remove',
  'restore',
  'move',
  'time',
  'sweep',
] as const;

/** One thing that happens; `pick` chooses to whom and how. */
export interface Operation {
  readonly kind: (typeof OPERATIONS)[number];
  readonly pick: number;
}

interface Send {
  readonly player: Player;
  readonly done: Promise<void>;
  open(): void;
}

const CALLERS = ['caller_1', 'caller_2'];
const MODELS = ['first-model', 'second-model'] as const;
const START: NextStep = { step: 'slot', queueDeadlineAt: '' };

function choose<Item>(items: readonly Item[], pick: number): Item | undefined {
  return items[pick % Math.max(items.length, 1)];
}

export class Play {
  readonly scene: Scene;
  readonly players: Player[] = [];
  /** Creates whose answers are still to come, those of killed workers among them. */
  readonly #sends: Send[] = [];
  readonly #invariants: Invariants;

  constructor(scene: Scene) {
    this.scene = scene;
    this.#invariants = new Invariants(scene, this.players);
  }

  async furnish(): Promise<this> {
    const { db, accounts: configured } = this.scene;
    await this.scene.configure();
    for (const id of CALLERS) await insertCaller(db, id);
    const [first = '', ...others] = configured.map(({ id }) => id);
    await offerModel(db, MODELS[0], [first]);
    await offerModel(db, MODELS[1], others);
    return this;
  }

  async do({ kind, pick }: Operation): Promise<void> {
    const account = choose(this.scene.accounts, pick)?.id ?? '';
    switch (kind) {
      case 'accept':
        return await this.#accept(pick);
      case 'step':
        return await this.#step(pick);
      case 'send':
        return await this.#send(pick);
      case 'answer':
        return await this.#answer(pick);
      case 'kill':
        return this.#kill(pick);
      case 'finish':
        return await this.#finish(pick);
      case 'cancel':
        return await this.#cancel(pick);
      case 'limit':
        return await this.#configure(account, { maxConcurrentTasks: (pick % 4) + 1 });
      case 'pause':
        return await pauseAccount(this.scene.db, account);
      case 'resume':
        return await this.#resume(account);
      case 'remove':
        return await this.#remove(account);
      case 'restore':
        return await this.scene.configure();
      case 'move':
        return await this.#move(pick);
      case 'time':
        return await this.#letTimePass();
      case 'sweep':
        return await this.#sweep();
    }
  }

  async #accept(pick: number): Promise<void> {
    const id = `v${String(this.players.length + 1).padStart(4, '0')}`;
    const callerId = choose(CALLERS, pick) ?? '';
    await accept(this.scene.db, id, { callerId, model: choose(MODELS, pick >> 1) ?? '' });
    this.players.push({ id, next: START, busy: false, waits: false });
  }

  /** The videos that may take a step of this kind. */
  #idle(...steps: readonly NextStep['step'][]): readonly Player[] {
    return this.players.filter(({ busy, next }) => !busy && steps.includes(next.step));
  }

  async #step(pick: number): Promise<void> {
    const player = choose(this.#idle('slot', 'confirm', 'watch', 'archive', 'end'), pick);
    if (player) await this.#during(player, () => this.scene.take(player.id, player.next));
  }

  async #during(player: Player, work: () => Promise<NextStep>): Promise<void> {
    const asks = player.next.step === 'slot';
    player.busy = true;
    try {
      player.next = await work();
      player.waits = asks && player.next.step === 'slot' && player.next.isQueued === true;
    } finally {
      player.busy = false;
    }
  }

  /** The create reaches the upstream, whose answer is an operation of its own. */
  async #send(pick: number): Promise<void> {
    const player = choose(this.#idle('submit'), pick);
    const plan = choose(PLANS, pick >> 3);
    if (!player || !plan) return;
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { upstream } = this.scene;
    const answer = opened.then(() => (plan.answer === 'never' ? LOST : plan.answer));
    upstream.plan(player.id, { records: plan.records, answer });
    const reached = new Promise<void>((resolve) => {
      upstream.onCreate = () => resolve();
    });
    const done = this.#during(player, () => this.scene.take(player.id, player.next));
    this.#sends.push({ player, done, open });
    await Promise.race([reached, done]);
  }

  async #answer(pick: number): Promise<void> {
    const send = choose(this.#sends, pick);
    if (!send) return;
    this.#sends.splice(this.#sends.indexOf(send), 1);
    send.open();
    await send.done;
  }

  /** Temporal gives the attempt up and the next one starts; the answer may still come. */
  #kill(pick: number): void {
    const send = choose(this.#sends, pick);
    if (!send?.player.busy) return;
    const at = this.players.indexOf(send.player);
    this.players[at] = { ...send.player, busy: false };
  }

  /** Tasks end upstream, and are polled. */
  async #finish(pick: number): Promise<void> {
    const player = choose(this.#idle('watch'), pick);
    if (player?.next.step !== 'watch') return;
    const result = { url: 'https://cdn.example/clip.mp4', needsKey: false, expiresAtMs: null };
    const status =
      pick % 3 === 0
        ? ({ kind: 'failed', upstream: { message: 'no' }, costMicroUsd: 0 } as const)
        : ({ kind: 'succeeded', result, costMicroUsd: 900_000 } as const);
    this.scene.upstream.finish(player.next.task.taskId, status);
    await this.#during(player, () => this.scene.take(player.id, player.next));
  }

  /** A cancel ends the video at once, also while its create is under way; its workflow finds out. */
  async #cancel(pick: number): Promise<void> {
    const player = choose(this.players, pick);
    if (!player) return;
    if (player.busy) await this.scene.end(player.id, 'cancelled');
    else await this.#during(player, () => this.scene.end(player.id, 'cancelled'));
  }

  async #configure(account: string, change: { maxConcurrentTasks?: number; pool?: string }): Promise<void> {
    this.scene.accounts = this.scene.accounts.map((one) => (one.id === account ? { ...one, ...change } : one));
    await this.scene.configure();
  }

  /** A model's accounts lie in one pool, so those of a model move together. */
  async #move(pick: number): Promise<void> {
    const pool = pick % 2 === 0 ? 'main' : 'other';
    const [first, ...others] = this.scene.accounts;
    const moved = pick % 4 < 2 ? [first] : others;
    for (const one of moved) if (one) await this.#configure(one.id, { pool });
  }

  async #remove(account: string): Promise<void> {
    const { db } = this.scene;
    await db.update(accounts).set({ configured: false }).where(eq(accounts.id, account));
  }

  async #resume(account: string): Promise<void> {
    const { db } = this.scene;
    await resumeAccount(db, account);
    await inTransaction(db, (tx) => grantSlotsOfAccount(tx, account));
  }

  /** Two minutes for every create in doubt: none can be on its way any more. */
  async #letTimePass(): Promise<void> {
    const earlier = (column: typeof submissions.sentAt | typeof submissions.sendUntil) =>
      sql`${column} - interval '2 minutes'`;
    await this.scene.db
      .update(submissions)
      .set({ sentAt: earlier(submissions.sentAt), sendUntil: earlier(submissions.sendUntil) })
      .where(inArray(submissions.state, ['sending', 'unconfirmed']));
  }

  async #sweep(): Promise<void> {
    const { errors } = await this.scene.sweep();
    if (errors.length > 0) throw new Error(errors.join('\n'));
  }

  check(): Promise<void> {
    return this.#invariants.check();
  }

  checkEnd(): Promise<void> {
    return this.#invariants.checkEnd();
  }

  /** Everything is repaired and goes on until all videos have their ends. */
  async drain(): Promise<void> {
    for (const send of this.#sends.splice(0)) {
      send.open();
      await send.done;
    }
    for (let rounds = 0; this.players.some(({ next }) => next.step !== 'ended'); rounds++) {
      if (rounds > 50)
        throw new Error(`never end: ${JSON.stringify(this.players.filter((p) => p.next.step !== 'ended'))}`);
      await this.scene.configure();
      for (const { id } of this.scene.accounts) await this.#resume(id);
      await this.scene.db.execute(sql`update account_models set suspended_until = null`);
      await this.scene.db.execute(sql`update waiting set not_before = null`);
      await this.#letTimePass();
      for (const player of this.players) await this.#advance(player);
    }
  }

  async #advance(player: Player): Promise<void> {
    if (player.next.step === 'watch') {
      const result = { url: 'https://cdn.example/clip.mp4', needsKey: false, expiresAtMs: null };
      this.scene.upstream.finish(player.next.task.taskId, { kind: 'succeeded', result, costMicroUsd: 900_000 });
    }
    player.next = await this.scene.take(player.id, player.next);
  }
}
