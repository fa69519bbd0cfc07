/** The follower: how many streams it holds, how often it gives a hint, and how it ends. */

import type { ProviderCall } from '../../src/domain/provider.ts';
import type { RunningTask } from '../../src/domain/step.ts';
import { PROVIDERS_BY_NAME } from '../../src/providers/index.ts';
import { type FollowerSettings, TaskFollower } from '../../src/submissions/follow.ts';
import { silentLog } from '../temporal/silent-log.ts';

/** A stream that was opened, and how a test ends it. */
interface Opened {
  readonly taskId: string;
  readonly call: ProviderCall;
  pushOver(): void;
  lose(): void;
}

const ACCOUNT = {
  id: 'one',
  provider: 'airforce',
  baseUrl: 'https://one.example',
  apiKey: 'sk-one',
  maxConcurrentTasks: 4,
  shared: false,
  list: true,
  pool: 'main',
  maxRequestsPerSecond: 1000,
  onLostAnswer: 'fail',
  lostAnswerHoldMs: 0,
  trustedHosts: [],
  timing: {},
} as const;

function task(n: number, overrides: Partial<RunningTask> = {}): RunningTask {
  return {
    submissionId: `submission_${n}`,
    n: 1,
    account: 'one',
    provider: 'airforce',
    baseUrl: 'https://one.example',
    upstreamModel: 'wan-2.6',
    taskId: `task_${n}`,
    submittedAt: '2026-03-01T12:00:00.000Z',
    expiresAt: '2026-03-02T12:00:00.000Z',
    timing: PROVIDERS_BY_NAME.airforce.facts.timing,
    cancels: false,
    polls: 1,
    progress: 10,
    ...overrides,
  };
}

function furnish(overrides: Partial<FollowerSettings> = {}) {
  const opened: Opened[] = [];
  const told: string[] = [];
  const follow = (taskId: string, call: ProviderCall) =>
    new Promise<void>((resolve, reject) => {
      call.signal.addEventListener('abort', () => reject(call.signal.reason));
      opened.push({ taskId, call, pushOver: resolve, lose: () => reject(new Error('cut')) });
    });
  const follower = new TaskFollower({
    providers: { ...PROVIDERS_BY_NAME, airforce: { ...PROVIDERS_BY_NAME.airforce, follow } },
    accounts: [ACCOUNT],
    workflows: { signalNews: async (videoId) => told.push(videoId) > 0 },
    log: silentLog(),
    ...overrides,
  });
  return { follower, opened, told };
}

/** Lets everything go on that waits for nothing from outside. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('tells the workflow once when the end is pushed', async () => {
  const { follower, opened, told } = furnish();
  follower.follow('video_1', task(1));
  expect(told).toEqual([]);
  opened[0]?.pushOver();
  await settled();
  expect(told).toEqual(['video_1']);
});

test('listens with the account’s key where both it and the task are, and nowhere else', () => {
  const { follower, opened } = furnish();
  follower.follow('video_1', task(1));
  follower.follow('video_2', task(2, { baseUrl: 'https://former.example' }));
  expect(opened).toMatchObject([{ taskId: 'task_1', call: { baseUrl: 'https://one.example', apiKey: 'sk-one' } }]);
});

test('holds one stream for a task however often it is polled', () => {
  const { follower, opened } = furnish();
  for (let polls = 0; polls < 5; polls++) follower.follow('video_1', task(1));
  follower.follow('video_2', task(2));
  expect(opened.map(({ taskId }) => taskId)).toEqual(['task_1', 'task_2']);
});

test('gives one hint of a task whose end no poll confirms', async () => {
  const { follower, opened, told } = furnish();
  for (let polls = 0; polls < 5; polls++) {
    follower.follow('video_1', task(1));
    opened.at(-1)?.pushOver();
    await settled();
  }
  expect([opened.length, told.length]).toEqual([1, 1]);
});

test('opens a lost stream again with the next polls, three in all', async () => {
  const { follower, opened, told } = furnish();
  for (let polls = 0; polls < 10; polls++) {
    follower.follow('video_1', task(1));
    opened.at(-1)?.lose();
    await settled();
  }
  expect([opened.length, told.length]).toEqual([3, 0]);
});

test('holds no more streams than it may, and others when places are free', async () => {
  const { follower, opened } = furnish({ maxStreams: 2 });
  for (const n of [1, 2, 3]) follower.follow(`video_${n}`, task(n));
  expect(opened.map(({ taskId }) => taskId)).toEqual(['task_1', 'task_2']);
  opened[0]?.pushOver();
  await settled();
  follower.follow('video_3', task(3));
  expect(opened.map(({ taskId }) => taskId)).toEqual(['task_1', 'task_2', 'task_3']);
});

test('closes the stream of a task that is over', () => {
  const { follower, opened, told } = furnish();
  follower.follow('video_1', task(1));
  follower.leave('submission_1');
  follower.leave('submission_never_followed');
  expect(opened[0]?.call.signal.aborted).toBe(true);
  expect(told).toEqual([]);
});

test('closes every stream at its end and opens none after it', async () => {
  const { follower, opened, told } = furnish();
  for (const n of [1, 2]) follower.follow(`video_${n}`, task(n));
  await follower.close();
  follower.follow('video_3', task(3));
  expect(opened.map(({ call }) => call.signal.aborted)).toEqual([true, true]);
  expect(told).toEqual([]);
});

test('follows nothing without a push, and nothing of an account that has vanished', () => {
  const { follower, opened } = furnish();
  follower.follow('video_1', task(1, { provider: 'openai' }));
  follower.follow('video_2', task(2, { account: 'gone' }));
  expect(opened).toEqual([]);
});

test('bears that Temporal cannot be told', async () => {
  const signalNews = async () => {
    throw new Error('Temporal is away');
  };
  const { follower, opened } = furnish({ workflows: { signalNews } });
  follower.follow('video_1', task(1));
  opened[0]?.pushOver();
  await settled();
  await follower.close();
});
