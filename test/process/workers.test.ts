/** The workers of a process stand and fall together: where one fails all of them end, and all are started again. */

import { setTimeout as sleep } from 'node:timers/promises';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { TemporalLink } from '../../src/process/link.ts';
import { whenAborted } from '../../src/process/stop.ts';
import { runWorkers, type WorkerPart } from '../../src/process/workers.ts';
import { TASK_QUEUES } from '../../workflows/messages.ts';
import { fakeWorkflows } from '../fake-workflows.ts';
import { openTestParts, type TestParts } from '../open-parts.ts';

/** One for each task queue. */
const WORKERS = Object.keys(TASK_QUEUES).length;
const ALL_RUNNING = Array.from({ length: WORKERS }, () => 'RUNNING');

/** A worker without Temporal: told to shut down it drains, and stops when the signal says that all is handed over. */
class FakeWorker {
  #state = 'INITIALIZED';
  readonly #handedOver: AbortSignal;
  #settle: { stop(): void; fail(error: Error): void } | null = null;

  constructor(handedOver: AbortSignal) {
    this.#handedOver = handedOver;
  }

  getState(): string {
    return this.#state;
  }

  run(): Promise<void> {
    this.#state = 'RUNNING';
    return new Promise((stop, fail) => {
      this.#settle = { stop, fail };
    });
  }

  shutdown(): void {
    this.#state = 'DRAINING';
    void whenAborted(this.#handedOver).then(() => {
      this.#state = 'STOPPED';
      this.#settle?.stop();
    });
  }

  fail(): void {
    this.#state = 'FAILED';
    this.#settle?.fail(new Error('the worker failed'));
  }
}

let opened: TestParts;
let part: WorkerPart;
let workers: FakeWorker[];
let handedOver: AbortController;
/** Connections that were closed, each with how many workers were not at rest then. */
let closings: number[];

const isAtRest = (worker: FakeWorker) => ['STOPPED', 'FAILED'].includes(worker.getState());
const states = () => workers.map((worker) => worker.getState());

beforeEach(async () => {
  opened = await openTestParts();
  workers = [];
  handedOver = new AbortController();
  closings = [];
  const close = async () => void closings.push(workers.filter((worker) => !isAtRest(worker)).length);
  jest.spyOn(NativeConnection, 'connect').mockImplementation(async () => ({ close }) as never);
  jest.spyOn(Worker, 'create').mockImplementation(async () => {
    const worker = new FakeWorker(handedOver.signal);
    workers.push(worker);
    return worker as never;
  });
});

afterEach(async () => {
  handedOver.abort();
  await part.stop();
  await opened.close();
  jest.restoreAllMocks();
});

function start(): void {
  const refuse = () => Promise.reject(Object.assign(new Error('not here'), { code: 12, details: '', metadata: {} }));
  const connection = {
    workflowService: { describeNamespace: refuse },
    withDeadline: (_: unknown, call: () => Promise<unknown>) => call(),
  };
  const client = { schedule: { create: async () => undefined } };
  const open = { settings: {}, connection, client };
  const link = { workflows: fakeWorkflows(), current: () => open } as unknown as TemporalLink;
  part = runWorkers(opened.parts, link);
}

test('one that fails ends the others, and all are started again when they have handed over what they had', async () => {
  start();
  await part.ready;
  expect(states()).toEqual(ALL_RUNNING);
  workers[1]?.fail();
  await sleep(100);
  expect(states()).toEqual(ALL_RUNNING.map((_, index) => (index === 1 ? 'FAILED' : 'DRAINING')));
  expect({ state: part.state(), closings }).toEqual({ state: 'down', closings: [] });
  handedOver.abort();
  for (let tries = 0; part.state() === 'down' && tries < 100; tries++) await sleep(100);
  expect(closings).toEqual([0]);
  expect(states().slice(WORKERS)).toEqual(ALL_RUNNING);
});

test('one that cannot be made has all of them made again', async () => {
  jest.mocked(Worker.create).mockImplementationOnce(async () => Promise.reject(new Error('no such namespace')));
  handedOver.abort();
  start();
  await part.ready;
  // A worker that was made and has not ended holds the connection.
  expect(closings).toEqual([0]);
  expect(states().slice(-WORKERS)).toEqual(ALL_RUNNING);
});
