/** Goes every way that a video can go, on real servers, and saves the histories: run by `npm run histories`. */

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from '@temporalio/worker';
import { eq } from 'drizzle-orm';
import { FfmpegMissing } from '../../src/archive/film/join-clips.ts';
import type { FilmOrder } from '../../src/archive/film/make-film.ts';
import { syncAccounts } from '../../src/catalog/accounts.ts';
import { deliverTest } from '../../src/catalog/delivery-views.ts';
import { syncConfiguredModels } from '../../src/catalog/models.ts';
import { accounts } from '../../src/catalog/tables/accounts.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import { withFacts } from '../../src/process/parts.ts';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../../workflows/messages.ts';
import type { StackOptions } from '../stack.ts';
import { bundleStoryboard } from './saved-histories.ts';
import { inSeconds, Ways } from './ways.ts';

let ways: Ways;

/** The same stack for all ways of a block; each begins where slots are free and the upstream does as it should. */
function onStack(options: () => StackOptions): void {
  beforeAll(async () => {
    ways = await Ways.open(options());
  });
  afterAll(() => ways?.stack.close());
  afterEach(async () => {
    ways.poll('often');
    ways.breakCalls(0);
    await ways.openSlots();
    await ways.stack.faults([], { speed: 20 });
  });
}

/** Goes a way, and saves the history of the workflow that went it. */
function way(name: string, go: () => Promise<string>): void {
  test(name, async () => await ways.save(name, await go()));
}

const fault = (kind: string, more: object = {}) => ways.stack.faults([{ kind, count: 1, ...more }]);

async function ends(id: string, state: string): Promise<string> {
  expect(await ways.stack.ended(id)).toMatchObject({ state });
  return id;
}

/** Ends so at once, and its task later. */
async function endsAndSettles(id: string, state: string): Promise<string> {
  await ends(id, state);
  await ways.settled(id);
  return id;
}

describe('at an account that is polled', () => {
  onStack(() => ({}));

  way('completed', async () => ends(await ways.create(), 'completed'));

  way('polled', async () => {
    await ways.stack.faults([{ kind: 'unknown_status', count: 1 }], { speed: 2 });
    return ends(await ways.create({ duration_seconds: 2 }), 'completed');
  });

  way('failing-polls', async () => {
    await fault('http_error', { on: 'task', status: 503, count: 3 });
    return ends(await ways.create(), 'completed');
  });

  way('broken-polls', async () => {
    ways.breakCalls(2);
    return ends(await ways.create(), 'completed');
  });

  way('missing-at-first', async () => {
    await fault('missing_at_first', { forMs: 300 });
    return ends(await ways.create(), 'completed');
  });

  way('told-by-its-upstream', async () => {
    const id = await ways.polledOnce();
    await ways.untilEnded(id, () => ways.stack.workflows.signalNews(id));
    return ends(id, 'completed');
  });

  way('polled-on-demand', async () => {
    const id = await ways.polledOnce();
    await ways.untilEnded(id, () => ways.stack.workflows.signalRecheck(id));
    return ends(id, 'completed');
  });

  way('reopened-running', async () => {
    const id = await ways.polledOnce();
    await ways.stack.workflows.signalReopen(id);
    return ends(id, 'completed');
  });

  way('entered-again', async () => {
    const id = await ways.polledOnce();
    await ways.forget(id);
    await ways.stack.workflows.signalNews(id);
    return ends(id, 'completed');
  });

  way('failed', async () => {
    await fault('failed_task');
    return ends(await ways.create(), 'failed');
  });

  way('result-invalid', async () => {
    await fault('truncated_result');
    return ends(await ways.create(), 'failed');
  });

  way('result-expired', async () => {
    await fault('expired_result', { status: 404 });
    return ends(await ways.create(), 'failed');
  });

  way('refused', async () => {
    await fault('http_error', { on: 'create', status: 422 });
    return ends(await ways.create(), 'failed');
  });

  way('reset-by-an-operator', async () => {
    const id = await ways.running();
    await ways.reset(id);
    return ends(id, 'completed');
  });

  way('terminated-and-resumed', async () => {
    const id = await ways.running();
    await ways.stack.client.workflow.getHandle(id).terminate('by an operator');
    await ways.untilEnded(id, () => ways.sweep());
    return endsAndSettles(id, 'cancelled');
  });

  way('reopened-archiving', async () => {
    await fault('http_error', { on: 'result', status: 503 });
    const id = await ways.create();
    await ways.untilItsResultIsAwaited(id);
    const older = { state: 'running', taskEnd: null, endedAt: null } as const;
    await ways.stack.db.update(submissions).set(older).where(eq(submissions.videoId, id));
    return ends(id, 'completed');
  });
});

describe('in the queue', () => {
  onStack(() => ({}));

  way('granted-by-signal', async () => {
    const id = await ways.waiting();
    await ways.openSlots();
    return ends(id, 'completed');
  });

  way('asked-again-waiting', async () => {
    const id = await ways.waiting();
    await ways.stack.workflows.signalRecheck(id);
    await ways.untilItWaits(id);
    await ways.openSlots();
    return ends(id, 'completed');
  });

  way('reopened-waiting', async () => {
    const id = await ways.waiting();
    await ways.stack.workflows.signalReopen(id);
    await ways.untilItWaits(id);
    await ways.openSlots();
    return ends(id, 'completed');
  });

  way('rate-limited', async () => {
    await fault('http_error', { on: 'create', status: 429, retryAfterSeconds: 1 });
    return ends(await ways.create(), 'completed');
  });

  way('cancelled-waiting', async () => {
    const id = await ways.waiting();
    await ways.cancel(id);
    return ends(id, 'cancelled');
  });

  way('expired-waiting', async () => ends(await ways.waiting({ 'x-start-before': inSeconds(2) }), 'expired'));

  way('out-of-time-waiting', async () => ends(await ways.waiting({ 'x-end-before': inSeconds(2) }), 'cancelled'));
});

describe('with an answer that is lost', () => {
  onStack(() => ({}));

  way('adopted', async () => ends(await ways.inDoubt('now'), 'completed'));

  way('sent-again', async () => {
    await ends(await ways.create(), 'completed');
    return ends(await ways.inDoubt('never'), 'completed');
  });

  way('asked-again-in-doubt', async () => {
    const id = await ways.inDoubt({ afterMs: 2000 });
    await ways.stack.workflows.signalRecheck(id);
    return ends(id, 'completed');
  });

  way('reopened-in-doubt', async () => {
    const id = await ways.inDoubt({ afterMs: 1000 });
    await ways.stack.workflows.signalReopen(id);
    return ends(id, 'completed');
  });

  way('cancelled-in-doubt', async () => {
    const id = await ways.inDoubt({ afterMs: 1000 });
    await ways.cancel(id);
    return endsAndSettles(id, 'cancelled');
  });

  way('out-of-time-in-doubt', async () => {
    const id = await ways.inDoubt({ afterMs: 5000 }, { headers: { 'x-end-before': inSeconds(3) } });
    return endsAndSettles(id, 'cancelled');
  });

  way('answer-lost', async () => {
    await ways.stack.db.update(accounts).set({ readsList: false });
    const id = await ends(await ways.inDoubt('never'), 'failed');
    await ways.stack.db.update(accounts).set({ readsList: true });
    return id;
  });
});

describe('cancelled or out of time', () => {
  onStack(() => ({}));

  way('cancelled-running', async () => {
    const id = await ways.running();
    await ways.cancel(id);
    return endsAndSettles(id, 'cancelled');
  });

  way('cancelled-in-the-ui', async () => {
    const id = await ways.running();
    await ways.stack.client.workflow.getHandle(id).cancel();
    return endsAndSettles(id, 'cancelled');
  });

  way('cancelled-by-its-row', async () => {
    const id = await ways.polledOnce();
    await ways.wishCancelled(id);
    await ways.untilEnded(id, () => ways.stack.workflows.signalNews(id));
    return endsAndSettles(id, 'cancelled');
  });

  way('cancelled-archiving', async () => {
    await fault('slow_result', { bytesPerSecond: 2000, count: 5 });
    const id = await ways.create();
    await ways.reached(id, 'archiving');
    await ways.cancel(id);
    return ends(id, 'cancelled');
  });

  way('reopened-followed', async () => {
    const id = await ways.running();
    await ways.cancel(id);
    await ways.untilItWaits(id);
    await ways.stack.workflows.signalReopen(id);
    return endsAndSettles(id, 'cancelled');
  });

  way('followed-to-its-end', async () => {
    await fault('stuck_progress');
    const id = await ways.create();
    await ways.reached(id, 'generating');
    await ways.cancel(id);
    const runningAt = new Date(Date.now() - 3 * 86_400_000);
    await ways.stack.db.update(submissions).set({ runningAt }).where(eq(submissions.videoId, id));
    ways.breakCalls(1);
    await ways.stack.workflows.signalReopen(id);
    return endsAndSettles(id, 'cancelled');
  });

  way('expired-running', async () => {
    ways.poll('often', { deadlineMs: 1000 });
    return endsAndSettles(await ways.running(), 'expired');
  });

  way('out-of-time-running', async () =>
    endsAndSettles(await ways.running({ duration_seconds: 2 }, { 'x-end-before': inSeconds(2) }), 'cancelled'),
  );
});

describe('where a run is continued as a new one', () => {
  const folder = mkdtempSync(join(tmpdir(), 'clipyard-short-histories-'));
  const program = join(folder, 'temporal');
  const limit = '--dynamic-config-value limit.historyCount.suggestContinueAsNew=60';
  writeFileSync(program, `#!/bin/sh\nexec '${process.env['TEMPORAL_CLI_PATH']}' "$@" ${limit}\n`);
  chmodSync(program, 0o700);
  afterAll(() => rmSync(folder, { recursive: true }));
  onStack(() => ({ temporalBinary: program }));

  const firstRunOf = async (id: string) => (await ways.stack.client.workflow.getHandle(id).describe()).runId;

  /** Has a run ask its rows until it has gone on as a new one. */
  async function untilContinued(id: string): Promise<void> {
    const first = await firstRunOf(id);
    while ((await firstRunOf(id)) === first) {
      await ways.stack.workflows.signalRecheck(id);
      await ways.untilItWaits(id);
    }
  }

  way('continued-waiting', async () => {
    const id = await ways.waiting();
    await untilContinued(id);
    await ways.openSlots();
    return ends(id, 'completed');
  });

  way('continued-in-doubt', async () => {
    const faults = [{ kind: 'http_error', on: 'list', status: 502, count: 1000 }];
    const id = await ways.inDoubt('now', { faults });
    await untilContinued(id);
    await ways.stack.faults([]);
    return ends(id, 'completed');
  });

  way('continued-running', async () => {
    await fault('slow', { factor: 20 });
    return ends(await ways.create(), 'completed');
  });

  way('continued-cancelled', async () => {
    await fault('slow', { factor: 40 });
    const id = await ways.create();
    await ways.reached(id, 'generating');
    await ways.cancel(id);
    return endsAndSettles(id, 'cancelled');
  });
});

/** A model at an upstream whose own models are not read. */
async function offer(upstreamModel: string, at: readonly string[] = ['sandbox']): Promise<void> {
  await syncConfiguredModels(ways.stack.db, [
    {
      id: 'clip',
      accounts: [...at],
      upstreamModel,
      pricePerSecondMicroUsd: 10_000,
      durationsSeconds: null,
      minDurationSeconds: 1,
      maxDurationSeconds: 8,
      aspectRatios: ['16:9'],
      qualities: ['720p'],
      modes: ['text'],
    },
  ]);
}

describe('at two accounts of an upstream', () => {
  onStack(() => ({}));

  way('submitted-at-another-account', async () => {
    const { db, dependencies } = ways.stack;
    const [first] = dependencies.accounts;
    if (!first) throw new Error('there is no account');
    const both = [first, { ...first, id: 'another', apiKey: 'sk-air-another' }];
    Object.assign(dependencies, { accounts: both });
    await syncAccounts(
      db,
      both.map((account) => withFacts(account)),
    );
    await offer('sandbox-mini', ['sandbox', 'another']);
    await fault('http_error', { on: 'create', status: 429, retryAfterSeconds: 60 });
    return ends(await ways.create({ model: 'clip' }), 'completed');
  });
});

describe('at an upstream that takes keys and can cancel', () => {
  onStack(() => ({ provider: 'infrai' }));
  beforeAll(() => offer('cheapest'));

  way('sent-again-under-its-key', async () => {
    await fault('lost_create_answer', { answer: 'reset', recorded: 'now' });
    return ends(await ways.create({ model: 'clip' }), 'completed');
  });

  way('stopped', async () => {
    const id = await ways.running({ model: 'clip' });
    await ways.cancel(id);
    return endsAndSettles(id, 'cancelled');
  });

  way('stopped-at-last', async () => {
    const id = await ways.running({ model: 'clip' });
    ways.breakCalls(4);
    await ways.cancel(id);
    return endsAndSettles(id, 'cancelled');
  });
});

describe('at an upstream whose answer is the clip', () => {
  onStack(() => ({ provider: 'a4f' }));
  beforeAll(() => offer('provider-2/kling-v2.1'));

  way('delivered', async () => ends(await ways.create({ model: 'clip' }), 'completed'));

  way('delivered-nothing', async () => {
    await fault('no_result');
    return ends(await ways.create({ model: 'clip' }), 'failed');
  });

  way('delivery-lost', async () => {
    await fault('lost_create_answer', { answer: 'reset', recorded: 'now' });
    return ends(await ways.create({ model: 'clip' }), 'failed');
  });

  way('delivered-again', async () => {
    Object.assign(ways.stack.dependencies.accounts[0] ?? {}, { onLostAnswer: 'resubmit' });
    await fault('lost_create_answer', { answer: 'reset', recorded: 'now' });
    return ends(await ways.create({ model: 'clip' }), 'completed');
  });
});

describe('as children of another workflow', () => {
  let worker: Worker;
  let working: Promise<void>;
  // Before the stack, whose connection it holds.
  afterAll(async () => {
    worker?.shutdown();
    await working;
  });
  onStack(() => ({}));

  beforeAll(async () => {
    const workflowBundle = await bundleStoryboard();
    worker = await Worker.create({ connection: ways.stack.native, taskQueue: 'storyboards', workflowBundle });
    working = worker.run();
  });

  /** Saves the histories of a storyboard of one scene and of the clip that is its child. */
  function pair(name: string, model: string, meanwhile: (parent: string, child: string) => Promise<unknown>): void {
    test(`${name}-child`, async () => {
      const parent = `${name}-parent`;
      const start = { workflowId: parent, taskQueue: 'storyboards', args: [{ model, scenes: ['a door opens'] }] };
      await ways.stack.client.workflow.start('storyboard', start);
      const [child = ''] = await ways.stack.childrenOf(parent);
      await meanwhile(parent, child);
      await ways.save(parent, parent);
      await ways.save(`${name}-child`, child);
    });
  }

  pair('completed', 'sandbox-mini', (_, child) => ends(child, 'completed'));
  pair('refused', 'no-such-model', async () => undefined);
  pair('cancelled', 'sandbox-mini', async (parent, child) => {
    await ways.stack.faults([{ kind: 'slow', factor: 10, count: 1 }]);
    await ways.reached(child, 'generating');
    await ways.stack.client.workflow.getHandle(parent).cancel();
    return endsAndSettles(child, 'cancelled');
  });
});

describe('beside the videos', () => {
  onStack(() => ({}));

  async function rearchived(): Promise<string> {
    const id = await ends(await ways.create(), 'completed');
    const { archive } = await ways.stack.video(id);
    if (archive) await ways.stack.store.remove(archive.clipKey);
    return id;
  }

  way('rearchived', async () => {
    const id = await rearchived();
    await ways.rearchive(id);
    return `rearchive:${id}`;
  });

  way('not-rearchived', async () => {
    const id = await rearchived();
    await fault('http_error', { on: 'result', status: 404, count: 100 });
    await expect(ways.rearchive(id)).rejects.toThrow();
    return `rearchive:${id}`;
  });

  way('batch', async () => {
    const { app, headers, client } = ways.stack;
    const line = { model: 'sandbox-mini', prompt: 'a red fox', duration_seconds: 1 };
    const payload = [line, { ...line, startFrom: { line: 1 } }].map((each) => JSON.stringify(each)).join('\n');
    const type = { 'content-type': 'application/jsonl' };
    const answer = await app.inject({
      method: 'POST',
      url: '/clipyard/v1/batches',
      headers: { ...headers, ...type },
      payload,
    });
    const { id } = answer.json() as { readonly id: string };
    await client.workflow.getHandle(id).result();
    return id;
  });

  async function film(transition: 'cut' | 'crossfade'): Promise<string> {
    const { app, headers } = ways.stack;
    const videos = [await ends(await ways.create(), 'completed'), await ends(await ways.create(), 'completed')];
    const answer = await app.inject({
      method: 'POST',
      url: '/clipyard/v1/films',
      headers,
      payload: { videos, transition },
    });
    return (answer.json() as { readonly id: string }).id;
  }

  way('film', () => film('cut'));

  way('film-failed', async () => {
    const makers = ways.stack.dependencies.films;
    const { make } = makers;
    Object.assign(makers, { make: () => Promise.reject(new FfmpegMissing('this server has no ffmpeg')) });
    const id = await film('crossfade');
    await expect(ways.stack.client.workflow.getHandle(id).result()).rejects.toThrow();
    Object.assign(makers, { make });
    return id;
  });

  way('film-cancelled', async () => {
    const makers = ways.stack.dependencies.films;
    const { make } = makers;
    const begun = new Promise<void>((begin) => {
      Object.assign(makers, {
        make: ({ signal }: FilmOrder) =>
          new Promise((_, reject) => {
            begin();
            signal.addEventListener('abort', () => reject(signal.reason));
          }),
      });
    });
    const id = await film('cut');
    await begun;
    await ways.stack.client.workflow.getHandle(id).cancel();
    await expect(ways.stack.client.workflow.getHandle(id).result()).rejects.toThrow();
    Object.assign(makers, { make });
    return id;
  });

  way('told-to-no-endpoint', async () => {
    const told = { callerId: 'root', endpointId: 'we_removed', type: 'video.completed' } as const;
    const deliveryId = await deliverTest(ways.stack.db, told);
    await ways.stack.workflows.startDelivery({ id: deliveryId, callerId: 'root' }, 1000);
    const id = `delivery:${deliveryId}`;
    await ways.stack.client.workflow.getHandle(id).result();
    return id;
  });

  way('swept-twice', async () => {
    const { client } = ways.stack;
    const workflowId = 'sweep';
    const run = await client.workflow.start(WORKFLOW_TYPES.sweep, { workflowId, taskQueue: TASK_QUEUES.workflows });
    for (let swept = 0; swept < 2; await sleep(1000)) {
      const { events } = await run.fetchHistory();
      swept = events?.filter(({ activityTaskCompletedEventAttributes: done }) => done).length ?? 0;
    }
    await run.cancel();
    return workflowId;
  });
});
