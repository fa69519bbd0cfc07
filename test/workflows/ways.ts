/** What brings a video on its way in a stack whose histories are saved: creates, waits, and what happens to it meanwhile. */

import { setTimeout as sleep } from 'node:timers/promises';
import { eq } from 'drizzle-orm';
import Long from 'long';
import { ledger } from '../../src/catalog/tables/callers.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import { videos } from '../../src/catalog/tables/videos.ts';
import { findVideo } from '../../src/catalog/videos.ts';
import { wish } from '../../src/catalog/wishes.ts';
import type { Provider } from '../../src/domain/provider.ts';
import type { ProviderName } from '../../src/domain/vendor.ts';
import type { Video } from '../../src/domain/video.ts';
import { PROVIDERS_BY_NAME } from '../../src/providers/index.ts';
import { type Stack, type StackOptions, startStack } from '../stack.ts';
import { saveHistory } from './saved-histories.ts';

/** The account polls often, seldom, or with room between two polls. */
const OFTEN = { firstPollMs: 100, minPollMs: 100, maxPollMs: 500, deadlineMs: 86_400_000 };
const SELDOM = { firstPollMs: 0, minPollMs: 1500, maxPollMs: 3_600_000, deadlineMs: 86_400_000 };

/** Numbers of Temporal's event types. */
const TIMER_STARTED = 17;

const BETWEEN_LOOKS_MS = 50;

/** A stack with one account, whose exchanges can be made to break: not as an upstream's answer, but as a defect. */
export class Ways {
  readonly stack: Stack;
  readonly #broken: { calls: number };

  private constructor(stack: Stack, broken: { calls: number }) {
    this.stack = stack;
    this.#broken = broken;
  }

  static async open(options: StackOptions = {}): Promise<Ways> {
    const broken = { calls: 0 };
    const breaking = Object.entries(PROVIDERS_BY_NAME).map(([name, provider]) => [name, breakable(provider, broken)]);
    const providers = Object.fromEntries(breaking) as Record<ProviderName, Provider>;
    const ways = new Ways(await startStack({ ...options, dependencies: { providers } }), broken);
    ways.poll('often');
    return ways;
  }

  /** Saves the history of the video's workflow under this name. */
  async save(name: string, workflowId: string): Promise<void> {
    await saveHistory(this.stack.client, name, workflowId);
  }

  /** How tasks that begin from now on are polled. */
  poll(how: 'often' | 'seldom', change: Partial<typeof OFTEN> = {}): void {
    const [account] = this.stack.dependencies.accounts;
    Object.assign(account?.timing ?? {}, how === 'often' ? OFTEN : SELDOM, change);
  }

  /** The next polls and cancels fail without an answer. */
  breakCalls(count: number): void {
    this.#broken.calls = count;
  }

  /** Creates by the airforce dialect, with headers that say when the clip is wanted. */
  async create(body: object = {}, headers: Readonly<Record<string, string>> = {}): Promise<string> {
    const answer = await this.stack.app.inject({
      method: 'POST',
      url: '/airforce/v1/video/generations',
      headers: { ...this.stack.headers, ...headers },
      payload: { model: 'sandbox-mini', prompt: 'a red fox', duration_seconds: 1, ...body },
    });
    if (answer.statusCode !== 200) throw new Error(answer.body);
    return (answer.json() as { task_id: string }).task_id;
  }

  /** No slot is granted from now on. */
  async closeSlots(): Promise<void> {
    await this.stack.administration.pauseAccount('sandbox');
  }

  /** Grants what waits for a slot. */
  async openSlots(): Promise<void> {
    await this.stack.administration.resumeAccount('sandbox');
  }

  /** Resolves when the workflow waits for a timer and for nothing else. */
  async untilItWaits(id: string): Promise<void> {
    for (;;) {
      // Before its start there is none.
      const history = await this.stack.client.workflow
        .getHandle(id)
        .fetchHistory()
        .catch(() => null);
      if (history?.events?.at(-1)?.eventType === TIMER_STARTED) return;
      await sleep(BETWEEN_LOOKS_MS);
    }
  }

  /** A video that waits for a slot. */
  async waiting(headers: Readonly<Record<string, string>> = {}): Promise<string> {
    await this.closeSlots();
    const id = await this.create({}, headers);
    await this.untilItWaits(id);
    return id;
  }

  /** A video whose task has been polled once and is polled again only when something calls for it. */
  async polledOnce(headers: Readonly<Record<string, string>> = {}): Promise<string> {
    this.poll('seldom');
    const id = await this.create({}, headers);
    await this.stack.until(id, ({ polls }) => polls === 1);
    await this.untilItWaits(id);
    this.poll('often');
    return id;
  }

  /** A video whose create's answer was lost, at an upstream that does these wrong as well. */
  async inDoubt(
    recorded: 'now' | 'never' | { readonly afterMs: number },
    {
      headers = {},
      faults = [],
    }: { readonly headers?: Readonly<Record<string, string>>; readonly faults?: object[] } = {},
  ): Promise<string> {
    await this.stack.faults([{ kind: 'lost_create_answer', answer: '5xx', recorded, count: 1 }, ...faults]);
    const id = await this.create({}, headers);
    await this.reached(id, 'unconfirmed');
    await this.untilItWaits(id);
    return id;
  }

  /** A video whose task runs, ten times as long as others. */
  async running(body: object = {}, headers: Readonly<Record<string, string>> = {}): Promise<string> {
    await this.stack.faults([{ kind: 'slow', factor: 10, count: 1 }]);
    const id = await this.create(body, headers);
    await this.reached(id, 'generating');
    return id;
  }

  async reached(id: string, state: Video['state']): Promise<Video> {
    return await this.stack.until(id, (video) => video.state === state);
  }

  /** Resolves when the archive has found that there is no result yet, which no follower is told of. */
  async untilItsResultIsAwaited(id: string): Promise<void> {
    while ((await findVideo(this.stack.db, id))?.waitingFor?.kind !== 'result_not_ready') await sleep(BETWEEN_LOOKS_MS);
  }

  async settled(id: string): Promise<void> {
    await this.stack.until(id, ({ settledMicroUsd }) => settledMicroUsd !== null);
  }

  async #root() {
    const caller = await this.stack.gateway.authenticate(this.stack.headers.authorization.slice('Bearer '.length));
    if (!caller) throw new Error('root is unknown');
    return caller;
  }

  /** As its caller cancels it. */
  async cancel(id: string): Promise<void> {
    await this.stack.gateway.cancel(await this.#root(), id);
  }

  async rearchive(id: string): Promise<void> {
    await this.stack.gateway.rearchive(await this.#root(), id);
  }

  /** To its first event, as an operator does it in the UI. */
  async reset(id: string): Promise<void> {
    const { client } = this.stack;
    const { runId } = await client.workflow.getHandle(id).describe();
    await client.workflowService.resetWorkflowExecution({
      namespace: client.options.namespace,
      workflowExecution: { workflowId: id, runId },
      reason: 'by an operator',
      workflowTaskFinishEventId: Long.fromNumber(3),
      requestId: `reset-${id}`,
    });
  }

  /** The row says that it is to be cancelled, and the workflow is not told. */
  async wishCancelled(id: string): Promise<void> {
    await wish(this.stack.db, id, 'cancel');
  }

  /** The catalog becomes an older copy of itself, in which the video is not there. */
  async forget(id: string): Promise<void> {
    const { db } = this.stack;
    await db.delete(videos).where(eq(videos.id, id));
    for (const table of [submissions, ledger]) await db.delete(table).where(eq(table.videoId, id));
  }

  /** Does it again and again until the video has its end. */
  async untilEnded(id: string, work: () => Promise<unknown>): Promise<void> {
    const timer = setInterval(() => void work().catch(() => undefined), 200);
    await this.stack.ended(id).finally(() => clearInterval(timer));
  }

  async sweep(): Promise<void> {
    await this.stack.sweep();
  }
}

function breakable(provider: Provider, broken: { calls: number }): Provider {
  const breakCall = () => {
    if (broken.calls === 0) return;
    broken.calls--;
    throw new Error('the call broke');
  };
  return {
    ...provider,
    async poll(...call) {
      breakCall();
      return await provider.poll(...call);
    },
    ...(provider.cancel && {
      async cancel(...call: Parameters<NonNullable<Provider['cancel']>>) {
        breakCall();
        await provider.cancel?.(...call);
      },
    }),
  };
}

/** An instant so many seconds from now, as headers take it. */
export function inSeconds(seconds: number): string {
  return new Date(Date.now() + seconds * 1000).toISOString();
}
