/** A delivery over days, in virtual time: when each receiver is tried, and when no more. */

import { replayDelivery } from '../../src/catalog/delivery-views.ts';
import type { CatalogDatabase } from '../../src/catalog/driver/database.ts';
import { recordEvent } from '../../src/catalog/events.ts';
import { createSecretBox } from '../../src/catalog/secret-box.ts';
import { deliveries, webhookEndpoints } from '../../src/catalog/tables/webhooks.ts';
import { changeEndpoint, createEndpoint, type WebhookCatalog } from '../../src/catalog/webhooks.ts';
import { EVENT_TYPES } from '../../src/domain/webhook.ts';
import type { PostAnswer } from '../../src/net/untrusted/send.ts';
import { type AttemptInput, attemptDelivery } from '../../src/webhooks/attempt.ts';
import { deliverWebhook } from '../../workflows/deliver-webhook.ts';
import { openMemoryCatalog } from '../catalog/memory-catalog.ts';
import { emptyCatalog } from '../catalog/with-catalog.ts';
import { VirtualTime } from '../model/virtual-time.ts';
import { Run, WorkflowRuntime } from '../model/workflow-runtime.ts';

jest.mock(
  '@temporalio/workflow',
  () => jest.requireActual<typeof import('../model/workflow-runtime.ts')>('../model/workflow-runtime.ts').workflowApi,
);

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const WAITS_MS = [5000, 5 * MINUTE_MS, 30 * MINUTE_MS, ...[2, 5, 10, 14, 20, 24].map((hours) => hours * HOUR_MS)];
const MOST_EVENTS = 10_000;

type Receiver = () => PostAnswer;
const answers =
  (status: number, headers = {}): Receiver =>
  () => ({ status, headers, text: '' });
const throws =
  (message: string): Receiver =>
  () => {
    throw new Error(message);
  };

let database: CatalogDatabase;
let time: VirtualTime;
let uninstall: () => void;
let runtime: WorkflowRuntime;
let endpointId: string;
let receiver: Receiver;
/** When the receiver was asked. */
let asked: number[] = [];
const secrets = createSecretBox('secret-key-of-the-tests');
const catalog = (): WebhookCatalog => ({ db: database.db, secrets });

beforeAll(async () => {
  database = await openMemoryCatalog();
  time = new VirtualTime(Math.ceil(Date.now() / DAY_MS) * DAY_MS);
  uninstall = time.install(database.db);
  jest.spyOn(Math, 'random').mockReturnValue(0.5);
});
beforeEach(async () => {
  await emptyCatalog(database);
  time.reset(time.nowMs + DAY_MS);
  runtime = new WorkflowRuntime(time);
  asked = [];
  const wanted = { callerId: 'caller_1', url: 'https://a.example/hook', description: null, events: EVENT_TYPES };
  endpointId = (await createEndpoint(catalog(), { ...wanted, words: 'own' })).endpoint.id;
});
afterAll(async () => {
  uninstall();
  jest.restoreAllMocks();
  await database.close();
});

const attempting = () => ({
  ...catalog(),
  trustedHosts: [],
  post: async () => {
    asked.push(time.nowMs);
    return receiver();
  },
});

/** Has an end told, by a run of its own. */
async function tell(subjectId: string): Promise<void> {
  await recordEvent(database.db, { callerId: 'caller_1', subjectId, type: 'video.completed' });
  for (const { id } of await database.db.select().from(deliveries)) {
    if (!runtime.runs.has(id)) runtime.start(new Run(id, {}, MOST_EVENTS), deliverWebhook, { deliveryId: id });
  }
}

/** Lets time pass until nothing is left to happen, or until then. */
async function pass(untilMs = Number.POSITIVE_INFINITY): Promise<void> {
  for (;;) {
    await runtime.settle();
    const next = runtime.ready.shift();
    if (next) next.settle({ value: await attemptDelivery(attempting(), next.input as AttemptInput) });
    else if (!time.advance(untilMs)) break;
  }
  expect(runtime.defects).toEqual([]);
}

const waits = () => asked.slice(1).map((at, index) => at - (asked[index] ?? 0));
const states = async () => (await database.db.select().from(deliveries)).map(({ state }) => state);

test.each([
  ['is down', throws('connect ECONNREFUSED')],
  ['answers 500', answers(500)],
  ['answers 301', answers(301, { location: 'https://b.example' })],
  ['takes longer than 15 s', throws('TimeoutError: the operation was aborted due to timeout')],
])('a receiver that %s is tried ten times within 76 hours', async (_what, always) => {
  receiver = always;
  await tell('video_1');
  await pass();
  expect(waits()).toEqual(WAITS_MS);
  expect(await states()).toEqual(['failed']);
});

test('a receiver that is up again is told by the next attempt, and no more', async () => {
  receiver = () => answers(asked.length < 4 ? 500 : 200)();
  await tell('video_1');
  await pass();
  expect(waits()).toEqual(WAITS_MS.slice(0, 3));
  expect(await states()).toEqual(['delivered']);
});

test.each(['retryNow', 'sentAgain'])('a replay that comes while the run closes is sent (%s)', async (signal) => {
  receiver = answers(200);
  await tell('video_1');
  await runtime.settle();
  const [attempt] = runtime.ready.splice(0);
  const value = await attemptDelivery(attempting(), attempt?.input as AttemptInput);
  // The success stands in the rows, and the run has not heard of it.
  const [delivery] = await database.db.select().from(deliveries);
  await replayDelivery(database.db, 'caller_1', delivery?.id ?? '');
  expect(runtime.signal(delivery?.id ?? '', signal)).toBe(true);
  attempt?.settle({ value });
  await pass();
  expect(asked).toHaveLength(2);
  expect(await states()).toEqual(['delivered']);
});

test('a run that follows a first attempt begins with the second, when that is due', async () => {
  receiver = answers(500);
  await recordEvent(database.db, { callerId: 'caller_1', subjectId: 'video_1', type: 'video.completed' });
  const [{ id = '' } = {}] = await database.db.select().from(deliveries);
  const startMs = time.nowMs;
  runtime.start(new Run(id, {}, MOST_EVENTS), deliverWebhook, { deliveryId: id, attempt: 2, waitMs: 7000 });
  await pass();
  expect(asked[0]).toBe(startMs + 7000);
  expect(waits()).toEqual(WAITS_MS.slice(1));
});

test('a Retry-After puts the next attempt off, where it is longer than the schedule', async () => {
  receiver = () => answers(429, { 'retry-after': '3600' })();
  await tell('video_1');
  await pass();
  expect(waits()).toEqual(WAITS_MS.map((wait) => Math.max(wait, HOUR_MS)));
});

test('a 410 ends the delivery and disables the endpoint, so that nothing else is sent', async () => {
  receiver = answers(410);
  await tell('video_1');
  await pass();
  await tell('video_2');
  await pass();
  expect(asked).toHaveLength(1);
  expect(await states()).toEqual(['stopped']);
  expect(await database.db.select().from(webhookEndpoints)).toMatchObject([{ disabledReason: 'it answered 410' }]);
});

test('an endpoint that only fails is disabled after five days, and is told again once it is enabled', async () => {
  receiver = answers(503);
  const startMs = time.nowMs;
  for (let day = 0; day < 7; day++) {
    await tell(`video_${day}`);
    await pass(startMs + (day + 1) * DAY_MS);
  }
  const [endpoint] = await database.db.select().from(webhookEndpoints);
  expect(endpoint?.disabledReason).toMatch(/five days/);
  const disabledMs = (endpoint?.disabledAt?.getTime() ?? 0) - startMs;
  expect(disabledMs).toBeGreaterThan(5 * DAY_MS);
  // None but the attempt that found it out.
  expect(asked.filter((at) => at - startMs > 5 * DAY_MS)).toHaveLength(1);
  await changeEndpoint(catalog(), { callerId: 'caller_1', id: endpointId }, { enabled: true });
  receiver = answers(200);
  await tell('video_7');
  await pass();
  expect((await states()).filter((state) => state === 'delivered').length).toBeGreaterThanOrEqual(1);
});
