/** What the console shows, as pure functions: words, numbers, filters, bars, commands and forms. */

import type { Account, Delivery, Model, Video } from '../../console/answers.ts';
import { microUsdOf } from '../../console/view/amount.ts';
import { csvOf } from '../../console/view/csv.ts';
import { curlOf, DIALECTS } from '../../console/view/curl.ts';
import { draftFor, draftOf, problemsOf, toBody } from '../../console/view/draft.ts';
import { filterOf, isEnded, listQuery, matches, TABS } from '../../console/view/filters.ts';
import { ago, bytes, dollars, duration } from '../../console/view/format.ts';
import { byReason, lossesOf } from '../../console/view/losses.ts';
import { byDay, inStretches, medianOf, tally } from '../../console/view/series.ts';
import { ticksOf, waterfallOf } from '../../console/view/waterfall.ts';
import { adviceOn, failureWords, waitEnds, whyOf } from '../../console/view/words.ts';
import { VIDEO_FAILURES } from '../../src/domain/failure.ts';
import { DIALECTS as ALL_DIALECTS } from '../../src/domain/vendor.ts';
import { END_STATES, RUNNING_STATES, VIDEO_STATES } from '../../src/domain/video.ts';
import { readProjectFile } from '../source-files.ts';

const AT = '2026-03-01T12:00:00.000Z';
const after = (seconds: number) => new Date(Date.parse(AT) + seconds * 1000).toISOString();

function makeVideo(given: Partial<Video> = {}): Video {
  return {
    id: 'video_1',
    caller: 'root',
    state: 'queued',
    dialect: 'airforce',
    provider: null,
    account: null,
    model: 'sandbox-mini',
    taskId: null,
    upstreamWord: null,
    progress: 0,
    queuePosition: null,
    batchId: null,
    againOf: null,
    request: {
      model: 'sandbox-mini',
      mode: 'text',
      prompt: "A painter's red fox",
      durationSeconds: 5,
      aspectRatio: '16:9',
      quality: '720p',
      images: [],
      extra: {},
    },
    createdAt: AT,
    sentAt: null,
    submittedAt: null,
    generatedAt: null,
    endedAt: null,
    expiresAt: after(86_400),
    cost: { estimateMicroUsd: 500_000, settledMicroUsd: null, upstreamMicroUsd: null },
    archive: null,
    delivery: null,
    failure: null,
    waitingFor: null,
    submissions: 0,
    polls: 0,
    pollOffsetsMs: [],
    workflowUrl: null,
    ...given,
  };
}

const MODEL: Model = {
  id: 'sandbox-mini',
  accounts: ['sandbox'],
  provider: 'airforce',
  modes: ['text', 'image'],
  durationsSeconds: null,
  minDurationSeconds: 1,
  maxDurationSeconds: 10,
  aspectRatios: ['16:9', '9:16'],
  qualities: ['480p', '720p'],
  pricePerSecondMicroUsd: 100_000,
  lately: null,
};

test('money, times and sizes are read at a glance', () => {
  expect([0, 1_250_000, 3_100, -500_000, 12_345_678_900].map(dollars)).toEqual([
    '$0.00',
    '$1.25',
    '$0.0031',
    '−$0.50',
    '$12,345.68',
  ]);
  expect([4200, 59_700, 200_000, 2_562_000, 7_500_000, 180_000_000].map(duration)).toEqual([
    '4.2 s',
    '1 min',
    '3 min 20 s',
    '42 min',
    '2 h 5 min',
    '2 d 2 h',
  ]);
  expect([0, 3, 190, -7200].map((seconds) => ago(after(-seconds), Date.parse(AT)))).toEqual([
    'now',
    'now',
    '3 min ago',
    'in 2 h',
  ]);
  expect([12, 4_321, 48_000_000].map(bytes)).toEqual(['12 B', '4.3 kB', '48 MB']);
  expect(['25', '$1,000.5', '0.000001'].map(microUsdOf)).toEqual([25_000_000, 1_000_500_000, 1]);
  expect(() => microUsdOf('-1')).toThrow('no amount');
});

test('a filter is what the address says, for the route and for what the stream tells', () => {
  const filter = filterOf(new URLSearchParams('state=active&model=sandbox-mini&q=FOX%20red'));
  expect(listQuery(filter)).toMatchObject({ state: expect.stringContaining('generating'), model: 'sandbox-mini' });
  expect(matches(filter, makeVideo())).toBe(true);
  expect(matches(filter, makeVideo({ state: 'completed' }))).toBe(false);
  expect(matches({ ...filter, text: 'badger' }, makeVideo())).toBe(false);
  expect(filterOf(new URLSearchParams('state=constructor')).tab).toBe('all');
});

test('a life is bars to scale, the last of which goes on until the end', () => {
  const running = makeVideo({ state: 'generating', submittedAt: after(10), polls: 4 });
  const life = waterfallOf(running, Date.parse(after(30)));
  expect(life.stretches.map(({ kind, isOpen, fromMs, toMs }) => [kind, isOpen, (toMs - fromMs) / 1000])).toEqual([
    ['waiting', false, 10],
    ['generating', true, 20],
  ]);
  expect(life.stretches[1]?.detail).toBe('4 polls, one each 5.0 s');
  expect(ticksOf(life).map(({ label }) => label)).toEqual(['0', '10 s', '20 s', '30 s']);
  const ended = makeVideo({ state: 'completed', submittedAt: after(1), generatedAt: after(9), endedAt: after(10) });
  expect(waterfallOf(ended, Date.parse(after(500))).stretches.map(({ isOpen }) => isOpen)).toEqual([
    false,
    false,
    false,
  ]);
});

const makeDelivery = (given: Partial<Delivery>): Delivery => ({
  id: 'delivery_1',
  eventId: 'event_1',
  endpointId: 'endpoint_1',
  type: 'video.completed',
  test: false,
  state: 'delivered',
  attempts: 1,
  createdAt: after(40),
  nextAttemptAt: null,
  endedAt: after(41),
  lastStatus: 200,
  lastError: null,
  ...given,
});

test('a life shows its create, its polls where they were, and who was told of its end', () => {
  const video = makeVideo({
    state: 'completed',
    sentAt: after(9),
    submittedAt: after(10),
    generatedAt: after(30),
    endedAt: after(40),
    polls: 4,
    // The last one is of the bill, behind the end of the task.
    pollOffsetsMs: [15_000, 20_000, 30_000, 45_000],
  });
  const life = waterfallOf(video, 0, [makeDelivery({})]);
  expect(life.stretches.map(({ kind, fromMs, toMs }) => [kind, (toMs - fromMs) / 1000])).toEqual([
    ['waiting', 9],
    ['submitting', 1],
    ['generating', 20],
    ['archiving', 10],
    ['telling', 1],
  ]);
  const marks = life.stretches.map(({ marksMs }) => marksMs.map((ms) => (ms - Date.parse(AT)) / 1000));
  expect(marks).toEqual([[], [], [15, 20, 30], [], []]);
  expect(life.stretches[2]?.detail).toBe('3 polls, one each 6.7 s');
  const again = waterfallOf({ ...video, sentAt: after(25) }, 0);
  expect(again.stretches.map(({ kind }) => kind)).toEqual(['waiting', 'generating', 'archiving']);

  const late = makeDelivery({ id: 'delivery_2', state: 'waiting', attempts: 3, endedAt: null });
  const told = waterfallOf(video, Date.parse(after(9000)), [makeDelivery({}), late]);
  expect(told.endMs).toBe(Date.parse(after(60)));
  expect(told.stretches.at(-1)).toMatchObject({ isOpen: true, detail: '1 of 2 deliveries, 4 attempts' });
});

test('what was lost has its reason, its video or its task', () => {
  const cost = { estimateMicroUsd: 5, settledMicroUsd: null, upstreamMicroUsd: 3 };
  const failure = { kind: 'result_invalid', message: 'x', upstream: null } as const;
  const videos = [
    makeVideo({ state: 'failed', cost, failure, endedAt: after(5) }),
    makeVideo({ id: 'video_2', state: 'failed', cost, failure, endedAt: after(9) }),
    makeVideo({ id: 'video_3', state: 'failed', cost: { ...cost, upstreamMicroUsd: null }, failure }),
  ];
  const orphans = [{ taskId: 'task_1', model: null, costMicroUsd: 9, createdAt: after(7), endedAt: null }];
  const losses = lossesOf(videos, [{ id: 'main', orphans } as unknown as Account]);
  expect(losses.map(({ videoId, what, microUsd }) => videoId ?? `${what}: ${microUsd}`)).toEqual([
    'video_2',
    'task_1 at main: 9',
    'video_1',
  ]);
  expect(byReason(losses).map(({ value }) => value)).toEqual([9, 6]);
});

test('why a video waits or failed is said in a sentence', () => {
  const waitingFor = {
    kind: 'slot',
    since: AT,
    until: null,
    detail: 'no account that may make it has a free slot',
  } as const;
  expect(whyOf(makeVideo({ waitingFor, queuePosition: 3 }))).toBe(
    'No account that may make it has a free slot. 2 are before it.',
  );
  const failure = { kind: 'answer_lost', message: 'x', upstream: null } as const;
  expect(whyOf(makeVideo({ state: 'failed', failure }))).toMatch(/answer was lost/);
  expect(whyOf(makeVideo({ state: 'completed' }))).toBeNull();
  const delivery = { state: 'waiting', at: null, message: 'the storage answered 503' } as const;
  expect(whyOf(makeVideo({ state: 'archiving', delivery: { ...delivery, message: null } }))).toMatch(/downloaded/);
  expect(whyOf(makeVideo({ state: 'archiving', delivery }))).toBe(
    'The clip is here, and its delivery is tried again: The storage answered 503.',
  );
  expect(whyOf(makeVideo({ state: 'completed', delivery: { ...delivery, state: 'failed', at: AT } }))).toMatch(
    /could not be delivered/,
  );
});

test('a doubt is looked at again, what else waits is tried again, where it is known when', () => {
  const waitingFor = { kind: 'lost_answer', since: AT, until: AT, detail: 'x' } as const;
  const nowMs = Date.parse(AT) - 7000;
  expect(waitEnds(makeVideo({ state: 'unconfirmed', waitingFor }), nowMs)).toBe('It is looked at again in 7 s.');
  expect(waitEnds(makeVideo({ waitingFor }), nowMs)).toBe('It is tried again in 7 s.');
  expect(waitEnds(makeVideo({ waitingFor: { ...waitingFor, until: null } }), nowMs)).toBeNull();
});

test('the command of each dialect has its own words, and survives the quotes of a prompt', () => {
  const bodies = Object.fromEntries(
    Object.entries(DIALECTS).map(([name, { body }]) => [name, JSON.parse(JSON.stringify(body(makeVideo().request)))]),
  );
  expect(bodies).toMatchObject({
    airforce: { duration_seconds: 5, aspect_ratio: '16:9', quality: '720p' },
    openai: { seconds: '5', size: '1280x720' },
    infrai: { duration_seconds: 5, aspect: '16:9', resolution: '720p' },
    a4f: { duration: 5, ratio: '16:9', quality: '720p' },
    'ai-gateway': { duration: 5, aspectRatio: '16:9', resolution: '720p' },
  });
  expect(Object.keys(bodies).toSorted()).toEqual(ALL_DIALECTS.toSorted());
  expect(curlOf('ai-gateway', makeVideo().request, 'http://gateway')).toContain("-H 'ai-model-id: sandbox-mini'");
  expect(curlOf('openai', makeVideo().request, 'http://gateway')).toContain(`painter'\\''s red fox`);
});

test('the form of a new video is what the model can do', () => {
  const draft = draftOf([MODEL], null);
  expect(draft).toMatchObject({ model: 'sandbox-mini', seconds: 5, aspectRatio: '16:9', quality: '480p' });
  expect(problemsOf(draft, MODEL)).toEqual(['Say what it shows.']);
  const narrow: Model = { ...MODEL, id: 'other', modes: ['text'], durationsSeconds: [4, 8], aspectRatios: ['1:1'] };
  const images = [{ kind: 'url', url: 'https://a.example/b.png' }] as const;
  expect(draftFor(narrow, { ...draft, images })).toMatchObject({ seconds: 4, aspectRatio: '1:1', images: [] });
  expect(JSON.parse(JSON.stringify(toBody({ ...draft, prompt: 'a fox', images }, MODEL, 7)))).toEqual({
    model: 'sandbox-mini',
    prompt: 'a fox',
    mode: 'image',
    duration_seconds: 5,
    aspect_ratio: '16:9',
    quality: '480p',
    input_images: [{ url: 'https://a.example/b.png' }],
    seed: 7,
  });
});

test('sums and counts over time have a place for each day and stretch', () => {
  const nowMs = Date.parse(AT);
  const items = [
    { day: '2026-03-01', settledMicroUsd: 5 },
    { day: '2026-03-01', settledMicroUsd: 2 },
    { day: '2026-02-27', settledMicroUsd: 1 },
  ];
  expect(byDay(items, 3, nowMs)).toEqual([
    { label: '2026-02-27', value: 1 },
    { label: '2026-02-28', value: 0 },
    { label: '2026-03-01', value: 7 },
  ]);
  const times = [nowMs, nowMs - 10, nowMs - 2500, nowMs - 9e9].map((atMs) => ({ atMs }));
  const stretches = inStretches(times, { count: 3, eachMs: 1000, nowMs });
  expect(stretches.map(({ length }) => length)).toEqual([1, 0, 2]);
  expect([medianOf([3, 1, 2]), medianOf([])]).toEqual([2, null]);
  expect(tally(['a', 'b', 'b'])).toEqual([
    { label: 'b', value: 2 },
    { label: 'a', value: 1 },
  ]);
});

test('rows as CSV hold what would be a formula as text', () => {
  expect(csvOf([{ id: 'a,"b"', note: '=1+1', amount: -5, none: null, model: '-2+3' }])).toBe(
    'id,note,amount,none,model\r\n"a,""b""",\'=1+1,-5,,\'-2+3\r\n',
  );
});

test('each failure has words of its own, and the advice of the other places that tell of it', () => {
  for (const [kind, { advice }] of Object.entries(VIDEO_FAILURES)) {
    expect(failureWords(kind)).toMatch(/^[A-Z].*\.$/);
    // Its page has a button for it, and names no route.
    expect([kind, adviceOn(kind)]).toEqual([kind, advice?.replace(' (`rearchive`)', '') ?? null]);
  }
});

test('each state stands in one tab and has a colour, and one that runs says in a sentence where the video is', () => {
  const inTabs = Object.values(TABS).flatMap(({ states }): readonly string[] => states ?? []);
  expect(inTabs.toSorted()).toEqual(VIDEO_STATES.toSorted());
  const coloured = readProjectFile('console/style.css');
  expect(VIDEO_STATES.filter((state) => !coloured.includes(`.state-${state}`))).toEqual([]);
  for (const state of RUNNING_STATES) expect(whyOf(makeVideo({ state }))).toMatch(/^[A-Z].*\.$/);
  expect(VIDEO_STATES.filter((state) => isEnded({ state }))).toEqual([...END_STATES]);
});
