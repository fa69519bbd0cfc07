/** The archive activity in Temporal's mock environment: what it hands on, and how each problem fails. */

import { ActivityCancellationDetails, ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { createArchiveActivity } from '../../activities/archive-video.ts';
import type { ArchiveClip, ArchiveOrder } from '../../src/archive/archive-clip.ts';
import { ArchiveProblem } from '../../src/archive/archive-problem.ts';
import type { ArchivedClip } from '../../src/domain/video.ts';
import type { WaitingFor } from '../../src/domain/waiting-for.ts';
import type { ResultSource } from '../../src/submissions/result-source.ts';
import { makeArchive } from '../builders.ts';

/** Failures are what is tested here, so the worker's own lines about them are left out. */
const makeEnvironment = (info = {}) => new MockActivityEnvironment(info, { logger: new DefaultLogger('ERROR') });
const inOneHour = () => new Date(Date.now() + 3_600_000);

function makeSource(overrides: Partial<ResultSource> = {}): ResultSource {
  return {
    url: 'https://cdn.example/clip.mp4?sig=1',
    baseUrl: 'https://api.example',
    needsKey: false,
    otherwise: null,
    account: 'airforce-1',
    trustedHosts: ['127.0.0.1:9000'],
    apiKey: 'key-1',
    headers: undefined,
    proxies: undefined,
    expiresAt: inOneHour(),
    retryMs: 900_000,
    notReadySince: null,
    ...overrides,
  };
}

interface Scene {
  readonly source?: ResultSource | { readonly archived: ReturnType<typeof makeArchive> };
  readonly archiveClip: ArchiveClip;
  readonly environment?: MockActivityEnvironment;
}

/** What videos were said to wait for. */
const noted: WaitingFor[] = [];
/** What was taken note of as archived. */
const archived: ArchivedClip[] = [];
beforeEach(() => {
  noted.splice(0);
  archived.splice(0);
});

function run({ source = makeSource(), archiveClip, environment = makeEnvironment() }: Scene) {
  const { archiveVideo } = createArchiveActivity({
    findResult: async () => source,
    noteWaiting: async (_videoId, waitingFor) => noted.push(waitingFor),
    waitsForDelivery: async () => false,
    noteArchived: async (_videoId, clip) => void archived.push(clip),
    archiveClip,
    inspectClip: async (clip) => makeArchive(clip),
  });
  return environment.run(archiveVideo, { videoId: 'video_1' });
}

const failWith = async (problem: ArchiveProblem, source = makeSource()): Promise<ApplicationFailure> => {
  const failure: unknown = await run({ source, archiveClip: async () => ({ kind: 'problem', problem }) }).catch(
    (error: unknown) => error,
  );
  if (failure instanceof ApplicationFailure) return failure;
  throw new Error('the activity did not fail');
};

/** An archiver that shows its order and succeeds. */
function recordOrders(): { orders: ArchiveOrder[]; archiveClip: ArchiveClip } {
  const orders: ArchiveOrder[] = [];
  const archiveClip: ArchiveClip = async (order) => {
    orders.push(order);
    return { kind: 'archived', clip: makeArchive() };
  };
  return { orders, archiveClip };
}

test('an archive that is there already is returned as it is', async () => {
  const archived = makeArchive();
  const { orders, archiveClip } = recordOrders();
  expect(await run({ source: { archived }, archiveClip })).toEqual(archived);
  expect(orders).toEqual([]);
});

test('the order names keys, source and heartbeat details', async () => {
  const { orders, archiveClip } = recordOrders();
  const environment = makeEnvironment({ heartbeatDetails: { validator: '"1"' } });
  await run({ archiveClip, environment });
  expect(orders[0]).toMatchObject({
    clipKey: 'videos/video_1/clip.mp4',
    posterKey: 'videos/video_1/poster.jpg',
    source: {
      url: 'https://cdn.example/clip.mp4?sig=1',
      baseUrl: 'https://api.example',
      trustedHosts: ['127.0.0.1:9000'],
    },
    resumeFrom: { validator: '"1"' },
  });
  expect(orders[0]?.source.authorise?.apiKey).toBeUndefined();
});

test('heartbeats of the archiver reach Temporal', async () => {
  const environment = makeEnvironment();
  const beats: unknown[] = [];
  environment.on('heartbeat', (details) => beats.push(details));
  const archiveClip: ArchiveClip = async (order) => {
    order.heartbeat({ totalBytes: 7 });
    return { kind: 'archived', clip: makeArchive() };
  };
  await run({ archiveClip, environment });
  expect(beats).toEqual([{ totalBytes: 7 }]);
});

test('a provider’s own link gets the key at its origin only', async () => {
  const { orders, archiveClip } = recordOrders();
  await run({
    source: makeSource({ url: 'https://api.example:8443/v1/videos/7/content', needsKey: true }),
    archiveClip,
  });
  expect(orders[0]?.source.authorise).toEqual({ origin: 'https://api.example:8443', apiKey: 'key-1' });
});

describe('a clip that its link does not give', () => {
  const content = { url: 'https://api.example/v1/videos/7/content', needsKey: true };
  const own = { url: '/files/7.mp4' };

  test.each<[string, Partial<ResultSource>, ArchiveProblem, string[]]>([
    ['is nowhere else', {}, new ArchiveProblem('later', 'no', { status: 404 }), []],
    [
      'is fetched elsewhere',
      { otherwise: content },
      new ArchiveProblem('later', 'no', { status: 404 }),
      ['7/content+'],
    ],
    ['is fetched elsewhere', { otherwise: content }, new ArchiveProblem('invalid', 'private'), ['7/content+']],
    ['is fetched elsewhere', { otherwise: content }, new ArchiveProblem('later', 'no connection'), ['7/content+']],
    ['goes on', { otherwise: content }, new ArchiveProblem('later', 'cut', { hasBegun: true }), []],
    ['is asked for with the key', own, new ArchiveProblem('later', 'no', { status: 401 }), ['/files/7.mp4+']],
    ['is asked for with no key', own, new ArchiveProblem('later', 'no', { status: 404 }), []],
    ['is asked for with no key', {}, new ArchiveProblem('later', 'no', { status: 403 }), []],
    [
      'is asked for with the key and elsewhere',
      { ...own, otherwise: content },
      new ArchiveProblem('later', 'no', { status: 403 }),
      ['/files/7.mp4+', '7/content+'],
    ],
  ])('%s: %j after %s', async (_name, source, problem, asked) => {
    const orders: ArchiveOrder[] = [];
    const archiveClip: ArchiveClip = async (order) => {
      orders.push(order);
      return { kind: 'problem', problem };
    };
    await expect(run({ source: makeSource(source), archiveClip })).rejects.toThrow(problem.message);
    const others = orders
      .slice(1)
      .map(({ source: { url, authorise } }) => [url, authorise?.apiKey ? '+' : ''].join(''));
    expect(others.map((other) => other.replace(/^.*\/videos\//, ''))).toEqual(asked);
  });

  test('is archived from there, and waited for where either may have it later', async () => {
    const source = makeSource({ otherwise: content });
    const answers = (...outcomes: Awaited<ReturnType<ArchiveClip>>[]) => {
      return async () => outcomes.shift() ?? { kind: 'archived' as const, clip: makeArchive() };
    };
    const invalid = { kind: 'problem', problem: new ArchiveProblem('invalid', 'private') } as const;
    const later = { kind: 'problem', problem: new ArchiveProblem('later', 'not yet') } as const;
    expect(await run({ source, archiveClip: answers(invalid) })).toEqual(makeArchive());
    expect(archived).toEqual([makeArchive()]);
    await expect(run({ source, archiveClip: answers(invalid, later) })).rejects.toMatchObject({
      type: 'result_not_ready',
    });
    await expect(run({ source, archiveClip: answers(later, invalid) })).rejects.toMatchObject({
      type: 'result_not_ready',
    });
    await expect(run({ source, archiveClip: answers(invalid, invalid) })).rejects.toMatchObject({
      type: 'result_invalid',
    });
  });
});

test('headers of the account are for its own origin, and its proxies for every link', async () => {
  const { orders, archiveClip } = recordOrders();
  const proxies = { http: null, https: 'http://proxy.example:3128/', except: [] };
  await run({ source: makeSource({ headers: { 'x-tenant': 'one' }, proxies }), archiveClip });
  expect(orders[0]?.source).toMatchObject({
    authorise: { origin: 'https://api.example', headers: { 'x-tenant': 'one' } },
    proxies,
  });
});

test('a vanished account with a keyed link can be retried', async () => {
  const { archiveClip } = recordOrders();
  const failure = run({ source: makeSource({ needsKey: true, apiKey: null }), archiveClip });
  await expect(failure).rejects.toMatchObject({ type: 'account_missing', nonRetryable: false });
});

test.each([
  ['expired', 'result_expired'],
  ['invalid', 'result_invalid'],
] as const)('the problem %s is final as %s', async (kind, type) => {
  const failure = await failWith(new ArchiveProblem(kind, 'no clip', { status: 410 }));
  expect(failure).toMatchObject({
    type,
    nonRetryable: true,
    message: 'account airforce-1: no clip',
    details: [{ status: 410 }],
  });
});

test('a result that cannot be had yet is asked for again, and the row says so', async () => {
  const failure = await failWith(new ArchiveProblem('later', 'the link answers 404', { status: 404 }));
  expect(failure).toMatchObject({ type: 'result_not_ready', nonRetryable: false, details: [{ status: 404 }] });
  expect(failure.nextRetryDelay).toBe(2000);
  expect(noted).toMatchObject([
    { kind: 'result_not_ready', detail: 'its result cannot be had yet: the link answers 404' },
  ]);
});

test('the waits grow with the attempts, and a hint of the upstream makes them longer', async () => {
  const delayOf = async (attempt: number, retryAfterMs?: number) => {
    const problem = new ArchiveProblem('later', 'busy', { retryAfterMs });
    const archiveClip: ArchiveClip = async () => ({ kind: 'problem', problem });
    const failure: unknown = await run({ archiveClip, environment: makeEnvironment({ attempt }) }).catch(
      (error) => error,
    );
    return failure instanceof ApplicationFailure ? failure.nextRetryDelay : failure;
  };
  const delays = [1, 2, 3, 4, 5, 50].map((attempt) => delayOf(attempt));
  expect(await Promise.all(delays)).toEqual([2000, 5000, 15_000, 30_000, 60_000, 60_000]);
  expect(await delayOf(1, 9000)).toBe(9000);
});

test('the patience with a result begins when it first could not be had, and its link’s life bounds it', async () => {
  const { orders, archiveClip } = recordOrders();
  const since = new Date(Date.now() - 60_000);
  await run({ archiveClip });
  await run({ archiveClip, source: makeSource({ notReadySince: since }) });
  await run({ archiveClip, source: makeSource({ notReadySince: since, retryMs: 7_200_000, expiresAt: null }) });
  const soon = new Date(Date.now() + 1000);
  await run({ archiveClip, source: makeSource({ notReadySince: since, expiresAt: soon }) });
  expect(orders.slice(1).map(({ expiresAt }) => expiresAt)).toEqual([
    new Date(since.getTime() + 900_000),
    new Date(since.getTime() + 7_200_000),
    soon,
  ]);
  const noted1 = await failWith(new ArchiveProblem('later', 'busy'), makeSource({ notReadySince: since }));
  expect(noted1.type).toBe('result_not_ready');
  expect(noted).toMatchObject([{ since: since.toISOString() }]);
});

test.each([
  ['a cancelled workflow', { cancelRequested: true }, false],
  ['a worker that shuts down', { workerShutdown: true }, true],
  ['a pause', { paused: true }, true],
  ['a timeout', { timedOut: true }, true],
])('after %s the partial download is kept or not', async (_what, details, keeps) => {
  const environment = makeEnvironment();
  const kept: boolean[] = [];
  const archiveClip: ArchiveClip = async (order) => {
    environment.cancel('CANCELLED', new ActivityCancellationDetails(details));
    kept.push(order.keepsPartial());
    throw order.signal.reason;
  };
  await expect(run({ archiveClip, environment })).rejects.toBeInstanceOf(CancelledFailure);
  expect(kept).toEqual([keeps]);
});
